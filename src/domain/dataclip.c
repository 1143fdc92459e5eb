/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dataclips, as far as workers see them.
 */

#include "domain/dataclip.h"
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
