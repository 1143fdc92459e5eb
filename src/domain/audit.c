/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The audit log, read. See audit.h.
 */

#include "domain/audit.h"

#include "domain/sql.h"

#define FILTER(f)                                                                                  \
        P_UUID(&(f)->project_id), P_UUID(&(f)->item_id), P_UUID(&(f)->actor_id), P_TEXT((f)->item_type),  \
                P_TEXT((f)->event), P_TIME((f)->inserted_after_usec), P_TIME((f)->inserted_before_usec)

size_t audit_access(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_AUDIT_ACCESS, P_UUID(user_id));
}

size_t audit_list(Batch *batch, const Uuid *user_id, const AuditFilter *filter, Slice slice) {
        return batch_add(batch, &SQL_AUDIT_LIST, P_UUID(user_id), FILTER(filter), P_INT(slice.offset), P_INT(slice.n));
}

size_t audit_count(Batch *batch, const Uuid *user_id, const AuditFilter *filter) {
        return batch_add(batch, &SQL_AUDIT_COUNT, P_UUID(user_id), FILTER(filter));
}
