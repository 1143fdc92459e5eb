/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forwarding: a request goes to a sibling on a unix socket, its reply comes back whole.
 *
 * Not h2o's own proxy: that fails a request whose kept connection has just been ended by the sibling (each
 * may leave when idle), wakes up every second for its pool, and gives no handle on its tunnels. Siblings
 * answer with replies of known length, so an exchange is one write, one or a few reads, one write.
 */

#include <errno.h>

#include "basic/buffer.h"
#include "basic/clock.h"
#include "net/forward-private.h"

/* A synchronous webhook may take 95 s. */
#define EXCHANGE_USEC (100 * USEC_PER_SEC)
/* Most are over by then; watching the client costs a descriptor. */
#define WATCH_CLIENT_USEC (1 * USEC_PER_SEC)
#define MAX_REPLY (64 * 1024 * 1024)

typedef struct Exchange {
        HttpServer *server;
        HttpRequest *request;
        Upstream *upstream;
        h2o_socket_t *socket;
        bool kept;                      /* the connection was used before */
        bool unsent;                    /* writing failed: the sibling cannot have begun */
        bool watching;
        bool is_head;
        Timer timer;
        ReplyHead *head;                /* NULL until it is complete */
} Exchange;

/* -- the end ----------------------------------------------------------------------------------- */

static h2o_req_t *exchange_free(Exchange *exchange) {
        h2o_req_t *req = http_request_take(exchange->request);

        timer_stop(&exchange->timer);
        if (exchange->socket)
                h2o_socket_close(exchange->socket);
        free(exchange->head);
        free(exchange);
        return req;
}

static void fail(Exchange *exchange, unsigned status) {
        h2o_req_t *req = exchange_free(exchange);
        char body[64];

        if (!req)
                return;
        snprintf(body, sizeof body, "{\"error\":\"%s\"}", http_reason(status));
        http_send(req, status, "application/json; charset=utf-8", NULL, 0, text_of(body));
}

static void on_client_gone(void *userdata) {
        fail(userdata, 502);
}

static void on_timer(Timer *timer) {
        Exchange *exchange = container_of(timer, Exchange, timer);

        if (exchange->watching) {
                fail(exchange, 504);
                return;
        }
        exchange->watching = true;
        timer_start(timer, EXCHANGE_USEC - WATCH_CLIENT_USEC);
        http_request_on_gone(exchange->request, on_client_gone, exchange);
}

/* -- the request ------------------------------------------------------------------------------- */

static void append(Buffer *out, h2o_iovec_t iovec) {
        buffer_append(out, iovec.base, iovec.len);
}

static void append_header(Buffer *out, h2o_iovec_t name, h2o_iovec_t value) {
        append(out, name);
        buffer_append(out, ": ", 2);
        append(out, value);
        buffer_append(out, "\r\n", 2);
}

/* A peer on a unix socket is a proxy on this machine, which has said already who its client is. */
static void append_forwarded_for(Buffer *out, h2o_req_t *req) {
        char text[HTTP_PEER_SIZE];
        const char *address = http_peer_of(req, text), *separator = "";
        ssize_t cursor = h2o_find_header(&req->headers, H2O_TOKEN_X_FORWARDED_FOR, -1);

        if (cursor < 0 && !address)
                return;

        buffer_append_string(out, "x-forwarded-for: ");
        for (; cursor >= 0; cursor = h2o_find_header(&req->headers, H2O_TOKEN_X_FORWARDED_FOR, cursor)) {
                buffer_append_string(out, separator);
                append(out, req->headers.entries[cursor].value);
                separator = ", ";
        }
        if (address) {
                buffer_append_string(out, separator);
                buffer_append_string(out, address);
        }
        buffer_append_string(out, "\r\n");
}

static bool is_of_one_hop(const h2o_header_t *header) {
        const h2o_token_t *token = (const h2o_token_t *) (const void *) header->name;

        return h2o_iovec_is_token(header->name) && token->proxy_should_drop_for_req;
}

/* HTTP/1.0 knows no other protocol (RFC 9110, 7.8), and here it would leave as 1.1. */
static bool may_upgrade(const h2o_req_t *req) {
        return req->upgrade.base && req->version >= 0x101;
}

static bool has_body(const h2o_req_t *req) {
        return req->entity.base || h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST")) ||
               h2o_memis(req->method.base, req->method.len, H2O_STRLIT("PUT")) ||
               h2o_memis(req->method.base, req->method.len, H2O_STRLIT("PATCH"));
}

static void append_head(Buffer *out, h2o_req_t *req) {
        append(out, req->method);
        buffer_append(out, " ", 1);
        append(out, req->path);
        buffer_append_string(out, " HTTP/1.1\r\n");
        append_header(out, h2o_iovec_init(H2O_STRLIT("host")), req->authority);

        for (size_t i = 0; i < req->headers.size; i++) {
                const h2o_header_t *header = &req->headers.entries[i];

                if (header->name->len > 0 && !is_of_one_hop(header) &&
                    header->name != &H2O_TOKEN_X_FORWARDED_FOR->buf)
                        append_header(out, *header->name, header->value);
        }
        append_forwarded_for(out, req);
        if (has_body(req))
                buffer_printf(out, "content-length: %zu\r\n", req->entity.len);
        if (may_upgrade(req)) {
                buffer_append_string(out, "connection: upgrade\r\n");
                append_header(out, h2o_iovec_init(H2O_STRLIT("upgrade")), req->upgrade);
        }
        buffer_append(out, "\r\n", 2);
}

/* -- the reply --------------------------------------------------------------------------------- */

static void add_reply_headers(h2o_req_t *req, const ReplyHead *head, char *data) {
        for (size_t i = 0; i < head->n_headers; i++) {
                h2o_iovec_t name = { data + head->headers[i].name, head->headers[i].name_length };
                h2o_iovec_t value = { data + head->headers[i].value, head->headers[i].value_length };
                const h2o_token_t *token = h2o_lookup_token(name.base, name.len);

                if (!token)
                        h2o_add_header_by_str(&req->pool, &req->res.headers, name.base, name.len, 0, NULL,
                                              value.base, value.len);
                else if (token == H2O_TOKEN_UPGRADE
                                 ? head->status == 101
                                 : !token->proxy_should_drop_for_res && token != H2O_TOKEN_CONTENT_LENGTH)
                        h2o_add_header(&req->pool, &req->res.headers, token, NULL, value.base, value.len);
        }
}

static bool has_no_body(const Exchange *exchange) {
        return exchange->is_head || exchange->head->status == 204 || exchange->head->status == 304 ||
               exchange->head->status == 101;
}

/* What was received is handed to the reply as it is: head and body stay in it. */
static h2o_buffer_t *take_input(h2o_socket_t *socket) {
        h2o_buffer_t *input = socket->input;

        h2o_buffer_init(&socket->input, &h2o_socket_buffer_prototype);
        return input;
}

/* A WebSocket's first frames may come together with the head. */
static void leave_rest(h2o_socket_t *socket, const h2o_buffer_t *input, size_t head_length) {
        size_t rest = input->size - head_length;

        h2o_socket_read_stop(socket);
        if (rest == 0)
                return;
        memcpy(h2o_buffer_reserve(&socket->input, rest).base, input->bytes + head_length, rest);
        socket->input->size += rest;
}

static void finish(Exchange *exchange, size_t body_length) {
        h2o_socket_t *socket = TAKE_PTR(exchange->socket);
        ReplyHead *head = exchange->head;
        bool is_whole = socket->input->size == head->length + body_length;
        bool is_reusable = head->keeps_alive && is_whole && !h2o_socket_is_writing(socket);
        h2o_buffer_t *input = take_input(socket);
        h2o_iovec_t body = { input->bytes + head->length, body_length };
        Upstream *upstream = exchange->upstream;
        HttpServer *server = exchange->server;
        h2o_req_t *req;

        exchange->head = NULL;
        req = exchange_free(exchange);
        h2o_buffer_link_to_pool(input, &req->pool);

        req->res.status = (int) head->status;
        req->res.reason = http_reason(head->status);
        add_reply_headers(req, head, input->bytes);

        if (head->status == 101) {
                leave_rest(socket, input, head->length);
                tunnel_open(server, req, socket);
        } else {
                if (body_length > HTTP_LARGE_BODY)
                        http_server_trim_after(server, req);
                req->res.content_length = head->content_length;
                http_send_body(req, body);
                if (is_reusable)
                        upstream_give_back(upstream, socket);
                else
                        h2o_socket_close(socket);
        }
        free(head);
}

static int send_request(Exchange *exchange, bool may_be_kept);

/* Again, on a new connection, if the sibling cannot have done anything, or nothing that matters twice. */
static void on_lost(Exchange *exchange) {
        const h2o_req_t *req = exchange->request->req;
        bool is_harmless =
                exchange->is_head || h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET"));

        if (!exchange->kept || exchange->socket->input->size > 0 || !(exchange->unsent || is_harmless)) {
                fail(exchange, 502);
                return;
        }

        h2o_socket_close(TAKE_PTR(exchange->socket));
        if (send_request(exchange, false) < 0)
                fail(exchange, 502);
}

static int read_head(Exchange *exchange) {
        h2o_socket_t *socket = exchange->socket;
        ReplyHead *head = xnew(ReplyHead, 1);
        int r;

        /* 100 Continue and its like are of this hop only. */
        do {
                r = reply_head_read(socket->input->bytes, socket->input->size, head);
                if (r > 0 && head->status < 200 && head->status != 101)
                        h2o_buffer_consume(&socket->input, head->length);
                else
                        break;
        } while (socket->input->size > 0);

        if (r <= 0 || (head->status < 200 && head->status != 101)) {
                free(head);
                return MIN(r, 0);
        }
        exchange->head = head;
        return 1;
}

/* A switch of protocols that nobody asked for, or too early, or more than we would keep in memory. */
static bool may_answer(const Exchange *exchange) {
        const ReplyHead *head = exchange->head;

        if (head->status == 101)
                return may_upgrade(exchange->request->req) && !h2o_socket_is_writing(exchange->socket);
        return head->content_length == SIZE_MAX || head->content_length <= MAX_REPLY;
}

static void on_reply(h2o_socket_t *socket, const char *error) {
        Exchange *exchange = socket->data;
        ReplyHead *head;
        size_t received;

        if (!exchange->head && socket->input->size > 0 && read_head(exchange) < 0) {
                fail(exchange, 502);
                return;
        }
        head = exchange->head;
        received = socket->input->size;

        if (head && !may_answer(exchange))
                fail(exchange, 502);
        else if (head && has_no_body(exchange))
                finish(exchange, 0);
        else if (head && head->content_length != SIZE_MAX && received - head->length >= head->content_length)
                finish(exchange, head->content_length);
        else if (error && head && head->content_length == SIZE_MAX) {
                /* As long as it was. */
                head->keeps_alive = false;
                head->content_length = received - head->length;
                finish(exchange, head->content_length);
        } else if (error)
                on_lost(exchange);
        else if (received > MAX_REPLY)
                fail(exchange, 502);
}

/* -- sending it -------------------------------------------------------------------------------- */

/* A sibling may answer before it has read everything (413) and close. So a failed write is only noted: the
 * reading side will say whether there is a reply. */
static void on_sent(h2o_socket_t *socket, const char *error) {
        Exchange *exchange = socket->data;

        exchange->unsent = !!error;
}

static int send_request(Exchange *exchange, bool may_be_kept) {
        h2o_req_t *req = exchange->request->req;
        Buffer head = BUFFER_NULL;
        h2o_iovec_t parts[2];
        int r;

        exchange->socket = may_be_kept ? upstream_take_idle(exchange->upstream) : NULL;
        exchange->kept = !!exchange->socket;
        if (!exchange->socket) {
                r = upstream_connect(exchange->upstream, &exchange->socket);
                if (r < 0)
                        return r;
        }

        append_head(&head, req);
        parts[0] = h2o_strdup(&req->pool, head.data, head.length);
        parts[1] = req->entity;
        buffer_deinit(&head);

        exchange->unsent = false;
        exchange->socket->data = exchange;
        h2o_socket_read_start(exchange->socket, on_reply);
        h2o_socket_write(exchange->socket, parts, req->entity.len > 0 ? 2 : 1, on_sent);
        return 0;
}

int http_forward(HttpRequest *request, const char *socket_path) {
        HttpServer *server = request->server;
        Exchange *exchange;
        int r;

        exchange = xnew(Exchange, 1);
        exchange->server = server;
        exchange->request = request;
        if (server)
                timer_init(&exchange->timer, server->loop, on_timer);
        if (!request->req) {
                exchange_free(exchange);
                return 0;
        }

        exchange->is_head = text_is(http_method(request), "HEAD");
        r = upstream_get(server, socket_path, &exchange->upstream);
        if (r >= 0)
                r = send_request(exchange, true);
        if (r < 0) {
                fail(exchange, 502);
                return r;
        }

        /* Without a watch for now: only the end of the server would tell. */
        request->on_gone = on_client_gone;
        request->on_gone_userdata = exchange;
        timer_start(&exchange->timer, WATCH_CLIENT_USEC);
        return 0;
}
