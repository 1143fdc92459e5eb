/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs as members of their project read them. Jobs of deleted workflows are not there.
 */

#include "db/batch.h"
#include "domain/project.h"

/* The project of the job, for access_read(). */
size_t job_access(Batch *batch, const Uuid *user_id, const Uuid *job_id);

/* Columns: id, project_id, workflow_id, name, body, adaptor, inserted_at, updated_at. `project_id` UUID_NULL:
 * all projects of the user. Lists begin with the oldest. Each returns the statement's number; a count has one
 * row with the column n. */
size_t job_list(Batch *batch, const Uuid *user_id, const Uuid *project_id, Slice slice);
size_t job_count(Batch *batch, const Uuid *user_id, const Uuid *project_id);
size_t job_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id);
