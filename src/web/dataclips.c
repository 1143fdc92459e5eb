/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dataclips in the API: which there are, and their names. What is in them is not told here.
 */

#include "basic/parse.h"
#include "domain/dataclip.h"
#include "domain/project.h"
#include "domain/rerun.h"
#include "json/check.h"
#include "serve/session.h"
#include "web/dataclips.h"
#include "web/json-api.h"
#include "web/page.h"
#include "web/web.h"

#define DEFAULT_LIMIT 10
#define MAX_LIMIT 100
#define MAX_QUERY 255

static DataclipCall *dataclip_of(Call *call) {
        return container_of(call, DataclipCall, call);
}

static int read_ids(Call *call) {
        DataclipCall *asked = dataclip_of(call);

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        asked->user_id = call->principal->user_id;
        if (uuid_parse(call_path_value(call, 0), &asked->project_id) < 0 || uuid_parse(call_path_value(call, 1), &asked->id) < 0)
                return -EBADMSG;
        return page_check_query(call);
}

/* -- replying ------------------------------------------------------------------------------------------ */

static void write_dataclip(JsonWriter *w, const char *key, const Rows *rows, size_t i) {
        Uuid id = rows_uuid(rows, i, rows_column(rows, "id"));

        json_begin(w, key);
        json_uuid(w, "id", &id);
        json_text(w, "type", rows_text(rows, i, rows_column(rows, "type")));
        json_text(w, "name", rows_text(rows, i, rows_column(rows, "name")));
        json_text(w, "body_state", rows_text(rows, i, rows_column(rows, "body_state")));
        json_int(w, "size", rows_int(rows, i, rows_column(rows, "size")));
        json_time_sec(w, "inserted_at", rows_time(rows, i, rows_column(rows, "inserted_at")));
        json_time_sec(w, "updated_at", rows_time(rows, i, rows_column(rows, "updated_at")));
        json_end(w);
}

static int reply_one(Call *call) {
        const Rows *rows = call->result.rows[dataclip_of(call)->found];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (rows_count(rows) == 0)
                return -ENOENT;
        json_begin(&w, NULL);
        write_dataclip(&w, "data", rows, 0);
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* The first statement asked for access. */
static int check_access(Call *call) {
        int access = access_read(call->result.rows[0]);

        return access == 0 ? CALL_NEXT : access == ACCESS_E_UNKNOWN ? -ENOENT : -EACCES;
}

/* -- of a job -------------------------------------------------------------------------------------------- */

static int ask_job(Call *call) {
        DataclipCall *asked = dataclip_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ | BATCH_SLOW);
        Text query = call_query(call, "query"), text = call_query(call, "limit");
        uint64_t limit = DEFAULT_LIMIT;

        if ((text.data && parse_u64(text, &limit) < 0) || query.length > MAX_QUERY)
                return -EBADMSG;
        dataclip_job_access(batch, &asked->user_id, &asked->project_id, &asked->id);
        asked->found = dataclip_list_of_job(batch, &asked->user_id, &asked->project_id, &asked->id,
                                            query.length > 0 ? query : TEXT_NULL, (int64_t) MIN(limit, (uint64_t) MAX_LIMIT));
        return db_commit(call, batch);
}

static int reply_list(Call *call) {
        const Rows *rows = call->result.rows[dataclip_of(call)->found];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin_array(&w, "data");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_dataclip(&w, NULL, rows, i);
        json_end_array(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* -- of a run -------------------------------------------------------------------------------------------- */

static int ask_run(Call *call) {
        DataclipCall *asked = dataclip_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        run_access(batch, &asked->user_id, &asked->project_id, &asked->id);
        asked->found = dataclip_of_run(batch, &asked->user_id, &asked->project_id, &asked->id);
        return db_commit(call, batch);
}

/* -- its name ---------------------------------------------------------------------------------------------- */

typedef struct NameFields {
        Text name;
} NameFields;

static const Field name_fields[] = { { "name", FIELD_STRING, offsetof(NameFields, name), FIELD_CLEAR_NULL, 255 }, {} };

static int rename_dataclip(Call *call) {
        DataclipCall *asked = dataclip_of(call);
        Batch *batch = batch_new(&call->arena, 0);
        NameFields fields = {};
        FieldErrors wrong = {};
        JsonKind kind;

        if (json_check(call_body(call), &kind, NULL) < 0 || kind != JSON_OBJECT || !json_member(call_body(call), "name").data)
                return -EBADMSG;
        if (json_read(&call->arena, call_body(call), name_fields, &fields, &wrong) < 0) {
                call_invalid(call, "name", wrong.errors[0].message);
                return -EINVAL;
        }
        asked->found = dataclip_rename(batch, &asked->user_id, &asked->project_id, &asked->id,
                                       text_trim(fields.name).length > 0 ? text_trim(fields.name) : TEXT_NULL);
        return db_commit(call, batch);
}

const Stage get_job_dataclips[] = { read_ids, ask_job, check_access, reply_list, NULL };
const Stage get_run_dataclip[] = { read_ids, ask_run, check_access, reply_one, NULL };
const Stage patch_dataclip[] = { read_ids, rename_dataclip, reply_one, NULL };
