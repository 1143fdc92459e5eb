/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Heads that two readers may understand differently. h2o takes the first of two lengths, prefers chunks to a
 * length, the last of two hosts, and makes a header without a name of a folded line; the proxy in front may
 * think otherwise about where this request ends and the next one begins, and somebody's request then hides in
 * another's body. So they are refused (RFC 9112: 3.2, 5.2, 6.1, 6.3).
 *
 * h2o keeps these headers to itself, but the head stands at the beginning of the socket's input until the
 * reply is out, with names in lower case.
 */

#include "net/http-private.h"

typedef struct HeadCounts {
        unsigned n_hosts, n_lengths, n_encodings;
        bool is_folded;
} HeadCounts;

static void count_line(HeadCounts *counts, Text line) {
        if (line.data[0] == ' ' || line.data[0] == '\t')
                counts->is_folded = true;
        else if (text_starts_with(line, "host:"))
                counts->n_hosts++;
        else if (text_starts_with(line, "content-length:"))
                counts->n_lengths++;
        else if (text_starts_with(line, "transfer-encoding:"))
                counts->n_encodings++;
}

static Text next_line(Text *rest) {
        Text line = TEXT_NULL;

        (void) text_split(rest, '\n', &line);
        if (line.length > 0 && line.data[line.length - 1] == '\r')
                line.length--;
        return line;
}

static void count_lines(Text rest, HeadCounts *counts) {
        Text line;

        /* Some clients end a body with one line break more than they count. */
        while (rest.length > 0 && (*rest.data == '\r' || *rest.data == '\n'))
                rest = text_make(rest.data + 1, rest.length - 1);

        for (line = next_line(&rest); line.length > 0; line = next_line(&rest))
                count_line(counts, line);
}

const char *http_head_problem(h2o_req_t *req) {
        const h2o_buffer_t *input = http_socket_of(req)->input;
        HeadCounts counts = {};

        count_lines(text_make(input->bytes, input->size), &counts);

        if (counts.is_folded)
                return "A header is folded over two lines.";
        if (counts.n_hosts > 1)
                return "There is more than one Host header.";
        if (counts.n_lengths > 1)
                return "There is more than one Content-Length header.";
        if (counts.n_encodings > 1)
                return "There is more than one Transfer-Encoding header.";
        if (counts.n_lengths > 0 && counts.n_encodings > 0)
                return "There are both Content-Length and Transfer-Encoding.";
        if (counts.n_encodings > 0 && req->version < 0x101)
                return "HTTP/1.0 knows no Transfer-Encoding.";
        return NULL;
}

/* Where the next request begins nobody knows: the connection ends. */
void http_refuse_head(h2o_req_t *req, const char *problem) {
        const char *content_type = "text/plain; charset=utf-8";
        char body[128];

        if (http_wants_json(req)) {
                content_type = "application/json; charset=utf-8";
                snprintf(body, sizeof body, "{\"error\":\"Bad Request\",\"message\":\"%s\"}", problem);
        } else
                snprintf(body, sizeof body, "Bad Request: %s", problem);

        req->http1_is_persistent = 0;
        http_send(req, 400, content_type, NULL, 0, text_of(body));
}
