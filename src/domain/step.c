/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Steps.
 */

#include "domain/sql.h"
#include "domain/step.h"

static const struct {
        const char *word;
        StepOutcome outcome;
} outcomes[] = {
        { "started",   STEP_CHANGED   },
        { "completed", STEP_CHANGED   },
        { "no_run",    STEP_NO_RUN    },
        { "no_step",   STEP_NOT_FOUND },
        { "taken",     STEP_TAKEN     },
};

StepOutcome step_outcome_read(const Rows *rows) {
        Text word = rows_text(rows, 0, rows_column(rows, "outcome"));

        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                if (text_is(word, outcomes[i].word))
                        return outcomes[i].outcome;
        return STEP_NOT_FOUND;
}

void step_start(Batch *batch, const Run *run, const StepStart *start) {
        batch_add(batch, &SQL_STEP_START, P_UUID(&run->project_id), P_UUID(&run->id), P_UUID(&start->id),
                  P_UUID(&start->job_id), P_UUID(&start->input_dataclip_id), P_TIME(start->worker_usec));
}

static Param known(int64_t value) {
        return value >= 0 ? P_INT(value) : P_NULL;
}

void step_complete(Batch *batch, const Run *run, const StepEnd *end) {
        batch_add(batch, &SQL_STEP_COMPLETE, P_UUID(&run->project_id), P_UUID(&run->id), P_UUID(&end->id),
                  P_TEXT(end->reason), P_TEXT(end->error_type), P_TEXT(end->error_message),
                  P_TIME(end->worker_usec), known(end->duration_msec), known(end->memory_job),
                  known(end->memory_system), known(end->memory_peak), P_BOOL(end->output_too_large),
                  P_UUID(&end->output_dataclip_id), P_BYTES(end->output), P_BYTES(end->webhook_response));
}
