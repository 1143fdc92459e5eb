/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Steps: one execution of a job in a run. Workers make their ids.
 */

#include <stdbool.h>
#include <stdint.h>

#include "domain/run.h"

typedef enum StepOutcome {
        STEP_CHANGED,
        STEP_NO_RUN,
        STEP_NOT_FOUND,         /* none of this run's */
        STEP_TAKEN,             /* the id (start) or the output's id (complete) is somebody else's */
        _STEP_OUTCOME_MAX,
} StepOutcome;

StepOutcome step_outcome_read(const Rows *rows);

typedef struct StepStart {
        Uuid id, job_id;
        Uuid input_dataclip_id;                 /* left out when the run does not know it */
        uint64_t worker_usec;                   /* 0: our clock */
} StepStart;

void step_start(Batch *batch, const Run *run, const StepStart *start);

typedef struct StepEnd {
        Uuid id;
        Text reason, error_type, error_message;
        uint64_t worker_usec;
        int64_t duration_msec;                  /* negative: not known; memory likewise, in bytes */
        int64_t memory_job, memory_system, memory_peak;
        bool output_too_large;
        Uuid output_dataclip_id;                /* UUID_NULL: no output */
        Text output;                            /* JSON object; TEXT_NULL: it is not kept */
        Text webhook_response;                  /* raw JSON object, or TEXT_NULL */
} StepEnd;

void step_complete(Batch *batch, const Run *run, const StepEnd *end);
