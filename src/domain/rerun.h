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

/* `project_id`: the run's, or -- for the administrator -- UUID_NULL: whichever. Each returns the statement's number. */
size_t run_retry(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *new_run_id,
                 const RetryOptions *options);
/* From a step on, with the input it had. "not_found" also when its job is no longer in the workflow. */
size_t run_retry_step(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *step_id,
                      const Uuid *new_run_id, const RetryOptions *options);
size_t run_cancel(Batch *batch, const Uuid *project_id, const Uuid *run_id);

/* -- over HTTP, in front of the above ------------------------------------------------------------------- */

/* Ends the batch with -ENOENT (no such project) or -EACCES unless the user may run workflows there. */
void run_demand_right(Batch *batch, const Uuid *user_id, const Uuid *project_id);
/* Ends the batch with -ENOENT unless the workflow has that trigger or job, and the project that input (UUID_NULL: it
 * is brought along); -EINVAL: the input has been wiped. */
void run_demand_start(Batch *batch, const Uuid *project_id, const Uuid *workflow_id, const Uuid *trigger_id,
                      const Uuid *job_id, const Uuid *dataclip_id);
/* Columns run_id, work_order_id: the newest run of each of the project's work orders; none without the right. */
size_t run_find_newest(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *work_order_ids, size_t n);
/* For access_read(), and the run's steps. */
size_t run_access(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id);
size_t run_steps(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id);
