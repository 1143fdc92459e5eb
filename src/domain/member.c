/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of a project. See member.h; the rules are in member.sql.
 */

#include "domain/member.h"

#include "domain/sql.h"

size_t member_list(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_MEMBER_LIST, P_UUID(user_id), P_UUID(project_id));
}

static void demand(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        batch_add(batch, &SQL_MEMBER_DEMAND, P_UUID(user_id), P_UUID(project_id));
}

size_t member_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, Text email, Text role) {
        demand(batch, user_id, project_id);
        return batch_add(batch, &SQL_MEMBER_PUT, P_UUID(project_id), P_TEXT(email), P_TEXT(role));
}

size_t member_delete(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *member_id) {
        demand(batch, user_id, project_id);
        return batch_add(batch, &SQL_MEMBER_DELETE, P_UUID(project_id), P_UUID(member_id));
}
