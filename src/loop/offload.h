/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work that would stop the loop (password hashing, RSA signing in numbers): done on one of two helper
 * threads, which touch nothing but the job. `done` runs on the loop.
 */

#include "loop/loop.h"

typedef struct Offload Offload;
typedef struct Job {
        void (*work)(struct Job *job);  /* on a helper thread */
        void (*done)(struct Job *job);  /* on the loop */
        List link;
} Job;

int offload_new(Loop *loop, Offload **ret_offload);
Offload *offload_free(Offload *offload);        /* ends all submitted jobs first, `done` included */
DEFINE_CLEANUP(Offload, offload_free);
void offload_submit(Offload *offload, Job *job);
size_t offload_n_jobs(const Offload *offload);
