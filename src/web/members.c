/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET and PUT /projects/{project_id}/members, DELETE …/members/{user_id}: who is in a project, and with which role. Access ends
 * with the membership, at the next request.
 */

#include "domain/member.h"
#include "domain/project.h"
#include "json/check.h"
#include "json/read.h"
#include "serve/session.h"
#include "web/json-api.h"
#include "web/members.h"
#include "web/web.h"

static MemberCall *member_of(Call *call) {
        return container_of(call, MemberCall, call);
}

static int read_ids(Call *call) {
        MemberCall *asked = member_of(call);
        Text member = call_path_value(call, 1);

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        asked->user_id = call->principal->user_id;
        if (uuid_parse(call_path_value(call, 0), &asked->project_id) < 0 ||
            (member.data && uuid_parse(member, &asked->member_id) < 0))
                return -EBADMSG;
        return CALL_NEXT;
}

/* -- who there is ------------------------------------------------------------------------------------------ */

static int ask(Call *call) {
        MemberCall *asked = member_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        project_access(batch, &asked->user_id, &asked->project_id);
        member_list(batch, &asked->user_id, &asked->project_id);
        return db_commit(call, batch);
}

static void write_member(JsonWriter *w, const Rows *rows, size_t i) {
        static const char *const texts[] = { "email", "first_name", "last_name", "role" };
        Uuid id = rows_uuid(rows, i, rows_column(rows, "user_id"));

        json_begin(w, NULL);
        json_uuid(w, "user_id", &id);
        for (size_t c = 0; c < ELEMENTSOF(texts); c++)
                json_text(w, texts[c], rows_text(rows, i, rows_column(rows, texts[c])));
        json_time_sec(w, "inserted_at", rows_time(rows, i, rows_column(rows, "inserted_at")));
        json_end(w);
}

static int reply_list(Call *call) {
        const Rows *rows = call->result.rows[1];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        int access = access_read(call->result.rows[0]);

        if (access != 0)
                return access == ACCESS_E_UNKNOWN ? -ENOENT : -EACCES;
        json_begin(&w, NULL);
        json_begin_array(&w, "data");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_member(&w, rows, i);
        json_end_array(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* -- roles ------------------------------------------------------------------------------------------------- */

typedef struct MemberFields {
        Text email, role;
} MemberFields;

static const Field member_fields[] = {
        { "email", FIELD_STRING, offsetof(MemberFields, email), FIELD_REQUIRED, 160 },
        { "role", FIELD_STRING, offsetof(MemberFields, role), FIELD_REQUIRED, 16 },
        {}
};

static int invalid(Call *call, const char *field, const char *message) {
        call_invalid(call, field, message);
        return -EINVAL;
}

static int put(Call *call) {
        MemberCall *asked = member_of(call);
        Batch *batch = batch_new(&call->arena, 0);
        MemberFields fields = {};
        FieldErrors wrong = {};
        JsonKind kind;

        if (json_check(call_body(call), &kind, NULL) < 0 || kind != JSON_OBJECT)
                return -EBADMSG;
        (void) json_read(&call->arena, call_body(call), member_fields, &fields, &wrong);
        for (size_t i = 0; i < wrong.n_errors; i++)
                call_invalid(call, wrong.errors[i].field, wrong.errors[i].message);
        if (call->invalid.n_errors > 0)
                return -EINVAL;
        if (!text_is(fields.role, "viewer") && !text_is(fields.role, "editor") && !text_is(fields.role, "admin"))
                return invalid(call, "role", "is not one of viewer, editor, admin");
        asked->outcome = member_put(batch, &asked->user_id, &asked->project_id, text_trim(fields.email), fields.role);
        return db_commit(call, batch);
}

static int delete_it(Call *call) {
        MemberCall *asked = member_of(call);
        Batch *batch = batch_new(&call->arena, 0);

        asked->outcome = member_delete(batch, &asked->user_id, &asked->project_id, &asked->member_id);
        return db_commit(call, batch);
}

/* 0: it is done. */
static int check_outcome(Call *call) {
        const Rows *rows = call->result.rows[member_of(call)->outcome];
        Text outcome = rows_text(rows, 0, rows_column(rows, "outcome"));

        if (text_is(outcome, "unknown_user"))
                return invalid(call, "email", "names an email no user holds");
        if (text_is(outcome, "owner"))
                return invalid(call, "role", "of the owner stays");
        return text_is(outcome, "not_found") ? -ENOENT : CALL_NEXT;
}

static int reply_gone(Call *call) {
        return call_reply(call, 204, TEXT_NULL);
}

const Stage get_members[] = { read_ids, ask, reply_list, NULL };
const Stage put_member[] = { read_ids, put, check_outcome, ask, reply_list, NULL };
const Stage delete_member[] = { read_ids, delete_it, check_outcome, reply_gone, NULL };
