/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the HTTP server know of each other; the only header that shows h2o.
 */

#include <h2o.h>
#include <h2o/http1.h>

#include "basic/list.h"
#include "loop/loop.h"
#include "net/http.h"

/* A connection that left HTTP (WebSocket, tunnel): still counted, still the server's to end. */
typedef struct Upgraded Upgraded;
struct Upgraded {
        List link;
        void (*abort)(Upgraded *upgraded);      /* closes at once; the owner hears of it as of any loss */
        bool ends_at_stop;                      /* has no owner who would close it */
};

struct HttpServer {
        Loop *loop;
        HttpServerConfig config;

        h2o_globalconf_t globalconf;
        h2o_context_t context;
        h2o_hostconf_t *hosts[2];
        h2o_accept_ctx_t accept;

        List listeners;
        size_t n_connections;
        bool accepting;
        bool stopping;
        Timer retry_accept;     /* when descriptors ran out */
        Timer end_idle;         /* while stopping */
        Timer end_tunnels;
        Timer trim;             /* gives the memory of large bodies back */
        Timer look;             /* at what unfinished requests hold */
        size_t n_unfinished_refused;    /* since the journal was told */
        uint64_t told_refused_usec;

        List requests;          /* held by handlers */
        List free_requests;
        List upgraded;
        List lingering;
        List upstreams;
};

struct HttpRequest {
        HttpServer *server;     /* NULL: freed before us */
        h2o_req_t *req;         /* NULL: the connection is gone */
        HttpRequest **token;    /* in the memory of req: tells us when that goes */
        List link;

        Text path;
        Text query;

        Watch *gone_watch;
        int gone_fd;
        bool peer_gone;
        void (*on_gone)(void *userdata);
        void *on_gone_userdata;
};

/* http-request.c */
HttpRequest *http_request_new(HttpServer *server, h2o_req_t *req);
/* The end of the handle, not of h2o's request, which is returned to be answered (NULL: gone). */
h2o_req_t *http_request_take(HttpRequest *request);
void http_requests_free(HttpServer *server);
/* As http_peer(). */
const char *http_peer_of(h2o_req_t *req, char text[static HTTP_PEER_SIZE]);

/* http-reply.c */
void http_send(h2o_req_t *req, unsigned status, const char *content_type, const HttpHeader *headers,
               size_t n_headers, Text body);
/* Ends a reply whose status, headers and length are set; `body` lives as long as the request. */
void http_send_body(h2o_req_t *req, h2o_iovec_t body);
bool http_wants_json(const h2o_req_t *req);

/* http-head.c */
/* NULL, or a sentence: the head can be read in more than one way. */
const char *http_head_problem(h2o_req_t *req);
void http_refuse_head(h2o_req_t *req, const char *problem);

/* http-error.c */
void http_error_filter_register(HttpServer *server, h2o_pathconf_t *path);

/* http-linger.c */
void http_linger(HttpServer *server, h2o_socket_t *socket);
void http_linger_free_all(HttpServer *server);

/* http-memory.c */
void http_memory_init(HttpServer *server);
/* With each connection that comes. */
void http_memory_watch(HttpServer *server);

/* upstream.c */
void upstreams_free(HttpServer *server);

/* http-server.c */
void http_server_trim_soon(HttpServer *server);
#define HTTP_LARGE_BODY (1024 * 1024)
void http_server_trim_after(HttpServer *server, h2o_req_t *req);
static inline HttpServer *http_server_of(h2o_req_t *req) {
        return container_of(req->conn->ctx, HttpServer, context);
}
static inline h2o_socket_t *http_socket_of(h2o_req_t *req) {
        return req->conn->callbacks->get_socket(req->conn);
}
