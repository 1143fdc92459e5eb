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

/* A result as it is stored: an object as it is, any other value as {"value": …}. `value`: checked JSON. */
Text dataclip_wrap_result(Arena *arena, Text value);
