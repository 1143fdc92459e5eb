/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cookies.
 */

#include "web/cookie.h"

#include <errno.h>

#include "crypto/password.h"
#include "serve/service.h"

/* -- reading ----------------------------------------------------------------------------------- */

/* Adds the cookies of that name in one header. */
static void look_into(Text header, const char *name, Text *value, size_t *n) {
        Text part, key;

        while (text_split(&header, ';', &part)) {
                Text rest = part;

                (void) text_split(&rest, '=', &key);
                if (!text_is(text_trim(key), name))
                        continue;
                *value = text_trim(rest);
                (*n)++;
        }
}

/* A proxy that speaks HTTP/2 in front may bring several headers. */
int cookie_read(Call *call, const char *name, Text *ret_value) {
        HttpRequest *request = call_request(call);
        size_t n_headers = request ? http_n_headers(request) : 0, n = 0;
        Text value = TEXT_NULL;

        for (size_t i = 0; i < n_headers; i++) {
                HttpHeader header = http_header_at(request, i);

                if (strcmp(header.name, "cookie") == 0)
                        look_into(header.value, name, &value, &n);
        }
        if (n != 1 || value.length == 0)
                return -ENOENT;

        *ret_value = arena_text(&call->arena, value);
        return 0;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void set(Call *call, const char *name, Text value, const char *age) {
        bool is_secure = strcmp(call->service->settings->url_scheme, "https") == 0;
        char *header = arena_printf(&call->arena, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s", name, (int) value.length,
                                    value.length > 0 ? value.data : "", age, is_secure ? "; Secure" : "");

        call_header(call, "set-cookie", text_of(header));
}

void cookie_set(Call *call, const char *name, Text value, uint64_t seconds) {
        set(call, name, value,
            seconds > 0 ? arena_printf(&call->arena, "; Max-Age=%llu", (unsigned long long) seconds) : "");
}

void cookie_clear(Call *call, const char *name) {
        set(call, name, TEXT(""), "; Max-Age=0");
}

/* -- secrets ----------------------------------------------------------------------------------- */

int secret_cookie_read(Call *call, const char *name, Text *ret_secret) {
        _cleanup_(buffer_deinit) Buffer secret = BUFFER_NULL;
        Text value;

        if (cookie_read(call, name, &value) < 0 || base64_decode(value, &secret) < 0 ||
            secret.length != SESSION_SECRET_SIZE)
                return -ENOENT;

        *ret_secret = arena_text(&call->arena, buffer_text(&secret));
        return 0;
}

void secret_cookie_set(Call *call, const char *name, Text secret, uint64_t seconds) {
        _cleanup_(buffer_deinit) Buffer value = BUFFER_NULL;

        base64url_append(&value, secret);
        cookie_set(call, name, buffer_text(&value), seconds);
}

int session_cookie_read(Call *call, Text *ret_secret) {
        return secret_cookie_read(call, SESSION_COOKIE, ret_secret);
}

void session_cookie_set(Call *call, const NewSession *session) {
        secret_cookie_set(call, SESSION_COOKIE, session->secret, session->remembered ? SESSION_DAYS * 24 * 60 * 60 : 0);
}

Text session_new_secret(Call *call) {
        _cleanup_(secret_freep) Secret *secret = secret_random(SESSION_SECRET_SIZE);

        return arena_text(&call->arena, secret_text(secret));
}
