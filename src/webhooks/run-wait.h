/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for runs: callers of after_completion webhooks are held until their run has ended. The bell
 * "run_done" says which; several that end together are fetched in one query. The tables are looked at now and
 * then anyway: a bell that was missed costs a moment, never an answer.
 */

#include "basic/uuid.h"
#include "db/bell.h"
#include "db/pool.h"
#include "domain/webhook-answer.h"

typedef struct RunWaits RunWaits;

enum {
        _RUN_WAIT_E_SUCCESS,
        RUN_WAIT_E_TIMEOUT,
};

/* Embedded in its owner. Registered before the run is committed, so that its end cannot be missed; started
 * once it is. */
typedef struct RunWait RunWait;
struct RunWait {
        Uuid run_id, project_id;
        /* At most once, from the loop: 0 and the answer (gone when this returns), or a result above with
         * NULL. */
        void (*done)(RunWait *wait, int r, const WebhookAnswer *answer);

        RunWaits *waits;                /* NULL: not registered */
        List link, bucket;
        RunWait **asked;                /* its place in the question under way; NULL without one */
        bool is_started, has_rung;
        Timer timeout;
};

/* `bell` (may be NULL) is only asked whether it listens. */
RunWaits *run_waits_new(Loop *loop, Pool *pool, const Bell *bell);
RunWaits *run_waits_free(RunWaits *waits);      /* once nobody waits */
DEFINE_CLEANUP(RunWaits, run_waits_free);

void run_wait_register(RunWaits *waits, RunWait *wait);
void run_wait_start(RunWait *wait, uint64_t timeout_usec);
/* Nobody wants the answer any more. For one that was never registered or is done: nothing. */
void run_wait_cancel(RunWait *wait);

/* Of the bell: a run's id, or NULL for "perhaps all of them". */
void run_waits_ring(RunWaits *waits, const char *run_id);
/* The program ends: everybody times out. */
void run_waits_stop(RunWaits *waits);
size_t run_waits_n(const RunWaits *waits);
