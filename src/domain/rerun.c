/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Retries and cancellations: see rerun.h; the rules are in rerun.sql.
 */

#include "domain/rerun.h"

#include "db/array.h"
#include "domain/sql.h"

static Param memory_limit(const RetryOptions *options) {
        return options->run_memory_limit_mb ? P_INT((int64_t) options->run_memory_limit_mb) : P_NULL;
}

size_t run_retry(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *new_run_id,
                 const RetryOptions *options) {
        return batch_add(batch, &SQL_RERUN_RETRY, P_UUID(run_id), P_UUID(new_run_id),
                         P_INT((int64_t) options->run_timeout_msec), memory_limit(options), P_UUID(project_id));
}

size_t run_retry_step(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *step_id,
                      const Uuid *new_run_id, const RetryOptions *options) {
        return batch_add(batch, &SQL_RERUN_RETRY_STEP, P_UUID(project_id), P_UUID(run_id), P_UUID(step_id),
                         P_UUID(new_run_id), P_INT((int64_t) options->run_timeout_msec), memory_limit(options));
}

size_t run_cancel(Batch *batch, const Uuid *project_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_RERUN_CANCEL, P_UUID(run_id), P_UUID(project_id));
}

void run_demand_right(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        batch_add(batch, &SQL_RERUN_DEMAND_RIGHT, P_UUID(user_id), P_UUID(project_id), P_TEXT(TEXT("run_workflow")));
}

void run_demand_start(Batch *batch, const Uuid *project_id, const Uuid *workflow_id, const Uuid *trigger_id,
                      const Uuid *job_id, const Uuid *dataclip_id) {
        batch_add(batch, &SQL_RERUN_DEMAND_START, P_UUID(project_id), P_UUID(workflow_id), P_UUID(trigger_id),
                  P_UUID(job_id), P_UUID(dataclip_id));
}

size_t run_find_newest(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *work_order_ids, size_t n) {
        Array ids;

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < n; i++)
                array_add_uuid(&ids, &work_order_ids[i]);
        return batch_add(batch, &SQL_RERUN_NEWEST, P_UUID(user_id), P_UUID(project_id), array_move(&ids, batch->arena));
}

size_t run_access(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_RERUN_RUN_ACCESS, P_UUID(user_id), P_UUID(project_id), P_UUID(run_id));
}

size_t run_steps(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_RERUN_STEPS, P_UUID(user_id), P_UUID(project_id), P_UUID(run_id));
}
