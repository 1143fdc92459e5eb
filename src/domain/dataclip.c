/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dataclips, as far as workers see them.
 */

#include "domain/dataclip.h"
#include "domain/rerun.h"
#include "domain/sql.h"
#include "json/check.h"
#include "json/writer.h"

void dataclip_take_input(Batch *batch, const Uuid *project_id, const Uuid *run_id) {
        batch_add(batch, &SQL_DATACLIP_TAKE_INPUT, P_UUID(project_id), P_UUID(run_id));
}

void dataclip_write_state(const Rows *rows, Buffer *state) {
        JsonWriter w = JSON_WRITER(state);
        Text type, body, request;

        if (rows_count(rows) == 0) {
                json_null(&w, NULL);
                return;
        }

        type = rows_text(rows, 0, rows_column(rows, "type"));
        body = rows_text(rows, 0, rows_column(rows, "body"));
        request = rows_text(rows, 0, rows_column(rows, "request"));
        buffer_reserve(state, body.length + request.length + sizeof("{\"data\":,\"request\":}"));

        if (!text_is(type, "http_request") && !text_is(type, "kafka")) {
                json_raw(&w, NULL, body);
                return;
        }

        json_begin(&w, NULL);
        json_raw(&w, "data", body);
        json_raw(&w, "request", request);
        json_end(&w);
}

Text dataclip_wrap_result(Arena *arena, Text value) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (json_kind(value) == JSON_OBJECT)
                return value;

        json_begin(&w, NULL);
        json_raw(&w, "value", value);
        json_end(&w);
        return arena_text(arena, buffer_text(&buffer));
}

/* -- as members of the project see them -------------------------------------------------------------------- */

size_t dataclip_job_access(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id) {
        return batch_add(batch, &SQL_DATACLIP_JOB_ACCESS, P_UUID(user_id), P_UUID(project_id), P_UUID(job_id));
}

size_t dataclip_list_of_job(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id, Text query,
                            int64_t limit) {
        return batch_add(batch, &SQL_DATACLIP_OF_JOB, P_UUID(user_id), P_UUID(project_id), P_UUID(job_id), P_TEXT(query),
                         P_INT(limit));
}

size_t dataclip_of_run(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_DATACLIP_OF_RUN, P_UUID(user_id), P_UUID(project_id), P_UUID(run_id));
}

size_t dataclip_rename(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *dataclip_id, Text name) {
        run_demand_right(batch, user_id, project_id);
        return batch_add(batch, &SQL_DATACLIP_RENAME, P_UUID(project_id), P_UUID(dataclip_id), P_TEXT(name));
}
