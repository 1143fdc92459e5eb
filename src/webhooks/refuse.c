/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Refusals that say what to do. Those that are our fault are told to the journal too, not each of them: a
 * sender that is refused comes again, and so do thousands of others.
 */

#include "log/message-id.h"
#include "webhooks/retry.h"
#include "webhooks/webhooks.h"

#define TELL_USEC (10 * USEC_PER_SEC)

int refuse_message(Call *call, unsigned status, const char *error, const char *message) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_string(&w, "error", error);
        json_string(&w, "message", message);
        json_end(&w);
        return call_reply_buffer(call, status, &body);
}

static void tell_journal(Call *call) {
        Webhooks *webhooks = webhooks_of(call);
        uint64_t now = clock_monotonic_usec();

        webhooks->n_refused++;
        if (webhooks->told_usec > 0 && now - webhooks->told_usec < TELL_USEC)
                return;

        call_log(call, LOG_WARNING, MSG_WEBHOOKS_REFUSED, "Webhooks were told to come again later: %zu%s",
                 webhooks->n_refused, call->service->stopping ? ", the service stops" : "");
        webhooks->told_usec = now;
        webhooks->n_refused = 0;
}

/* The text and Retry-After of the original (http-api 1.6). */
static int refuse_for_now(Call *call, const char *message) {
        uint64_t after = retry_after_sec(call->service->settings);
        char *seconds = arena_printf(&call->arena, "%llu", (unsigned long long) after);
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        tell_journal(call);
        json_begin(&w, NULL);
        json_string(&w, "error", "service_unavailable");
        json_string(&w, "message", arena_printf(&call->arena, "%s %ss.", message, seconds));
        json_int(&w, "retry_after", (int64_t) after);
        json_end(&w);

        call_header(call, "retry-after", text_of(seconds));
        return call_reply_buffer(call, 503, &body);
}

int refuse_lookup(Call *call) {
        return refuse_for_now(call, "Temporary database issue during webhook lookup. Please retry in");
}

int refuse_storing(Call *call) {
        return refuse_for_now(call, "Unable to process request due to temporary database issues. "
                                    "Please try again in");
}
