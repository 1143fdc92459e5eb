/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/workflows, /api/workflows/{id}, and the same below a project. Not JSON:API: the original has a
 * form of its own for these, without pages, and errors of their own too.
 */

#include "domain/workflow.h"
#include "serve/route.h"
#include "web/read.h"
#include "web/web.h"
#include "web/workflows.h"

static const Filter filters[] = {
        { "project_id", FILTER_UUID, offsetof(HistoryFilter, project_id) },
        {}
};

/* -- errors ------------------------------------------------------------------------------------------- */

int workflow_reply_bad_id(Call *call, Text id) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_null(&w, "id");
        json_begin(&w, "errors");
        json_begin_array(&w, "workflow");
        json_string(&w, NULL,
                    arena_printf(&call->arena, "Id %.*s should be a UUID.", (int) id.length, id.data));
        json_end_array(&w);
        json_end(&w);
        json_end(&w);

        return reply_json(call, 422, &body);
}

int workflow_reply_unknown(Call *call, const Uuid *id) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_uuid(&w, "id", id);
        json_begin_array(&w, "errors");
        json_string(&w, NULL, "Not Found");
        json_end_array(&w);
        json_end(&w);

        return reply_json(call, 404, &body);
}

/* -- asking ------------------------------------------------------------------------------------------- */

/* Ids of the path, each of them first of all an id. */
static int read_ids(Read *read) {
        static const struct {
                const char *name;
                size_t offset;
        } ids[] = {
                { "project_id", offsetof(Read, filter.project_id) },
                { "id",         offsetof(Read, id)                },
        };

        for (size_t i = 0, n = 0; i < ELEMENTSOF(ids); i++) {
                int r;

                r = read_path_id(&read->call, ids[i].name, (Uuid *) ((char *) read + ids[i].offset));
                if (r == -EBADMSG)
                        return workflow_reply_bad_id(&read->call, call_path_value(&read->call, n));
                n += r == 0;
        }

        return CALL_NEXT;
}

static int read_parameters(Read *read) {
        int r;

        r = read_user(read);
        if (r != CALL_NEXT)
                return r;
        r = page_check_query(&read->call);
        if (r < 0)
                return r;
        r = read_filters(read, filters);
        if (r != CALL_NEXT)
                return r;

        return read_ids(read);
}

static int ask_list(Call *call) {
        Read *read = container_of(call, Read, call);
        const Uuid *user_id = &read->filter.user_id, *project_id = &read->filter.project_id;
        Batch *batch;
        int r;

        r = read_parameters(read);
        if (r != CALL_NEXT)
                return r;

        batch = batch_new(&call->arena, BATCH_READ | BATCH_SLOW);
        if (!uuid_is_null(project_id))
                read->access = project_access(batch, user_id, project_id);
        read->rows = workflow_list(batch, user_id, project_id);
        return db_commit(call, batch);
}

static int ask_item(Call *call) {
        Read *read = container_of(call, Read, call);
        const Uuid *user_id = &read->filter.user_id, *project_id = &read->filter.project_id;
        Batch *batch;
        int r;

        r = read_parameters(read);
        if (r != CALL_NEXT)
                return r;

        batch = batch_new(&call->arena, BATCH_READ);
        read->elsewhere = workflow_access(batch, user_id, &read->id);
        read->access = uuid_is_null(project_id) ? read->elsewhere
                                                : project_access(batch, user_id, project_id);
        read->rows = workflow_get(batch, user_id, project_id, &read->id);
        return db_commit(call, batch);
}

/* -- replying ----------------------------------------------------------------------------------------- */

static void write_workflow(JsonWriter *w, const char *key, const Rows *rows, size_t row) {
        Uuid id = rows_uuid(rows, row, rows_column(rows, "id"));
        Uuid project_id = rows_uuid(rows, row, rows_column(rows, "project_id"));

        json_begin(w, key);
        json_uuid(w, "id", &id);
        json_text(w, "name", rows_text(rows, row, rows_column(rows, "name")));
        json_uuid(w, "project_id", &project_id);
        json_time_sec(w, "inserted_at", rows_time(rows, row, rows_column(rows, "inserted_at")));
        json_time_sec(w, "updated_at", rows_time(rows, row, rows_column(rows, "updated_at")));
        json_raw(w, "jobs", rows_text(rows, row, rows_column(rows, "jobs")));
        json_raw(w, "triggers", rows_text(rows, row, rows_column(rows, "triggers")));
        json_raw(w, "edges", rows_text(rows, row, rows_column(rows, "edges")));
        json_end(w);
}

static void write_no_errors(JsonWriter *w) {
        json_begin(w, "errors");
        json_end(w);
}

static int reply_list(Call *call) {
        Read *read = container_of(call, Read, call);
        const Rows *rows = read_rows(read, read->rows);
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        int r;

        r = read_check_access(read, -EACCES);
        if (r == -ENOENT)
                return workflow_reply_unknown(call, &UUID_NULL);
        if (r < 0)
                return r;

        json_begin(&w, NULL);
        json_begin_array(&w, "workflows");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_workflow(&w, NULL, rows, i);
        json_end_array(&w);
        write_no_errors(&w);
        json_end(&w);

        return reply_json(call, 200, &body);
}

int workflow_reply(Call *call, unsigned status, const Rows *rows) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        write_workflow(&w, "workflow", rows, 0);
        write_no_errors(&w);
        json_end(&w);
        return reply_json(call, status, &body);
}

/* A workflow of another project is a mistake in the address, 400, but only for those who may know of it. */
static int reply_missing(Read *read) {
        if (access_read(read_rows(read, read->elsewhere)) == 0)
                return -EBADMSG;

        return workflow_reply_unknown(&read->call, &read->id);
}

static int reply_item(Call *call) {
        Read *read = container_of(call, Read, call);
        const Rows *rows = read_rows(read, read->rows);
        int r;

        r = read_check_access(read, -EACCES);
        if (r == -ENOENT)
                return workflow_reply_unknown(call, &read->id);
        if (r < 0)
                return r;
        if (rows_count(rows) == 0)
                return reply_missing(read);

        return workflow_reply(call, 200, rows);
}

const Stage get_workflows[] = { ask_list, reply_list, NULL };
const Stage get_workflow[] = { ask_item, reply_item, NULL };
