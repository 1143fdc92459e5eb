/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Claims: waiting runs are handed to workers, fairly (the function claim_runs() of
 * migrations/0006-queue.sql), several workers at once in one statement. What is claimed and not joined in
 * time is given back, and a claimed run is kept by a lease that its worker's traffic renews.
 */

#include <stdint.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "db/array.h"
#include "db/batch.h"

/* The arrays must live until the batch is done. */
typedef struct ClaimRequest {
        Array demands, workers;         /* one entry per claimer */
        Array queues;
        Uuid after_project;             /* the project served last: the next one is first */
        uint64_t workflow_limit;        /* unfinished claims that one workflow may hold */
        uint64_t join_within_usec;
} ClaimRequest;

typedef struct Claim {
        size_t claimer;                 /* its place in the request */
        Uuid run_id;
        Uuid project_id;
        Uuid nonce;                     /* tells this claim's token from those of earlier claims */
        int64_t run_timeout_msec;
} Claim;

void claim_request_init(ClaimRequest *request);
void claim_request_deinit(ClaimRequest *request);
void claim_request_add(ClaimRequest *request, int64_t demand, Text worker_name);
void claim_request_add_queue(ClaimRequest *request, Text queue);
void claim_ask(Batch *batch, ClaimRequest *request);

/* In the order they were claimed; the claims are in the arena. */
size_t claims_read(const Rows *rows, Arena *arena, Claim **ret_claims);

/* What the run's token says (worker-channel 2.2), good for the run's time and `grace_seconds` from now. */
void claim_write_token(const Claim *claim, uint64_t now_usec, uint64_t grace_seconds, Buffer *claims);

/* Runs by id, for one statement about many of them: it takes the set over. */
typedef struct RunSet {
        Array run_ids, project_ids, nonces;
} RunSet;

void run_set_init(RunSet *set);
void run_set_deinit(RunSet *set);
void run_set_add(RunSet *set, const Uuid *run_id, const Uuid *project_id,
                 const Uuid *nonce /* NULL: not needed */);
static inline size_t run_set_count(const RunSet *set) {
        return set->run_ids.n;
}

/* Back into the queue, as far as these claims still hold and were not joined. Both return rows for
 * given_back_read(). */
void claims_give_back(Batch *batch, RunSet *set);
/* The same for claims of anybody that were not joined in time. */
void claims_give_back_unjoined(Batch *batch, int64_t at_most);

typedef struct GivenBack {
        Uuid run_id, project_id;
        Text worker_name;               /* points into the rows */
} GivenBack;

void given_back_read(const Rows *rows, size_t row, GivenBack *ret_given_back);

/* The runs' workers have shown life: they keep them that long from now. */
void leases_renew(Batch *batch, RunSet *set, uint64_t lease_usec);
/* Their connection was lost: at most that long from now. */
void leases_shorten(Batch *batch, RunSet *set, uint64_t lease_usec);
