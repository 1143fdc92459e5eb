/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run's snapshot as the worker gets it: the plan (worker-channel 5.3), and what must be known of it to
 * check what the worker says.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "domain/run.h"

/* Of the snapshot: which jobs a step may be of, which credentials may be asked for. Owned by who keeps the
 * run. */
typedef struct SnapshotIndex {
        Uuid *job_ids, *credential_ids;
        size_t n_job_ids, n_credential_ids;
} SnapshotIndex;

void snapshot_index_deinit(SnapshotIndex *index);
bool snapshot_has_job(const SnapshotIndex *index, const Uuid *job_id);
bool snapshot_has_credential(const SnapshotIndex *index, const Uuid *credential_id);

/* Appends the plan and fills the index. -EBADMSG: the snapshot is missing or does not make a plan; what
 * was appended is worthless then. */
int snapshot_write_plan(const Run *run, Arena *arena, Buffer *plan, SnapshotIndex *ret_index);
