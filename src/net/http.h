/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The HTTP/1.1 server: libh2o behind our names (only net/ and loop/ know h2o). Bodies arrive whole, within
 * the limit of the server; HTTP/2 is off; TLS belongs to a proxy in front.
 *
 * A HttpRequest is held by whoever answers, now or later, and ends with exactly one of http_reply(),
 * http_forward() and websocket_accept(). Its peer may leave meanwhile: see http_request_on_gone();
 * replying to it is harmless then. Handles even outlive the server: all their texts are empty after that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/text.h"
#include "loop/loop.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;

typedef struct HttpHeader {
        const char *name;               /* lower case */
        Text value;
} HttpHeader;

typedef struct HttpServerConfig {
        size_t max_body;                /* bytes; larger: 413 by the server */
        size_t max_unfinished;          /* bytes of requests still arriving, all together; 0: 256 MiB, or 16 bodies */
        uint64_t request_timeout_usec;  /* idle + head + body; 75 s */
        size_t max_connections;         /* more wait in the backlog; 0: 10,000 */
        /* Every complete request; replies now or later. */
        void (*handler)(HttpRequest *request, void *userdata);
        void *userdata;
} HttpServerConfig;

int http_server_new(Loop *loop, const HttpServerConfig *config, HttpServer **ret_server);
/* Accepts on a listening socket (from systemd); the descriptor becomes the server's. */
int http_server_listen(HttpServer *server, int fd);
/* Stops accepting, ends idle connections, lets running requests finish. WebSockets are their owners' to
 * close; forwarded ones are ended after 2 s, which the sibling may use to say goodbye. Done when
 * http_server_n_connections() is 0. */
void http_server_stop(HttpServer *server);
/* Those that became WebSockets or tunnels included. */
size_t http_server_n_connections(const HttpServer *server);
/* Ends what is left: WebSockets get their on_close, held requests are gone. Not from inside a handler. */
HttpServer *http_server_free(HttpServer *server);
DEFINE_CLEANUP(HttpServer, http_server_free);

/* All of these point into the request and live until it is done. */
Text http_method(const HttpRequest *request);
Text http_path(const HttpRequest *request);             /* raw, without the query */
Text http_query(const HttpRequest *request);            /* raw, without '?'; TEXT_NULL without one */
Text http_body(const HttpRequest *request);             /* not NUL-terminated */
Text http_authority(const HttpRequest *request);        /* Host */
Text http_header(const HttpRequest *request, const char *name); /* lower case; TEXT_NULL; the first one */
size_t http_header_count(const HttpRequest *request, const char *name);
size_t http_n_headers(const HttpRequest *request); /* without Host, Content-Length … (h2o keeps those) */
HttpHeader http_header_at(const HttpRequest *request, size_t i);
/* The address of the other end of the connection, NULL for a unix socket: a proxy's, if there is one. IPv4 in IPv6 is
 * IPv4. */
#define HTTP_PEER_SIZE 46
const char *http_peer(const HttpRequest *request, char text[static HTTP_PEER_SIZE]);
bool http_is_upgrade(const HttpRequest *request);

/* As far as it was noticed: while a request is held nothing is read, so only http_request_on_gone() looks. */
bool http_request_is_gone(const HttpRequest *request);
/* Told once when the peer goes away before the reply (costs a descriptor and system calls: for long waits).
 * What the request says stays readable; it still ends with one reply, also if that is made inside
 * `handler`. */
void http_request_on_gone(HttpRequest *request, void (*handler)(void *userdata), void *userdata);

/* Copies everything; what would break a header line becomes a space. content_type NULL: none. 204, 304 and
 * HEAD send no body (HEAD its length). Safe when gone. May be called inside the server's handler. */
void http_reply(HttpRequest *request, unsigned status, const char *content_type, const HttpHeader *headers,
                size_t n_headers, Text body);

/* "Not Found" for 404. */
const char *http_reason(unsigned status);

/*
 * Hands request and reply through to a server of ours on a unix socket, WebSockets included; it ends the
 * request as http_reply() does. The sibling sees the method, target, Host and headers as they came, with
 * the peer added to X-Forwarded-For (a peer on a unix socket is a proxy, which has done that). Connections
 * to it are kept; one that turns out to have ended is replaced without the peer noticing. Replies are of
 * known length and below 64 MiB.
 *
 * The peer gets {"error":"Bad Gateway"} (502) when the sibling cannot be reached (then -errno is returned,
 * for the journal) or does not keep to HTTP, 504 when it takes longer than 100 s.
 */
int http_forward(HttpRequest *request, const char *socket_path);
