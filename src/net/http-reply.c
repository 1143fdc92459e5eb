/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replies: whole, copied, and always of known length, because h2o closes the connection after others.
 */

#include "net/http-private.h"

static const struct {
        unsigned status;
        const char *reason;
} reasons[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 402, "Payment Required" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Request Entity Too Large" },
        { 414, "Request-URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Entity" },
        { 423, "Locked" },
        { 425, "Too Early" },
        { 426, "Upgrade Required" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
};

const char *http_reason(unsigned status) {
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Unknown";
}

bool http_wants_json(const h2o_req_t *req) {
        ssize_t cursor = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT, -1);
        h2o_iovec_t accept;

        if (cursor < 0)
                return false;
        accept = req->headers.entries[cursor].value;
        return h2o_strstr(accept.base, accept.len, H2O_STRLIT("json")) != SIZE_MAX;
}

/* A line break in a value would begin a header of the sender's choice. */
static h2o_iovec_t copy_value(h2o_mem_pool_t *pool, Text value) {
        h2o_iovec_t copy = h2o_strdup(pool, value.data, value.length);

        for (size_t i = 0; i < copy.len; i++)
                if ((unsigned char) copy.base[i] < ' ' && copy.base[i] != '\t')
                        copy.base[i] = ' ';
        return copy;
}

static void add_header(h2o_req_t *req, const char *name, Text value) {
        h2o_iovec_t name_copy = h2o_strdup(&req->pool, name, SIZE_MAX),
                    value_copy = copy_value(&req->pool, value);

        h2o_add_header_by_str(&req->pool, &req->res.headers, name_copy.base, name_copy.len, 1, NULL,
                              value_copy.base, value_copy.len);
}

/* Never called, as all is sent at once. That it is there tells our replies from those h2o makes itself. */
static void on_proceed(h2o_generator_t *generator, h2o_req_t *req) {
}

void http_send_body(h2o_req_t *req, h2o_iovec_t body) {
        static h2o_generator_t generator = { .proceed = on_proceed };

        if (req->conn->ctx->shutdown_requested)
                req->http1_is_persistent = 0;

        h2o_start_response(req, &generator);
        /* An empty piece would cost a turn of the loop. */
        h2o_send(req, &body, body.len > 0 ? 1 : 0, H2O_SEND_STATE_FINAL);
}

void http_send(h2o_req_t *req, unsigned status, const char *content_type, const HttpHeader *headers,
               size_t n_headers, Text body) {
        bool is_head = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
        bool has_body = status != 204 && status != 304;

        req->res.status = (int) status;
        req->res.reason = http_reason(status);
        req->res.content_length = has_body ? body.length : SIZE_MAX;
        if (content_type)
                add_header(req, "content-type", text_of(content_type));
        for (size_t i = 0; i < n_headers; i++)
                add_header(req, headers[i].name, headers[i].value);

        if (is_head || !has_body || body.length == 0)
                http_send_body(req, h2o_iovec_init(NULL, 0));
        else
                http_send_body(req, h2o_strdup(&req->pool, body.data, body.length));
}

void http_reply(HttpRequest *request, unsigned status, const char *content_type, const HttpHeader *headers,
                size_t n_headers, Text body) {
        h2o_req_t *req = http_request_take(request);

        if (req)
                http_send(req, status, content_type, headers, n_headers, body);
}
