/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dataclips: what goes into a run and what its steps make. Bodies are bytes, handed on as they came.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "db/batch.h"

/* What the run starts from, columns `type`, `body`, `request`; no row when it has none (any more). Wiped
 * by this very statement when the run may not keep data. */
void dataclip_take_input(Batch *batch, const Uuid *project_id, const Uuid *run_id);
/* Appends the initial state (worker-channel 5.4): the body, or body and request of what came over HTTP;
 * `null` for what is wiped. */
void dataclip_write_state(const Rows *rows, Buffer *state);

/* -- as members of the project see them -------------------------------------------------------------------- */

/* Columns of all: id, type, name, body_state, size, inserted_at, updated_at. Each returns the statement's number. */

/* For access_read(): the project, when it has that job. */
size_t dataclip_job_access(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id);
/* Inputs with which the job succeeded, of its last thousand steps. `query`: a part of a name or the beginning of an
 * id; TEXT_NULL: all. */
size_t dataclip_list_of_job(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id, Text query,
                            int64_t limit);
/* The input of a run. */
size_t dataclip_of_run(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id);
/* TEXT_NULL: no name. The batch ends with -EACCES or -ENOENT as run_demand_right(); no row: no such dataclip. */
size_t dataclip_rename(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *dataclip_id, Text name);

/* A result as it is stored: an object as it is, any other value as {"value": …}. `value`: checked JSON. */
Text dataclip_wrap_result(Arena *arena, Text value);
