/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies with secrets.
 */

#include "web/secret-body.h"

#include <errno.h>

#include "json/check.h"
#include "json/form.h"

static int read_form(Arena *arena, Text body, Text *ret_object) {
        Buffer json = BUFFER_NULL;
        int r;

        r = form_read_urlencoded(arena, body, &json);
        if (r >= 0)
                *ret_object = arena_text(arena, buffer_text(&json));

        secret_wipe(json.data, json.length);
        buffer_deinit(&json);
        return r < 0 ? -EBADMSG : 0;
}

/* What came packed has a copy; the rest points into the request, which outlives the stage. */
int secret_body_read(Call *call, Arena *arena, Text *ret_object, bool *ret_is_form) {
        Text type = http_header(call_request(call), "content-type"), body = call->body, value;
        JsonKind kind;

        if (!body.data)
                body = http_body(call_request(call));
        (void) text_split(&type, ';', &value);
        value = text_trim(value);
        if (text_is_nocase(value, "application/x-www-form-urlencoded")) {
                *ret_is_form = true;
                return read_form(arena, body, ret_object);
        }
        if (!text_is_nocase(value, "application/json") || json_check(body, &kind, NULL) < 0 || kind != JSON_OBJECT)
                return -EBADMSG;

        *ret_is_form = false;
        *ret_object = body;
        return 0;
}

void secret_body_wipe(Call *call, Arena *arena) {
        secret_wipe(call->body.data, call->body.length);
        arena_wipe(arena);
}

int secret_body_fields(Call *call, Arena *arena, Text object, const Field *fields, void *target) {
        FieldErrors wrong = {};

        if (json_read(arena, object, fields, target, &wrong) >= 0)
                return 0;
        /* Names and messages are texts of ours; where they are not, they go with the arena. */
        for (size_t i = 0; i < wrong.n_errors; i++)
                call_invalid(call, wrong.errors[i].field, arena_strdup(&call->arena, wrong.errors[i].message));
        return -EINVAL;
}

int secret_body_secret(Call *call, Arena *arena, const char *field, Text value, Secret **ret_secret) {
        Text text;

        if (!value.data || json_unescape(arena, value, &text) < 0) {
                call_invalid(call, field, value.data ? "is invalid" : "This field can't be blank.");
                return -EINVAL;
        }
        *ret_secret = secret_new(text.data, text.length);
        return 0;
}
