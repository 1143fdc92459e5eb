/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The handshake: who is let in, and what the others are told.
 */

#include <errno.h>

#include "crypto/password.h"
#include "net/websocket-private.h"

#define KEY_LENGTH 24   /* base64 of 16 bytes */

static bool key_is_sound(Text key) {
        if (key.length != KEY_LENGTH || key.data[KEY_LENGTH - 1] != '=' || key.data[KEY_LENGTH - 2] != '=')
                return false;

        for (size_t i = 0; i < KEY_LENGTH - 2; i++) {
                char c = key.data[i];

                if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
                    c != '+' && c != '/')
                        return false;
        }
        return true;
}

static bool wants_websocket(const HttpRequest *request) {
        const h2o_req_t *req = request->req;

        return req->upgrade.base && h2o_lcstris(req->upgrade.base, req->upgrade.len, H2O_STRLIT("websocket"));
}

static int refuse_upgrade(HttpRequest *request) {
        static const HttpHeader headers[] = {
                { "sec-websocket-version", { "13", 2 } },
                { "upgrade", { "websocket", 9 } },
        };

        http_reply(request, 426, "text/plain; charset=utf-8", headers, ELEMENTSOF(headers),
                   TEXT("Upgrade Required"));
        return -EPROTO;
}

static int refuse_bad(HttpRequest *request) {
        http_reply(request, 400, "text/plain; charset=utf-8", NULL, 0, TEXT("Bad Request"));
        return -EPROTO;
}

int websocket_check_handshake(HttpRequest *request) {
        if (!wants_websocket(request) || !text_is(http_header(request, "sec-websocket-version"), "13"))
                return refuse_upgrade(request);
        if (!text_is(http_method(request), "GET") || request->req->version != 0x101 ||
            !key_is_sound(http_header(request, "sec-websocket-key")))
                return refuse_bad(request);
        return 0;
}

/* Browsers drop a connection whose server chose none of the protocols they offered. */
static bool offers_protocol(const HttpRequest *request, const char *protocol) {
        Text offers = http_header(request, "sec-websocket-protocol"), offer;

        while (protocol && text_split(&offers, ',', &offer))
                if (text_is(text_trim(offer), protocol))
                        return true;
        return false;
}

void websocket_upgrade(HttpRequest *request, const char *protocol, h2o_http1_upgrade_cb on_upgraded,
                       void *userdata) {
        bool has_protocol = offers_protocol(request, protocol);
        char accept[WEBSOCKET_ACCEPT_SIZE];
        h2o_req_t *req;
        h2o_iovec_t copy;

        digest_websocket_accept(http_header(request, "sec-websocket-key"), accept);
        req = http_request_take(request);

        req->res.status = 101;
        req->res.reason = http_reason(101);
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_UPGRADE, NULL, H2O_STRLIT("websocket"));
        copy = h2o_strdup(&req->pool, accept, WEBSOCKET_ACCEPT_SIZE - 1);
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("sec-websocket-accept"), 0, NULL,
                              copy.base, copy.len);
        if (has_protocol)
                h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("sec-websocket-protocol"), 0,
                                      NULL, protocol, strlen(protocol));

        h2o_http1_upgrade(req, NULL, 0, on_upgraded, userdata);
}
