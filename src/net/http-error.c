/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors that h2o answers itself (400, 413, 417 while reading a body, 502 when a sibling is away): a filter
 * gives them the body that our own errors have. What h2o writes before it has understood the request
 * line passes no filter and stays plain text.
 */

#include "net/http-private.h"

typedef struct ErrorFilter {
        h2o_filter_t super;
        HttpServer *server;
} ErrorFilter;

/* Stands in the way of h2o's body and sends ours. */
typedef struct ErrorBody {
        h2o_ostream_t super;
        h2o_iovec_t body;
} ErrorBody;

static void send_body(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *buffers, size_t n_buffers,
                      h2o_send_state_t state) {
        ErrorBody *self = (ErrorBody *) ostream;
        bool has_body = n_buffers > 0;  /* none for HEAD */

        h2o_ostream_send_next(ostream, req, &self->body, has_body ? 1 : 0, state);
}

/* Those of h2o have no one to ask for more; ours (http-reply.c) and proxied ones have. */
static bool is_made_by_h2o(const h2o_req_t *req) {
        return req->res.status >= 400 && req->_generator && !req->_generator->proceed;
}

static h2o_iovec_t error_body(h2o_req_t *req, bool is_json) {
        h2o_iovec_t reason = h2o_iovec_init(req->res.reason, strlen(req->res.reason));

        if (!is_json)
                return reason;
        return h2o_concat(&req->pool, h2o_iovec_init(H2O_STRLIT("{\"error\":\"")), reason,
                          h2o_iovec_init(H2O_STRLIT("\"}")));
}

static void on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot) {
        HttpServer *server = ((ErrorFilter *) filter)->server;
        /* A sibling that is away concerns API clients first; 0.2 of the API lets others have text. */
        bool is_json = http_wants_json(req) || req->res.status == 502;
        ErrorBody *body;

        if (!is_made_by_h2o(req)) {
                h2o_setup_next_ostream(req, slot);
                return;
        }

        req->res.reason = http_reason((unsigned) req->res.status);
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                       is_json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8",
                       is_json ? sizeof("application/json; charset=utf-8") - 1
                               : sizeof("text/plain; charset=utf-8") - 1,
                       1);

        body = (ErrorBody *) h2o_add_ostream(req, sizeof *body, slot);
        body->super.do_send = send_body;
        body->body = error_body(req, is_json);
        req->res.content_length = body->body.len;

        if (req->res.status == 413 || req->res.status == 400) {
                http_server_trim_after(server, req);
                http_linger(server, http_socket_of(req));
        }
        h2o_setup_next_ostream(req, &body->super.next);
}

void http_error_filter_register(HttpServer *server, h2o_pathconf_t *path) {
        ErrorFilter *filter = (ErrorFilter *) h2o_create_filter(path, sizeof *filter);

        filter->super.on_setup_ostream = on_setup;
        filter->server = server;
}
