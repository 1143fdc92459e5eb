/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Workflows as members of their project read them: each whole, with its jobs, triggers and edges. Deleted
 * ones are not there.
 */

#include "db/batch.h"
#include "domain/project.h"

/* The project of the workflow, for access_read(). */
size_t workflow_access(Batch *batch, const Uuid *user_id, const Uuid *workflow_id);

/* Columns: id, project_id, name, inserted_at, updated_at, and the JSON arrays jobs, triggers, edges: one
 * statement, so that they belong together. `project_id` UUID_NULL: all projects of the user. Lists are in the
 * order of names. Each returns the statement's number. */
size_t workflow_list(Batch *batch, const Uuid *user_id, const Uuid *project_id);
size_t workflow_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *workflow_id);
