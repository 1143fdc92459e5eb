/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/audit_events: who changed what, for superusers.
 */

#include "serve/session.h"
#include "web/audit.h"
#include "web/json-api.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "event",       ATTRIBUTE_TEXT },
        { "item_type",   ATTRIBUTE_TEXT },
        { "item_id",     ATTRIBUTE_UUID },
        { "project_id",  ATTRIBUTE_UUID },
        { "actor_type",  ATTRIBUTE_TEXT },
        { "actor_id",    ATTRIBUTE_UUID },
        { "actor_name",  ATTRIBUTE_TEXT },
        { "before",      ATTRIBUTE_JSON },
        { "after",       ATTRIBUTE_JSON },
        { "inserted_at", ATTRIBUTE_TIME },
        {}
};

static const Resource resource = { "audit_events", attributes, NULL };

static AuditCall *audit_of(Call *call) {
        return container_of(call, AuditCall, call);
}

static int refuse_parameter(Call *call, const char *name, const char *what) {
        return call_reply_error(call, 400, arena_printf(&call->arena, "%s is not %s", name, what));
}

static int read_filter(Call *call) {
        AuditFilter *filter = &audit_of(call)->filter;
        const struct { const char *name; Uuid *id; } ids[] = { { "project_id", &filter->project_id },
                                                               { "item_id", &filter->item_id },
                                                               { "actor_id", &filter->actor_id } };
        const struct { const char *name; uint64_t *usec; } times[] = { { "inserted_after", &filter->inserted_after_usec },
                                                                       { "inserted_before", &filter->inserted_before_usec } };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                Text text = call_query(call, ids[i].name);

                if (text.data && uuid_parse(text, ids[i].id) < 0)
                        return refuse_parameter(call, ids[i].name, "a UUID");
        }
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                Text text = call_query(call, times[i].name);

                if (text.data && clock_parse_iso(text, times[i].usec) < 0)
                        return refuse_parameter(call, times[i].name, "an ISO 8601 time");
        }
        filter->item_type = call_query(call, "item_type");
        filter->event = call_query(call, "event");
        return CALL_NEXT;
}

static int read_request(Call *call) {
        int r;

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        r = page_read(call, &audit_of(call)->page);
        return r == CALL_NEXT ? read_filter(call) : r;
}

static int ask(Call *call) {
        AuditCall *asked = audit_of(call);
        const Uuid *user_id = &call->principal->user_id;
        Batch *batch = batch_new(&call->arena, BATCH_READ | BATCH_SLOW);

        audit_access(batch, user_id);
        audit_list(batch, user_id, &asked->filter, page_slice(&asked->page));
        audit_count(batch, user_id, &asked->filter);
        return db_commit(call, batch);
}

static int reply(Call *call) {
        AuditCall *asked = audit_of(call);
        const Rows *rows = call->result.rows[1], *count = call->result.rows[2];

        if (access_read(call->result.rows[0]) != 0)
                return -EACCES;
        return resource_reply_list(call, &resource, &asked->page, rows,
                                   page_total(&asked->page, (uint64_t) rows_int(count, 0, 0), rows_count(rows)));
}

const Stage get_audit_events[] = { read_request, ask, reply, NULL };
