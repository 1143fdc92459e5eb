/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is kept of a request beside its body.
 */

#include <errno.h>

#include "basic/parse.h"
#include "json/form.h"
#include "json/writer.h"
#include "webhooks/request.h"

#define REDACTED "[REDACTED]"

/* -- the path ----------------------------------------------------------------------------------------- */

static size_t count_segments(Text path) {
        size_t n = 1;

        for (size_t i = 0; i < path.length; i++)
                n += path.data[i] == '/';
        return n;
}

int request_read_path(const HttpRequest *request, Arena *arena, RequestPath *ret_path) {
        Text rest = http_path(request), segment;
        RequestPath path = { .segments = arena_new(arena, Text, count_segments(rest)) };

        while (text_split(&rest, '/', &segment))
                if (segment.length > 0 &&
                    parse_percent(segment, false, arena, &path.segments[path.n_segments++]) < 0)
                        return -EBADMSG;

        *ret_path = path;
        return 0;
}

/* -- credentials -------------------------------------------------------------------------------------- */

static bool is_credential(const char *name) {
        return strcmp(name, "authorization") == 0 || strcmp(name, "x-api-key") == 0;
}

static Text last_header(const HttpRequest *request, const char *name, Arena *arena) {
        Text value = TEXT_NULL;

        for (size_t i = 0; i < http_n_headers(request); i++) {
                HttpHeader header = http_header_at(request, i);

                if (strcmp(header.name, name) == 0)
                        value = header.value;
        }
        return arena_text(arena, value);
}

static Text read_credential(const HttpRequest *request, const char *name, Arena *arena, unsigned *ret_n) {
        *ret_n = (unsigned) http_header_count(request, name);
        if (*ret_n > 1)
                return last_header(request, name, arena);
        return *ret_n == 1 ? arena_text(arena, http_header(request, name)) : TEXT_NULL;
}

void request_read_credentials(const HttpRequest *request, Arena *arena, RequestCredentials *ret_credentials) {
        RequestCredentials credentials = {};

        credentials.authorization =
                read_credential(request, "authorization", arena, &credentials.n_authorization);
        credentials.api_key = read_credential(request, "x-api-key", arena, &credentials.n_api_key);
        *ret_credentials = credentials;
}

WebhookCaller request_caller(const RequestCredentials *credentials) {
        return (WebhookCaller) {
                .authorization = credentials->n_authorization > 1 ? TEXT("") : credentials->authorization,
                .api_key = credentials->n_api_key > 1 ? TEXT("") : credentials->api_key,
        };
}

static void write_credential(JsonWriter *w, const char *name, Text value, const WebhookAuth *auth) {
        _cleanup_(buffer_deinit) Buffer redacted = BUFFER_NULL;

        if (!value.data)
                return;
        if (auth->n_methods == 0) {
                json_text(w, name, value);
                return;
        }

        buffer_reserve(&redacted, value.length + 1);
        webhook_auth_redact(auth, value, &redacted);
        json_text(w, name, buffer_text(&redacted));
}

/* -- the object --------------------------------------------------------------------------------------- */

/* Secrets of somebody else's, which no job has use for. */
static bool is_hidden(const char *name) {
        return strcmp(name, "cookie") == 0 || strcmp(name, "proxy-authorization") == 0;
}

static bool comes_again(const HttpHeader *headers, size_t i, size_t n) {
        for (size_t k = i + 1; k < n; k++)
                if (strcmp(headers[i].name, headers[k].name) == 0)
                        return true;
        return false;
}

static void write_headers(JsonWriter *w, const HttpRequest *request, Arena *arena) {
        size_t n = http_n_headers(request);
        HttpHeader *headers = arena_new(arena, HttpHeader, n);

        /* The HTTP server keeps these two for itself. */
        if (http_authority(request).data)
                json_text(w, "host", http_authority(request));
        if (http_body(request).length > 0)
                json_string(w, "content-length", arena_printf(arena, "%zu", http_body(request).length));

        for (size_t i = 0; i < n; i++)
                headers[i] = http_header_at(request, i);
        for (size_t i = 0; i < n; i++) {
                const char *name = headers[i].name;

                if (!is_credential(name) && !comes_again(headers, i, n))
                        json_text(w, name, is_hidden(name) ? TEXT(REDACTED) : headers[i].value);
        }
}

static int write_query(JsonWriter *w, const HttpRequest *request, Arena *arena, const char **ret_problem) {
        _cleanup_(buffer_deinit) Buffer query = BUFFER_NULL;
        int r;

        if (http_query(request).length == 0) {
                json_raw(w, "query_params", TEXT("{}"));
                return 0;
        }

        r = form_read_urlencoded(arena, http_query(request), &query);
        if (r < 0) {
                *ret_problem = arena_printf(arena, "The query cannot be read: %s.", form_problem(r));
                return -EBADMSG;
        }

        json_raw(w, "query_params", buffer_text(&query));
        return 0;
}

int request_begin(const HttpRequest *request, const RequestPath *path, Arena *arena, Buffer *json,
                  const char **ret_problem) {
        JsonWriter w = JSON_WRITER(json);
        int r;

        buffer_reserve(json, 1024);
        json_begin(&w, NULL);
        json_text(&w, "method", http_method(request));
        json_begin_array(&w, "path");
        for (size_t i = 0; i < path->n_segments; i++)
                json_text(&w, NULL, path->segments[i]);
        json_end_array(&w);

        r = write_query(&w, request, arena, ret_problem);
        if (r < 0)
                return r;

        json_begin(&w, "headers");
        write_headers(&w, request, arena);
        return 0;
}

void request_end(const RequestCredentials *credentials, const WebhookAuth *auth, Buffer *json) {
        /* Goes on where request_begin() stopped: behind a header, unless there was none. */
        JsonWriter w = { .buffer = json, .comma = json->data[json->length - 1] != '{' };

        write_credential(&w, "authorization", credentials->authorization, auth);
        write_credential(&w, "x-api-key", credentials->api_key, auth);
        json_end(&w);
        json_end(&w);
}
