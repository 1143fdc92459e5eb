/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a waiting caller gets: the workflow may say so itself (state.webhookResponse), else the trigger's
 * configuration does. Status and body default each for itself; one that makes no sense spoils both.
 */

#include "basic/parse.h"
#include "domain/sql.h"
#include "domain/webhook-reply.h"
#include "json/check.h"
#include "json/writer.h"

#define DEFAULT_STATUS 201
#define MIN_STATUS 200
#define MAX_STATUS 599
#define MAX_SHOWN 100           /* bytes of a wrong value in the message about it */

static Text message(Arena *arena, const char *text) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin(&w, NULL);
        json_string(&w, "message", text);
        json_end(&w);
        return arena_text(arena, buffer_text(&buffer));
}

static Text malformed(Arena *arena, const char *reason, Text got) {
        size_t shown = MIN(got.length, (size_t) MAX_SHOWN);

        return message(arena,
                       arena_printf(arena, "Run completed, but webhook_response was malformed: %s, got: %.*s",
                                    reason, (int) shown, got.data));
}

/* An integer, or the whole part of a number. */
static bool read_status(Text value, int64_t *ret_status) {
        double number;

        if (json_kind(value) != JSON_NUMBER || parse_double(value, &number) < 0)
                return false;
        if (!(number >= MIN_STATUS && number < MAX_STATUS + 1))
                return false;
        *ret_status = (int64_t) number;
        return true;
}

static Text member_or_nothing(Text object, const char *name) {
        Text value = object.data ? json_member(object, name) : TEXT_NULL;

        return value.data && json_kind(value) != JSON_NULL ? value : TEXT_NULL;
}

static Text default_data(Arena *arena, const char *run_state, Text final_state) {
        if (strcmp(run_state, "success") != 0)
                return message(arena,
                               arena_printf(arena,
                                            "Run completed with status: %s. As a security policy, OpenFn "
                                            "does not send state data when "
                                            "the run errors out to avoid leaking sensitive information",
                                            run_state));
        return final_state.data ? final_state : TEXT("null");
}

void webhook_reply_compute(Arena *arena, const WebhookReplyTerms *terms, const char *run_state, Text response,
                           Text final_state, WebhookReply *ret_reply) {
        Text status = member_or_nothing(response, "status"), body = member_or_nothing(response, "body");
        int64_t code = strcmp(run_state, "success") == 0 ? terms->success_code : terms->error_code;
        WebhookReply reply = { .status = code > 0 ? code : DEFAULT_STATUS };
        int64_t given;

        if (status.data && !read_status(status, &given))
                reply.data = malformed(arena,
                                       json_kind(status) == JSON_NUMBER
                                               ? "status needs to be an integer from 200 to 599"
                                               : "status needs to be an integer",
                                       status);
        else if (body.data && json_kind(body) != JSON_OBJECT)
                reply.data = malformed(arena, "body needs to be a JSON object", body);
        else {
                if (status.data)
                        reply.status = given;
                reply.data = body.data ? body : default_data(arena, run_state, final_state);
        }
        *ret_reply = reply;
}

void webhook_reply_ask(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *dataclip_id) {
        batch_add(batch, &SQL_WEBHOOK_REPLY_ASK, P_UUID(project_id), P_UUID(run_id), P_UUID(dataclip_id));
}
