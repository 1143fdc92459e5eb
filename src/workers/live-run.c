/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The runs that are joined here, by id.
 */

#include <errno.h>

#include "workers/live-run.h"

/* More steps than that are looked up in the database. */
#define MAX_KNOWN_STEPS 256

void live_runs_init(LiveRuns *runs) {
        for (size_t i = 0; i < LIVE_RUN_BUCKETS; i++)
                list_init(&runs->buckets[i]);
        runs->n_runs = 0;
}

/* Ids are our own, and random at their end. */
static List *bucket(LiveRuns *runs, const Uuid *run_id) {
        return &runs->buckets[(run_id->bytes[14] << 8 | run_id->bytes[15]) % LIVE_RUN_BUCKETS];
}

LiveRun *live_run_find(LiveRuns *runs, const Uuid *run_id) {
        list_for_each(link, bucket(runs, run_id)) {
                LiveRun *live = list_entry(link, LiveRun, link);

                if (uuid_equal(&live->run.id, run_id)) {
                        live->n_users++;
                        return live;
                }
        }
        return NULL;
}

static LiveRun *live_run_free(LiveRun *live) {
        snapshot_index_deinit(&live->index);
        buffer_deinit(&live->plan);
        scrubber_free(live->scrubber);
        free(live->step_ids);
        free(live->worker_name);
        free(live);
        return NULL;
}

int live_run_new(LiveRuns *runs, const Run *run, Arena *arena, LiveRun **ret_live) {
        LiveRun *live = xnew(LiveRun, 1);
        int r;

        live->run = *run;
        live->run.state = live->run.worker_name = live->run.jobs = live->run.triggers = live->run.edges =
                TEXT_NULL;
        live->scrubber = scrubber_new();
        live->worker_name =
                run->worker_name.data ? xstrndup(run->worker_name.data, run->worker_name.length) : NULL;
        live->n_users = 1;
        uuid_format(&run->id, live->id);
        uuid_format(&run->project_id, live->project_id);

        r = snapshot_write_plan(run, arena, &live->plan, &live->index);
        if (r < 0) {
                live_run_free(live);
                return r;
        }

        list_append(bucket(runs, &run->id), &live->link);
        runs->n_runs++;
        *ret_live = live;
        return 0;
}

LiveRun *live_run_release(LiveRuns *runs, LiveRun *live) {
        if (--live->n_users > 0)
                return NULL;

        list_unlink(&live->link);
        runs->n_runs--;
        return live_run_free(live);
}

bool live_run_knows_step(const LiveRun *live, const Uuid *step_id) {
        for (size_t i = live->n_step_ids; i > 0; i--)
                if (uuid_equal(&live->step_ids[i - 1], step_id))
                        return true;
        return false;
}

void live_run_add_step(LiveRun *live, const Uuid *step_id) {
        if (live->n_step_ids == MAX_KNOWN_STEPS || live_run_knows_step(live, step_id))
                return;
        live->step_ids = xrealloc(live->step_ids, (live->n_step_ids + 1) * sizeof(Uuid));
        live->step_ids[live->n_step_ids++] = *step_id;
}

Text live_run_scrub(LiveRun *live, Arena *arena, Text text) {
        _cleanup_(buffer_deinit) Buffer scrubbed = BUFFER_NULL;

        if (!text.data || scrubber_n_samples(live->scrubber) == 0)
                return text;

        scrub(live->scrubber, text, &scrubbed);
        return arena_text(arena, text_make(scrubbed.data ? scrubbed.data : "", scrubbed.length));
}
