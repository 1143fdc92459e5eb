/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/work_orders, /api/work_orders/{id}, and the same below a project.
 */

#include "web/read.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "state",         ATTRIBUTE_TEXT },
        { "workflow_id",   ATTRIBUTE_UUID },
        { "trigger_id",    ATTRIBUTE_UUID },
        { "dataclip_id",   ATTRIBUTE_UUID },
        { "last_activity", ATTRIBUTE_TIME },
        { "inserted_at",   ATTRIBUTE_TIME },
        { "updated_at",    ATTRIBUTE_TIME },
        {}
};

static const Relationship relationships[] = {
        { "project",  "projects",  "project_id"  },
        { "workflow", "workflows", "workflow_id" },
        {}
};

static const Filter filters[] = {
        { "inserted_after",  FILTER_TIME, offsetof(HistoryFilter, inserted_after_usec)  },
        { "inserted_before", FILTER_TIME, offsetof(HistoryFilter, inserted_before_usec) },
        { "updated_after",   FILTER_TIME, offsetof(HistoryFilter, updated_after_usec)   },
        { "updated_before",  FILTER_TIME, offsetof(HistoryFilter, updated_before_usec)  },
        {}
};

static const Reader work_orders = {
        .resource = { "work_orders", attributes, relationships },
        .filters = filters,
        .refusal = -EKEYREJECTED,
        .flags = BATCH_SLOW,
        .begin = history_begin,
        .list = history_work_order_list,
        .count = history_work_order_count,
        .access = history_work_order_access,
        .get = history_work_order_get,
};

static int ask_list(Call *call) {
        return read_ask_list(call, &work_orders);
}

static int reply_list(Call *call) {
        return read_reply_list(call, &work_orders);
}

static int ask_item(Call *call) {
        return read_ask_item(call, &work_orders);
}

static int reply_item(Call *call) {
        return read_reply_item(call, &work_orders);
}

const Stage get_work_orders[] = { ask_list, reply_list, NULL };
const Stage get_work_order[] = { ask_item, reply_item, NULL };
