/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lost runs: claimed or started by a worker that will not report any more. Two signs: the run's own timeout
 * and the grace period have passed (background-and-integrations 1.4), or its lease has run out while a
 * fulgur-workers daemon was there to renew it.
 */

#include "db/batch.h"

typedef struct LostRules {
        uint64_t grace_seconds;         /* RUN_GRACE_PERIOD_SECONDS */
        uint64_t lease_seconds;         /* a daemon must have been up for that long before leases count */
        uint64_t limit;                 /* runs in one pass */
} LostRules;

typedef struct LostRun {
        Uuid run_id, project_id;
        Text worker_name, error_type;
        bool reply_after_completion;    /* a caller waits: ring "run_done" */
} LostRun;

extern const Column lost_run_columns[];

/* Marks them and what belongs to them: steps, work order, counts. The rows are LostRuns. */
void lost_runs_mark(Batch *batch, const LostRules *rules);
/* Steps left open by runs that have been final for longer than the grace period. */
void lost_steps_mark(Batch *batch, const LostRules *rules);
/* Partitions for the months to come; what only lives for a while goes: answers nobody fetched, ticks of
 * yesterday, daemons long gone. */
void housekeeping(Batch *batch);
