/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Projects as their members read them. See project.h.
 */

#include "domain/project.h"

#include "db/array.h"
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

size_t project_find(Batch *batch, const Uuid *project_id) {
        return batch_add(batch, &SQL_PROJECT_FIND, P_UUID(project_id));
}

size_t project_find_users(Batch *batch, const ProjectMember *members, size_t n) {
        Array emails;

        array_init(&emails, ARRAY_TEXT);
        for (size_t i = 0; i < n; i++)
                array_add_text(&emails, members[i].email);
        return batch_add(batch, &SQL_PROJECT_FIND_USERS, array_move(&emails, batch->arena));
}

size_t project_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, Text name, Text description,
                   const ProjectMember *members, size_t n_members) {
        Array ids, roles;

        array_init(&ids, ARRAY_UUID);
        array_init(&roles, ARRAY_TEXT);
        for (size_t i = 0; i < n_members; i++) {
                array_add_uuid(&ids, &members[i].user_id);
                array_add_text(&roles, members[i].role);
        }
        batch_add(batch, &SQL_PROJECT_DEMAND, P_UUID(user_id), P_UUID(project_id));
        batch_add(batch, &SQL_PROJECT_PUT, P_UUID(project_id), P_TEXT(name), P_TEXT(description));
        batch_add(batch, &SQL_PROJECT_PUT_MEMBERS, P_UUID(project_id), array_move(&ids, batch->arena),
                  array_move(&roles, batch->arena));
        return batch_add(batch, &SQL_PROJECT_PRESENT, P_UUID(project_id));
}
