/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run that somebody has joined here: what its channels share. A worker that reconnects finds the scrubber
 * as it was; after a restart of ours, or at another machine, it is filled again from what the database has
 * noted.
 */

#include "basic/list.h"
#include "domain/run.h"
#include "domain/scrub.h"
#include "domain/snapshot.h"

typedef struct LiveRun {
        Run run;                        /* its texts are not kept */
        SnapshotIndex index;
        Buffer plan;
        Scrubber *scrubber;
        bool scrubber_is_filled;
        Uuid *step_ids;                 /* known to be the run's: log lines of these need no look */
        size_t n_step_ids;
        char id[UUID_STRING_SIZE], project_id[UUID_STRING_SIZE];        /* for the journal */
        char *worker_name;
        unsigned n_users;
        List link;
} LiveRun;

#define LIVE_RUN_BUCKETS 1024

typedef struct LiveRuns {
        List buckets[LIVE_RUN_BUCKETS];
        size_t n_runs;
} LiveRuns;

void live_runs_init(LiveRuns *runs);

/* The run as it is known here, or NULL; with one more user. */
LiveRun *live_run_find(LiveRuns *runs, const Uuid *run_id);
/* A run that is not known here yet, with its plan; one user. -EBADMSG: no plan can be made of its
 * snapshot. */
int live_run_new(LiveRuns *runs, const Run *run, Arena *arena, LiveRun **ret_live);
/* One user less; the last one frees it. Returns NULL. */
LiveRun *live_run_release(LiveRuns *runs, LiveRun *live);

bool live_run_knows_step(const LiveRun *live, const Uuid *step_id);
void live_run_add_step(LiveRun *live, const Uuid *step_id);

/* `text` without secrets, in the arena. TEXT_NULL stays. */
Text live_run_scrub(LiveRun *live, Arena *arena, Text text);
