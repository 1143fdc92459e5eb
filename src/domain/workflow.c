/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workflows as members of their project read them. See workflow.h.
 */

#include "domain/workflow.h"

#include "domain/sql.h"

size_t workflow_access(Batch *batch, const Uuid *user_id, const Uuid *workflow_id) {
        return batch_add(batch, &SQL_WORKFLOW_ACCESS, P_UUID(user_id), P_UUID(workflow_id));
}

size_t workflow_list(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return workflow_get(batch, user_id, project_id, &UUID_NULL);
}

size_t workflow_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *workflow_id) {
        return batch_add(batch, &SQL_WORKFLOW_READ, P_UUID(user_id), P_UUID(project_id), P_UUID(workflow_id));
}
