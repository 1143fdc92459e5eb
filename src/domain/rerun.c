/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Retries and cancellations: see rerun.h; the rules are in rerun.sql.
 */

#include "domain/rerun.h"

#include "domain/sql.h"

void run_retry(Batch *batch, const Uuid *run_id, const Uuid *new_run_id, const RetryOptions *options) {
        batch_add(batch, &SQL_RERUN_RETRY, P_UUID(run_id), P_UUID(new_run_id),
                  P_INT((int64_t) options->run_timeout_msec),
                  options->run_memory_limit_mb ? P_INT((int64_t) options->run_memory_limit_mb) : P_NULL);
}

void run_cancel(Batch *batch, const Uuid *run_id) {
        batch_add(batch, &SQL_RERUN_CANCEL, P_UUID(run_id));
}
