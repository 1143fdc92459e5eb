/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Jobs as members of their project read them. See job.h.
 */

#include "domain/job.h"

#include "domain/sql.h"

size_t job_access(Batch *batch, const Uuid *user_id, const Uuid *job_id) {
        return batch_add(batch, &SQL_JOB_ACCESS, P_UUID(user_id), P_UUID(job_id));
}

size_t job_list(Batch *batch, const Uuid *user_id, const Uuid *project_id, Slice slice) {
        return batch_add(batch, &SQL_JOB_LIST, P_UUID(user_id), P_UUID(project_id), P_INT(slice.offset),
                         P_INT(slice.n));
}

size_t job_count(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_JOB_COUNT, P_UUID(user_id), P_UUID(project_id));
}

size_t job_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *job_id) {
        return batch_add(batch, &SQL_JOB_GET, P_UUID(user_id), P_UUID(project_id), P_UUID(job_id));
}
