/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log lines: what a worker sends about a run becomes text without secrets, many lines in one statement.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "db/array.h"
#include "db/batch.h"
#include "domain/run.h"
#include "domain/scrub.h"
#include "json/read.h"

/*
 * Appends the text of a logged message (checked raw JSON): strings as they are, other values as JSON, the
 * elements of arrays joined by one space, however deep. Control characters become U+FFFD, except tab and
 * line ends.
 */
void log_message_write(Arena *arena, Text message, Buffer *text);

/* Lines gathered for one statement. */
typedef struct LogLines {
        Array ids, step_ids, times, levels, sources, messages;
        Buffer text, scrubbed;                  /* of the line at hand */
} LogLines;

void log_lines_init(LogLines *lines);
void log_lines_deinit(LogLines *lines);
static inline size_t log_lines_count(const LogLines *lines) {
        return lines->ids.n;
}

/* Reads one line (a checked raw JSON value), scrubs and adds it. `step_id` gets the line's, or UUID_NULL.
 * -EINVAL and what is wrong. */
int log_lines_add(LogLines *lines, Arena *arena, Text line, Scrubber *scrubber, Uuid *ret_id,
                  Uuid *ret_step_id, FieldErrors *errors);

/* Stores them; both arrays of the arguments are over then. `step_ids`: distinct ids that must be steps of
 * the run, else nothing is stored, which rows_affected() tells. */
void log_lines_store(Batch *batch, const Run *run, LogLines *lines, Array *step_ids);
