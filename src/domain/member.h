/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Members of a project: who they are and what they may. The owner is made with the project and stays.
 */

#include "db/batch.h"

/* Columns: user_id, email, first_name, last_name, role, inserted_at; for who may read the project. Returns the statement's
 * number, as the others do. */
size_t member_list(Batch *batch, const Uuid *user_id, const Uuid *project_id);

/* Each ends the batch with -ENOENT or -EACCES unless the user may manage members, and has one row with the outcome:
 *
 * - put (`role` is viewer, editor or admin): "added", "changed", "owner" (whose role is not changed), "unknown_user"
 * - delete: "removed", "owner", "not_found"
 */
size_t member_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, Text email, Text role);
size_t member_delete(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *member_id);
