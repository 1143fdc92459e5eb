/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is answered without a database: that we are there, what we are, and what there is not.
 */

#include "serve/http-source.h"
#include "web/web.h"

static int reply_text(Call *call, unsigned status, Text text) {
        call->content_type = "text/plain; charset=utf-8";
        call_header(call, "x-content-type-options", TEXT("nosniff"));
        return call_reply(call, status, text);
}

/* Load balancers and the original's users look for these words. */
static int say_hello(Call *call) {
        return reply_text(call, 200, TEXT("Hello you!"));
}

static int say_what_this_is(Call *call) {
        return reply_text(call, 200, TEXT("This is Fulgur " FULGUR_VERSION ", a workflow server.\n\n"
                                          "  /api            the API, with a personal access token\n"
                                          "  /users/log_in   for people\n"
                                          "  /collections    what workflows keep\n"
                                          "  /i/...          webhooks\n"
                                          "  /worker         workers\n"
                                          "  /health_check   whether it is up\n"));
}

/* People get text; clients that do not say what they want are programs. */
static int say_unknown(Call *call) {
        Text accept = call_request_header(call, "accept");

        if (text_contains(accept, "text/html") && !text_contains(accept, "json"))
                return reply_text(call, 404, TEXT("There is no such page.\n"));

        return -ENOENT;
}

const Stage get_health[] = { say_hello, NULL };
const Stage get_front_page[] = { say_what_this_is, NULL };
const Stage get_unknown[] = { say_unknown, NULL };
