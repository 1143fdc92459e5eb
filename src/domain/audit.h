/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log as superusers read it. It is written by triggers of the database (migrations/0010-audit.sql); whose a
 * change is, the first statement of its transaction says.
 */

#include "db/batch.h"
#include "domain/project.h"

/* UUID_NULL, TEXT_NULL and 0: not asked for. Times are inclusive. */
typedef struct AuditFilter {
        Uuid project_id, item_id, actor_id;
        Text item_type, event;
        uint64_t inserted_after_usec, inserted_before_usec;
} AuditFilter;

/* For access_read(): is the user a superuser? Returns the statement's number, as the others do. */
size_t audit_access(Batch *batch, const Uuid *user_id);
/* Newest first; nothing for who is no superuser. UUID_NULL: the administrator, who may. Columns: id, project_id,
 * item_type, item_id, event, actor_type, actor_id, actor_name, before, after (JSON), inserted_at. */
size_t audit_list(Batch *batch, const Uuid *user_id, const AuditFilter *filter, Slice slice);
/* One row, column n; stops counting at 100,000. */
size_t audit_count(Batch *batch, const Uuid *user_id, const AuditFilter *filter);
