/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lost runs and housekeeping: see lost.h; the rules are in lost.sql.
 */

#include "domain/lost.h"

#include "domain/sql.h"

const Column lost_run_columns[] = {
        { "run_id", COLUMN_UUID, offsetof(LostRun, run_id) },
        { "project_id", COLUMN_UUID, offsetof(LostRun, project_id) },
        { "worker_name", COLUMN_TEXT, offsetof(LostRun, worker_name) },
        { "error_type", COLUMN_TEXT, offsetof(LostRun, error_type) },
        { "reply_after_completion", COLUMN_BOOL, offsetof(LostRun, reply_after_completion) },
        {}
};

void lost_runs_mark(Batch *batch, const LostRules *rules) {
        batch_add(batch, &SQL_LOST_RUNS_MARK, P_INT((int64_t) rules->grace_seconds),
                  P_INT((int64_t) rules->lease_seconds), P_INT((int64_t) rules->limit));
}

void lost_steps_mark(Batch *batch, const LostRules *rules) {
        batch_add(batch, &SQL_LOST_STEPS_MARK, P_INT((int64_t) rules->grace_seconds));
}

void housekeeping(Batch *batch) {
        batch_add_params(batch, &SQL_HOUSEKEEPING_PARTITIONS, NULL, 0);
        batch_add_params(batch, &SQL_HOUSEKEEPING_SHORT_LIVED, NULL, 0);
}
