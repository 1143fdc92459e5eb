/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Log lines, one by one or in batches (worker-channel 5.10): to text, without secrets, all lines of an event
 * or none.
 */

#include <errno.h>

#include "db/array.h"
#include "domain/log-line.h"
#include "json/check.h"
#include "json/read.h"
#include "workers/run-channel.h"

/* Of one event; the real worker sends at most 50. */
#define MAX_LINES 10000

typedef struct LogEvent {
        ChannelCall base;
        Uuid line_id;           /* of the last line */
        Uuid *new_step_ids;     /* steps that were not known here */
        size_t n_new_step_ids;
        bool is_batch;
} LogEvent;

_Static_assert(sizeof(LogEvent) <= RUN_EVENT_SIZE, "");

static void note_step(LogEvent *event, const LiveRun *live, const Uuid *step_id) {
        if (uuid_is_null(step_id) || live_run_knows_step(live, step_id))
                return;
        for (size_t i = 0; i < event->n_new_step_ids; i++)
                if (uuid_equal(&event->new_step_ids[i], step_id))
                        return;

        /* Doubles whenever a power of two is reached. */
        if ((event->n_new_step_ids & (event->n_new_step_ids - 1)) == 0) {
                Uuid *more =
                        arena_new(&event->base.call.arena, Uuid, MAX(2 * event->n_new_step_ids, (size_t) 1));

                if (event->n_new_step_ids > 0)
                        memcpy(more, event->new_step_ids, event->n_new_step_ids * sizeof(Uuid));
                event->new_step_ids = more;
        }
        event->new_step_ids[event->n_new_step_ids++] = *step_id;
}

static int add_line(LogEvent *event, LiveRun *live, LogLines *lines, Text line) {
        Call *call = &event->base.call;
        Uuid step_id;
        int r;

        r = log_lines_add(lines, &call->arena, line, live->scrubber, &event->line_id, &step_id,
                          &call->invalid);
        if (r < 0)
                return r;
        note_step(event, live, &step_id);
        return 0;
}

static int add_lines(LogEvent *event, LiveRun *live, LogLines *lines, Text array) {
        size_t cursor = 0;
        Text line;

        while (json_next_element(array, &cursor, &line)) {
                int r;

                if (log_lines_count(lines) == MAX_LINES) {
                        call_invalid(&event->base.call, "logs", "should have at most 10000 item(s)");
                        return -EINVAL;
                }
                r = add_line(event, live, lines, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int store(LogEvent *event, const LiveRun *live, LogLines *lines) {
        Call *call = &event->base.call;
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        Array step_ids;

        array_init(&step_ids, ARRAY_UUID);
        for (size_t i = 0; i < event->n_new_step_ids; i++)
                array_add_uuid(&step_ids, &event->new_step_ids[i]);
        log_lines_store(batch, &live->run, lines, &step_ids);
        return db_try(call, batch);
}

static int reply_stored(Call *base) {
        LogEvent *event = container_of(base, LogEvent, base.call);
        _cleanup_(buffer_deinit) Buffer response = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&response);
        LiveRun *live = run_of(&event->base);

        /* They were stored by a first try whose connection was lost: their ids say so. */
        if (base->result.error < 0 && base->result.error != -EEXIST)
                return base->result.error;
        if (base->result.error == 0 && rows_affected(base->result.rows[0]) == 0)
                return channel_reply_field(&event->base, "step_id", "must be associated with the run");

        for (size_t i = 0; i < event->n_new_step_ids; i++)
                live_run_add_step(live, &event->new_step_ids[i]);

        json_begin(&w, NULL);
        if (!event->is_batch)
                json_uuid(&w, "log_line_id", &event->line_id);
        json_end(&w);
        return channel_reply_ok(&event->base, buffer_text(&response));
}

static int read_line(Call *base) {
        LogEvent *event = container_of(base, LogEvent, base.call);
        LiveRun *live = run_of(&event->base);
        _cleanup_(log_lines_deinit) LogLines lines;
        int r;

        log_lines_init(&lines);
        r = add_line(event, live, &lines, event->base.payload);
        return r < 0 ? r : store(event, live, &lines);
}

static const Field batch_fields[] = {
        { "logs", FIELD_ARRAY, 0, FIELD_REQUIRED },
        {}
};

static int read_batch(Call *base) {
        LogEvent *event = container_of(base, LogEvent, base.call);
        LiveRun *live = run_of(&event->base);
        _cleanup_(log_lines_deinit) LogLines lines;
        Text array = TEXT_NULL;
        int r;

        event->is_batch = true;
        log_lines_init(&lines);
        r = json_read(&base->arena, event->base.payload, batch_fields, &array, &base->invalid);
        if (r < 0)
                return r;
        r = add_lines(event, live, &lines, array);
        if (r < 0)
                return r;
        return log_lines_count(&lines) > 0 ? store(event, live, &lines)
                                           : channel_reply_ok(&event->base, TEXT("{}"));
}

const Stage run_log_stages[] = { read_line, reply_stored, NULL };
const Stage run_batch_logs_stages[] = { read_batch, reply_stored, NULL };
