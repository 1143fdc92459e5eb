/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a person does to runs: run one again, cancel one that waits. Each is one statement that says what came
 * of it in its first column, "outcome":
 *
 * - retry: "ok" (and the new run is there), "not_found", "wiped" (its input is gone: cannot retry run using a
 *   wiped dataclip). The retry gets the workflow's present snapshot, goes to the queue "manual" and before
 *   others, and answers no webhook.
 * - cancel: "ok", "not_found", "not_available" (a worker has it, or it is final).
 *
 * After "ok" of a retry somebody should ring "runs"; after a cancel "run_done" with the run's id (a webhook's
 * caller may wait for it).
 */

#include "db/batch.h"

typedef struct RetryOptions {
        uint64_t run_timeout_msec;
        uint64_t run_memory_limit_mb;   /* 0: none */
} RetryOptions;

void run_retry(Batch *batch, const Uuid *run_id, const Uuid *new_run_id, const RetryOptions *options);
void run_cancel(Batch *batch, const Uuid *run_id);
