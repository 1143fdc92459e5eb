/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Log lines: read, scrubbed, stored as columns.
 */

#include <errno.h>

#include "domain/log-line.h"
#include "domain/sql.h"
#include "json/check.h"

typedef struct LogLine {
        Text message;           /* raw */
        Text source, level;
        uint64_t time_usec;
        Uuid step_id;
} LogLine;

static const Field line_fields[] = {
        { "message",   FIELD_RAW,    offsetof(LogLine, message),   FIELD_REQUIRED },
        { "timestamp", FIELD_TIME,   offsetof(LogLine, time_usec), FIELD_REQUIRED },
        { "source",    FIELD_STRING, offsetof(LogLine, source),    .max = 8       },
        { "level",     FIELD_STRING, offsetof(LogLine, level)                     },
        { "step_id",   FIELD_UUID,   offsetof(LogLine, step_id)                   },
        {}
};

static const char *const levels[] = { "success", "always", "info", "warn", "error", "debug" };

void log_lines_init(LogLines *lines) {
        *lines = (LogLines) {};
        array_init(&lines->ids, ARRAY_UUID);
        array_init(&lines->step_ids, ARRAY_UUID);
        array_init(&lines->times, ARRAY_TIME);
        array_init(&lines->levels, ARRAY_TEXT);
        array_init(&lines->sources, ARRAY_TEXT);
        array_init(&lines->messages, ARRAY_TEXT);
}

void log_lines_deinit(LogLines *lines) {
        array_deinit(&lines->ids);
        array_deinit(&lines->step_ids);
        array_deinit(&lines->times);
        array_deinit(&lines->levels);
        array_deinit(&lines->sources);
        array_deinit(&lines->messages);
        buffer_deinit(&lines->text);
        buffer_deinit(&lines->scrubbed);
}

static bool is_level(Text level) {
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (text_is(level, levels[i]))
                        return true;
        return false;
}

static bool is_empty_array(Text message) {
        size_t cursor = 0;
        Text element;

        return json_kind(message) == JSON_ARRAY && !json_next_element(message, &cursor, &element);
}

static int read_line(Arena *arena, Text json, LogLine *line, FieldErrors *errors) {
        int r = json_read(arena, json, line_fields, line, errors);

        if (r == -EBADMSG)
                field_errors_add(errors, "logs", "is invalid");
        if (r < 0)
                return -EINVAL;

        if (is_empty_array(line->message))
                field_errors_add(errors, "message", "This field can't be blank.");
        if (line->time_usec == 0)
                field_errors_add(errors, "timestamp", "is invalid");
        if (!line->level.data)
                line->level = TEXT("info");
        if (!is_level(line->level))
                field_errors_add(errors, "level", "is invalid");
        return errors->n_errors > 0 ? -EINVAL : 0;
}

int log_lines_add(LogLines *lines, Arena *arena, Text json, Scrubber *scrubber, Uuid *ret_id,
                  Uuid *ret_step_id, FieldErrors *errors) {
        LogLine line = {};
        Uuid id = uuid_new();
        int r;

        r = read_line(arena, json, &line, errors);
        if (r < 0)
                return r;

        buffer_clear(&lines->text);
        buffer_clear(&lines->scrubbed);
        log_message_write(arena, line.message, &lines->text);
        scrub(scrubber, buffer_text(&lines->text), &lines->scrubbed);

        array_add_uuid(&lines->ids, &id);
        array_add_uuid(&lines->step_ids, &line.step_id);
        array_add_time(&lines->times, line.time_usec);
        array_add_text(&lines->levels, line.level);
        array_add_text(&lines->sources, line.source);
        array_add_text(&lines->messages,
                       text_make(lines->scrubbed.data ? lines->scrubbed.data : "", lines->scrubbed.length));

        *ret_id = id;
        *ret_step_id = line.step_id;
        return 0;
}

void log_lines_store(Batch *batch, const Run *run, LogLines *lines, Array *step_ids) {
        size_t n_step_ids = step_ids->n;
        Arena *arena = batch->arena;
        const Param params[] = {
                P_UUID(&run->project_id),
                P_UUID(&run->id),
                array_move(&lines->ids, arena),
                array_move(&lines->step_ids, arena),
                array_move(&lines->times, arena),
                array_move(&lines->levels, arena),
                array_move(&lines->sources, arena),
                array_move(&lines->messages, arena),
                array_move(step_ids, arena),
        };

        if (n_step_ids > 0)
                batch_add_params(batch, &SQL_LOG_LINES_INSERT_CHECKED, params, ELEMENTSOF(params));
        else
                batch_add_params(batch, &SQL_LOG_LINES_INSERT, params, ELEMENTSOF(params) - 1);
}
