/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a request is answered: the call's reply with what all replies carry (CORS, request id).
 *
 * CORS as the original has it: each response names the origin, `*` unless CORS_ORIGIN lists some. A listed
 * origin is echoed; an unlisted one gets no header at all, and its browser keeps the reply to itself.
 */

#include "serve/http-source.h"

#include "serve/service.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define MIN_REQUEST_ID 20
#define MAX_REQUEST_ID 200

static void http_source_reply(Call *call, unsigned status, Text body);
static bool http_source_is_gone(const Call *call);

const CallSource http_source = {
        .reply = http_source_reply,
        .is_gone = http_source_is_gone,
};

/* -- headers of every reply ------------------------------------------------------------------------ */

typedef struct Headers {
        HttpHeader headers[CALL_MAX_HEADERS + 8];
        size_t n;
} Headers;

static void add(Headers *headers, const char *name, Text value) {
        headers->headers[headers->n++] = (HttpHeader) { name, value };
}

static bool is_listed(const char *list, Text origin) {
        Text rest = text_of(list), entry;

        while (text_split(&rest, ',', &entry))
                if (origin.length > 0 && text_equal(text_trim(entry), origin))
                        return true;

        return false;
}

static void add_cors(Headers *headers, const Call *call) {
        const Settings *settings = call->service->settings;
        const char *allowed = settings && settings->cors_origin ? settings->cors_origin : "*";
        Text origin = http_header(call->peer, "origin");

        if (strcmp(allowed, "*") == 0)
                add(headers, "access-control-allow-origin", TEXT("*"));
        else {
                add(headers, "vary", TEXT("Origin"));
                if (is_listed(allowed, origin))
                        add(headers, "access-control-allow-origin", origin);
        }

        add(headers, "access-control-expose-headers", TEXT(""));
        add(headers, "access-control-allow-credentials", TEXT("true"));
}

static void http_source_reply(Call *call, unsigned status, Text body) {
        const char *content_type = call->content_type ? call->content_type : JSON_TYPE;
        HttpRequest *request = call->peer;
        Headers headers = {};

        if (call->request_id)
                add(&headers, "x-request-id", text_of(call->request_id));
        if (!http_request_is_gone(request))
                add_cors(&headers, call);
        for (size_t i = 0; i < call->n_reply_headers; i++)
                add(&headers, call->reply_headers[i].name, call->reply_headers[i].value);

        call->peer = NULL;      /* the reply lets the request go */
        http_reply(request, status, body.length > 0 ? content_type : NULL, headers.headers, headers.n, body);
}

static bool http_source_is_gone(const Call *call) {
        return !call->peer || http_request_is_gone(call->peer);
}

void http_source_preflight(Call *call) {
        call_header(call, "access-control-max-age", TEXT("1728000"));
        call_header(call, "access-control-allow-methods", TEXT("GET,POST,PUT,PATCH,DELETE,OPTIONS"));
        call_header(call, "access-control-allow-headers",
                    TEXT("Authorization,Content-Type,Accept,Origin,User-Agent,DNT,Cache-Control,"
                         "X-Mx-ReqToken,Keep-Alive,X-Requested-With,If-Modified-Since,X-CSRF-Token,"
                         "X-API-Key"));
        (void) call_reply(call, 204, TEXT_NULL);
}

/* -- the request's id ------------------------------------------------------------------------------ */

/* It goes into the journal and back into a header: what could end a line or a field stays out. */
static bool is_safe(Text id) {
        static const char others[] = "-_.=+/:@";

        for (size_t i = 0; i < id.length; i++) {
                char c = id.data[i];

                if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c && strchr(others, c))))
                        return false;
        }

        return true;
}

void http_source_identify(Call *call) {
        Text given = http_header(call->peer, "x-request-id");

        if (given.length >= MIN_REQUEST_ID && given.length <= MAX_REQUEST_ID && is_safe(given))
                call->request_id = arena_text_string(&call->arena, given);
        else {
                Uuid uuid = uuid_new();

                call->request_id = uuid_format(&uuid, arena_alloc(&call->arena, UUID_STRING_SIZE));
        }

        log_context_set(&call->log, "FULGUR_REQUEST_ID", call->request_id);
}

/* -- what kind of reply ----------------------------------------------------------------------------- */

static bool has_accept(const HttpRequest *request, const char *word) {
        size_t n = http_n_headers(request);

        for (size_t i = 0; i < n; i++) {
                HttpHeader header = http_header_at(request, i);

                if (strcmp(header.name, "accept") == 0 && text_contains(header.value, word))
                        return true;
        }

        return false;
}

bool http_accepts_json(const HttpRequest *request) {
        return http_header_count(request, "accept") == 0 || has_accept(request, "*/*") ||
               has_accept(request, "application/*") || has_accept(request, "json");
}

bool http_asks_for_json(const HttpRequest *request) {
        return has_accept(request, "json");
}
