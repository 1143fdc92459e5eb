/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs as their worker sees them: joined, started, completed. The transitions are functions of
 * migrations/0006-queue.sql; each returns one word that says what came of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "db/batch.h"
#include "domain/webhook-reply.h"

typedef struct Run {
        Uuid id, project_id, workflow_id, work_order_id, snapshot_id;
        Uuid trigger_id, job_id;                /* where it starts: one of them */
        Uuid dataclip_id;
        Text state;
        Text worker_name;
        /* frozen when it was made */
        bool save_dataclips, enable_job_logs;
        int64_t run_timeout_msec, run_memory_limit_mb;  /* 0: no limit of its own */
        WebhookReplyTerms reply;
        /* of its snapshot, raw JSON arrays; TEXT_NULL: the snapshot is not there */
        Text jobs, triggers, edges;
        int64_t n_fetched;                      /* credential bodies the worker has been given */
        bool is_live;                           /* it has not ended */
} Run;

/* `project_id` may be UUID_NULL (a token that does not name it); `nonce` is UUID_NULL for a token without
 * one. */
void run_join(Batch *batch, const Uuid *run_id, const Uuid *project_id, const Uuid *nonce,
              uint64_t lease_usec);

enum {
        _RUN_E_SUCCESS,
        RUN_E_NOT_FOUND,
        RUN_E_REFUSED,          /* the token belongs to another claim */
};

int run_read_joined(const Rows *rows, Arena *arena, Run *ret_run);

/* What a transition said. */
typedef enum RunOutcome {
        RUN_CHANGED,
        RUN_ENDED,              /* it had ended before */
        RUN_UNCLAIMED,          /* it waits in the queue */
        RUN_NO_DATACLIP,        /* the final dataclip is none of this run's */
        _RUN_OUTCOME_MAX,
} RunOutcome;

RunOutcome run_outcome_read(const Rows *rows);

/* `worker_usec`: the worker's clock, 0: ours. */
void run_start(Batch *batch, const Run *run, uint64_t worker_usec);

typedef struct RunEnd {
        const char *state;                      /* a final one */
        uint64_t worker_usec;
        Text error_type, error_message;
        Uuid given_dataclip_id;                 /* stored with a step before; UUID_NULL without one */
        Uuid own_dataclip_id;                   /* what `result` is stored as, when no given one counts */
        Text result;                            /* JSON; TEXT_NULL: none */
        const WebhookReply *reply;              /* NULL: nobody waits */
} RunEnd;

/* `again`: the outcome of a first try is not known; that it was committed counts as success. */
void run_complete(Batch *batch, const Run *run, const RunEnd *end, bool again);

/* The final state of a worker's reason (worker-channel 5.9); NULL: none. */
const char *run_state_of_reason(Text reason);
