/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The handle of a request: what the handler reads, and how it hears that nobody waits any more.
 */

#include <errno.h>
#include <sys/socket.h>

#include "net/http-private.h"

/* -- life -------------------------------------------------------------------------------------- */

static void stop_gone_watch(HttpRequest *request) {
        request->gone_watch = watch_free(request->gone_watch);
        request->on_gone = NULL;
}

static void tell_gone(HttpRequest *request) {
        void (*on_gone)(void *userdata) = request->on_gone;
        void *userdata = request->on_gone_userdata;

        request->peer_gone = true;
        stop_gone_watch(request);
        if (on_gone)
                on_gone(userdata);
}

/* h2o gave up its request while we still held the handle. */
static void on_token_gone(void *token) {
        HttpRequest *request = *(HttpRequest **) token;

        if (!request)
                return;
        request->req = NULL;
        request->token = NULL;
        tell_gone(request);
}

static HttpRequest *allocate(HttpServer *server) {
        List *link = list_pop(&server->free_requests);
        HttpRequest *request = link ? list_entry(link, HttpRequest, link) : xmalloc(sizeof *request);

        *request = (HttpRequest) { .server = server };
        list_append(&server->requests, &request->link);
        return request;
}

static void release(HttpRequest *request) {
        list_unlink(&request->link);
        if (request->server)
                list_prepend(&request->server->free_requests, &request->link);
        else
                free(request);
}

/* "GET http://host/path": as good as "GET /path" with that host (RFC 9112, 3.2.2). */
static Text origin_form(Text target) {
        static const char scheme[] = "http://";
        const char *slash;

        if (target.length < sizeof scheme || strncasecmp(target.data, scheme, sizeof scheme - 1) != 0)
                return target;

        slash = memchr(target.data + sizeof scheme - 1, '/', target.length - (sizeof scheme - 1));
        if (!slash)
                return TEXT("/");
        return text_make(slash, target.length - (size_t) (slash - target.data));
}

HttpRequest *http_request_new(HttpServer *server, h2o_req_t *req) {
        HttpRequest *request = allocate(server);
        Text target = origin_form(text_make(req->path.base, req->path.len));
        const char *question = memchr(target.data, '?', target.length);

        request->path = target;
        if (question) {
                request->path.length = (size_t) (question - target.data);
                request->query = text_make(question + 1, target.length - request->path.length - 1);
        }

        request->req = req;
        request->token = h2o_mem_alloc_shared(&req->pool, sizeof *request->token, on_token_gone);
        *request->token = request;
        return request;
}

h2o_req_t *http_request_take(HttpRequest *request) {
        h2o_req_t *req = request->req;

        if (request->token)
                *request->token = NULL;
        stop_gone_watch(request);
        release(request);
        return req;
}

/* Handles outlive the server when their owner answers later still. */
void http_requests_free(HttpServer *server) {
        List *link;

        while ((link = list_pop(&server->requests))) {
                HttpRequest *request = list_entry(link, HttpRequest, link);

                if (request->token)
                        *request->token = NULL;
                request->server = NULL;
                request->req = NULL;
                request->token = NULL;
                tell_gone(request);
        }

        while ((link = list_pop(&server->free_requests)))
                free(list_entry(link, HttpRequest, link));
}

/* -- reading it -------------------------------------------------------------------------------- */

static Text text_from(h2o_iovec_t iovec) {
        return text_make(iovec.base, iovec.len);
}

Text http_method(const HttpRequest *request) {
        return request->req ? text_from(request->req->method) : TEXT_NULL;
}

Text http_path(const HttpRequest *request) {
        return request->req ? request->path : TEXT_NULL;
}

Text http_query(const HttpRequest *request) {
        return request->req ? request->query : TEXT_NULL;
}

Text http_body(const HttpRequest *request) {
        return request->req ? text_from(request->req->entity) : TEXT_NULL;
}

const char *http_peer_of(h2o_req_t *req, char text[static HTTP_PEER_SIZE]) {
        struct sockaddr_storage address;
        socklen_t length = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *) &address);
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &address;

        if (length == 0)
                return NULL;
        if (address.ss_family == AF_INET)
                return inet_ntop(AF_INET, &((const struct sockaddr_in *) &address)->sin_addr, text,
                                 HTTP_PEER_SIZE);
        if (address.ss_family != AF_INET6)
                return NULL;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
                return inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, HTTP_PEER_SIZE);
        return inet_ntop(AF_INET6, &in6->sin6_addr, text, HTTP_PEER_SIZE);
}

const char *http_peer(const HttpRequest *request, char text[static HTTP_PEER_SIZE]) {
        return request->req ? http_peer_of(request->req, text) : NULL;
}

Text http_authority(const HttpRequest *request) {
        const h2o_req_t *req = request->req;

        /* Without a Host header h2o puts the name of its own host configuration here. */
        if (!req || req->authority.base == req->hostconf->authority.hostport.base)
                return TEXT_NULL;
        return text_from(req->authority);
}

static const h2o_header_t *next_header(const HttpRequest *request, const char *name, ssize_t *cursor) {
        if (!request->req)
                return NULL;

        *cursor = h2o_find_header_by_str(&request->req->headers, name, strlen(name), *cursor);
        return *cursor >= 0 ? &request->req->headers.entries[*cursor] : NULL;
}

Text http_header(const HttpRequest *request, const char *name) {
        ssize_t cursor = -1;
        const h2o_header_t *header = next_header(request, name, &cursor);

        return header ? text_from(header->value) : TEXT_NULL;
}

size_t http_header_count(const HttpRequest *request, const char *name) {
        size_t n = 0;

        for (ssize_t cursor = -1; next_header(request, name, &cursor);)
                n++;
        return n;
}

size_t http_n_headers(const HttpRequest *request) {
        return request->req ? request->req->headers.size : 0;
}

HttpHeader http_header_at(const HttpRequest *request, size_t i) {
        const h2o_header_t *header = &request->req->headers.entries[i];

        return (HttpHeader) {
                .name = h2o_strdup(&request->req->pool, header->name->base, header->name->len).base,
                .value = text_from(header->value),
        };
}

bool http_is_upgrade(const HttpRequest *request) {
        return request->req && request->req->upgrade.base;
}

/* -- is anybody waiting? ----------------------------------------------------------------------- */

bool http_request_is_gone(const HttpRequest *request) {
        return !request->req || request->peer_gone;
}

static void on_peer(Watch *watch, unsigned events, void *userdata) {
        HttpRequest *request = userdata;
        char byte;
        ssize_t n = recv(request->gone_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0) {
                /* The next request waits behind this one. It hides the end of the connection and would
                 * wake us without end. */
                watch_set(watch, WATCH_NONE);
                return;
        }
        tell_gone(request);
}

/*
 * h2o does not read while a request is handled, so it cannot notice. A peer that shuts down its sending
 * half only counts as gone too: nobody who does that waits long.
 */
void http_request_on_gone(HttpRequest *request, void (*handler)(void *userdata), void *userdata) {
        stop_gone_watch(request);
        if (!request->req)
                return;

        request->gone_fd = h2o_socket_get_fd(http_socket_of(request->req));
        if (watch_new(request->server->loop, request->gone_fd, WATCH_READ, on_peer, request,
                      &request->gone_watch) < 0)
                return; /* out of descriptors: the reply finds out */
        request->on_gone = handler;
        request->on_gone_userdata = userdata;
}
