/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Steps start and end (worker-channel 5.7, 5.8).
 */

#include <errno.h>

#include "basic/parse.h"
#include "domain/dataclip.h"
#include "domain/step.h"
#include "json/check.h"
#include "json/read.h"
#include "workers/run-channel.h"

static const char blank[] = "This field can't be blank.";

static int reply_step(ChannelCall *call, const Uuid *step_id) {
        _cleanup_(buffer_deinit) Buffer response = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&response);

        json_begin(&w, NULL);
        json_uuid(&w, "step_id", step_id);
        json_end(&w);
        return channel_reply_ok(call, buffer_text(&response));
}

/* -- step:start ------------------------------------------------------------------------------------ */

typedef struct StepBegun {
        ChannelCall base;
        StepStart start;
} StepBegun;

_Static_assert(sizeof(StepBegun) <= RUN_EVENT_SIZE, "");

static const Field start_fields[] = {
        { "job_id",            FIELD_UUID, offsetof(StepBegun, start.job_id),           FIELD_REQUIRED },
        { "step_id",           FIELD_UUID, offsetof(StepBegun, start.id),               FIELD_REQUIRED },
        { "input_dataclip_id", FIELD_UUID, offsetof(StepBegun, start.input_dataclip_id)                },
        { "timestamp",         FIELD_TIME, offsetof(StepBegun, start.worker_usec)                      },
        {}
};

static int start_step(Call *base) {
        StepBegun *event = container_of(base, StepBegun, base.call);
        LiveRun *live = run_of(&event->base);
        Text job = json_member(event->base.payload, "job_id");
        Batch *batch = batch_new(&base->arena, BATCH_IDEMPOTENT);
        int r;

        if (job.data && json_kind(job) == JSON_NULL)
                return channel_reply_field(&event->base, "job_id", "Job not found!");

        r = json_read(&base->arena, event->base.payload, start_fields, event, &base->invalid);
        if (r < 0)
                return r;
        if (!snapshot_has_job(&live->index, &event->start.job_id))
                return channel_reply_field(&event->base, "job_id", "does not exist");

        step_start(batch, &live->run, &event->start);
        return db_commit(base, batch);
}

static int reply_started(Call *base) {
        StepBegun *event = container_of(base, StepBegun, base.call);

        switch (step_outcome_read(base->result.rows[0])) {
        case STEP_CHANGED:
                live_run_add_step(run_of(&event->base), &event->start.id);
                return reply_step(&event->base, &event->start.id);
        case STEP_TAKEN:
                return channel_reply_field(&event->base, "step_id", "has already been taken");
        default:
                return channel_reply_field(&event->base, "run_id", "does not exist");
        }
}

const Stage step_start_stages[] = { start_step, reply_started, NULL };

/* -- step:complete --------------------------------------------------------------------------------- */

typedef struct StepDone {
        ChannelCall base;
        StepEnd end;
        Text output;                    /* JSON in a text */
        Text output_error;
        Text memory, response;          /* raw */
} StepDone;

_Static_assert(sizeof(StepDone) <= RUN_EVENT_SIZE, "");

static const Field complete_fields[] = {
        { "step_id",               FIELD_UUID,   offsetof(StepDone, end.id),                FIELD_REQUIRED },
        { "reason",                FIELD_STRING, offsetof(StepDone, end.reason),            FIELD_REQUIRED },
        { "error_type",            FIELD_STRING, offsetof(StepDone, end.error_type)                        },
        { "error_message",         FIELD_STRING, offsetof(StepDone, end.error_message)                     },
        { "timestamp",             FIELD_TIME,   offsetof(StepDone, end.worker_usec)                       },
        { "output_dataclip_id",    FIELD_UUID,   offsetof(StepDone, end.output_dataclip_id)                },
        { "output_dataclip",       FIELD_STRING, offsetof(StepDone, output)                                },
        { "output_dataclip_error", FIELD_STRING, offsetof(StepDone, output_error)                          },
        { "mem",                   FIELD_RAW,    offsetof(StepDone, memory)                                },
        { "webhook_response",      FIELD_RAW,    offsetof(StepDone, response)                              },
        {}
};

/* Nice to have, from engines that measure it: what is no number is not known. */
static int64_t measured(Text object, const char *name) {
        double number;
        Text raw = object.data && json_kind(object) == JSON_OBJECT ? json_member(object, name) : TEXT_NULL;

        if (!raw.data || json_kind(raw) != JSON_NUMBER || parse_double(raw, &number) < 0)
                return -1;
        return number >= 0 && number < 0x1p62 ? (int64_t) number : -1;
}

/* Both or none; the content counts only where it may be kept. */
static int check_output(StepDone *event, const Run *run) {
        Call *call = &event->base.call;
        bool has_id = !uuid_is_null(&event->end.output_dataclip_id), has_text = event->output.length > 0;

        if (!run->save_dataclips)
                return 0;
        if (has_id != has_text) {
                call_invalid(call, has_id ? "output_dataclip" : "output_dataclip_id", blank);
                return -EINVAL;
        }
        if (!has_text)
                return 0;
        if (json_check(event->output, &(JsonKind) { 0 }, NULL) < 0) {
                call_invalid(call, "output_dataclip", "is invalid");
                return -EINVAL;
        }
        event->end.output = dataclip_wrap_result(&call->arena, event->output);
        return 0;
}

static int complete_step(Call *base) {
        StepDone *event = container_of(base, StepDone, base.call);
        LiveRun *live = run_of(&event->base);
        Batch *batch = batch_new(&base->arena, BATCH_IDEMPOTENT);
        StepEnd *end = &event->end;
        int r;

        r = json_read(&base->arena, event->base.payload, complete_fields, event, &base->invalid);
        if (r < 0)
                return r;
        r = check_output(event, &live->run);
        if (r < 0)
                return r;

        end->error_message = live_run_scrub(live, &base->arena, end->error_message);
        end->duration_msec = measured(event->base.payload, "duration");
        end->memory_job = measured(event->memory, "job");
        end->memory_system = measured(event->memory, "system");
        end->memory_peak = measured(event->memory, "peak");
        end->output_too_large = text_is(event->output_error, "DATACLIP_TOO_LARGE");
        if (event->response.data && json_kind(event->response) == JSON_OBJECT)
                end->webhook_response = event->response;

        step_complete(batch, &live->run, end);
        return db_commit(base, batch);
}

static int reply_completed(Call *base) {
        StepDone *event = container_of(base, StepDone, base.call);
        const char *state = run_state_of_reason(event->end.reason);

        switch (step_outcome_read(base->result.rows[0])) {
        case STEP_CHANGED:
                call_log_uuid(base, "FULGUR_STEP_ID", &event->end.id);
                call_log(base, LOG_INFO, NULL, "Step ended: %s", state ? state : "for another reason");
                return reply_step(&event->base, &event->end.id);
        case STEP_TAKEN:
                return channel_reply_field(&event->base, "output_dataclip_id", "has already been taken");
        default:
                return channel_reply_field(&event->base, "step_id", "not found");
        }
}

const Stage step_complete_stages[] = { complete_step, reply_completed, NULL };
