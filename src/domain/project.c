/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Projects as their members read them. See project.h.
 */

#include "domain/project.h"

#include "domain/sql.h"

size_t project_access(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_PROJECT_ACCESS, P_UUID(user_id), P_UUID(project_id));
}

int access_read(const Rows *rows) {
        if (rows_count(rows) == 0)
                return ACCESS_E_UNKNOWN;

        return rows_bool(rows, 0, rows_column(rows, "allowed")) ? 0 : ACCESS_E_REFUSED;
}

size_t project_list(Batch *batch, const Uuid *user_id, Slice slice) {
        return batch_add(batch, &SQL_PROJECT_LIST, P_UUID(user_id), P_INT(slice.offset), P_INT(slice.n));
}

size_t project_count(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_PROJECT_COUNT, P_UUID(user_id));
}

size_t project_get(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_PROJECT_GET, P_UUID(user_id), P_UUID(project_id));
}
