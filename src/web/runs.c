/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/runs, /api/runs/{id}, and the same below a project.
 */

#include "web/read.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "state",               ATTRIBUTE_TEXT },
        { "error_type",          ATTRIBUTE_TEXT },
        { "error_message",       ATTRIBUTE_TEXT },
        { "priority",            ATTRIBUTE_TEXT },
        { "queue",               ATTRIBUTE_TEXT },
        { "worker_name",         ATTRIBUTE_TEXT },
        { "work_order_id",       ATTRIBUTE_UUID },
        { "workflow_id",         ATTRIBUTE_UUID },
        { "starting_trigger_id", ATTRIBUTE_UUID },
        { "starting_job_id",     ATTRIBUTE_UUID },
        { "dataclip_id",         ATTRIBUTE_UUID },
        { "final_dataclip_id",   ATTRIBUTE_UUID },
        { "claimed_at",          ATTRIBUTE_TIME },
        { "started_at",          ATTRIBUTE_TIME },
        { "finished_at",         ATTRIBUTE_TIME },
        { "inserted_at",         ATTRIBUTE_TIME },
        { "updated_at",          ATTRIBUTE_TIME },
        {}
};

static const Relationship relationships[] = {
        { "project",    "projects",    "project_id"    },
        { "workflow",   "workflows",   "workflow_id"   },
        { "work_order", "work_orders", "work_order_id" },
        {}
};

static const Filter filters[] = {
        { "inserted_after",  FILTER_TIME, offsetof(HistoryFilter, inserted_after_usec)  },
        { "inserted_before", FILTER_TIME, offsetof(HistoryFilter, inserted_before_usec) },
        { "updated_after",   FILTER_TIME, offsetof(HistoryFilter, updated_after_usec)   },
        { "updated_before",  FILTER_TIME, offsetof(HistoryFilter, updated_before_usec)  },
        {}
};

static const Reader runs = {
        .resource = { "runs", attributes, relationships },
        .filters = filters,
        .refusal = -EKEYREJECTED,
        .flags = BATCH_SLOW,
        .begin = history_begin,
        .list = history_run_list,
        .count = history_run_count,
        .access = history_run_access,
        .get = history_run_get,
};

static int ask_list(Call *call) {
        return read_ask_list(call, &runs);
}

static int reply_list(Call *call) {
        return read_reply_list(call, &runs);
}

static int ask_item(Call *call) {
        return read_ask_item(call, &runs);
}

static int reply_item(Call *call) {
        return read_reply_item(call, &runs);
}

const Stage get_runs[] = { ask_list, reply_list, NULL };
const Stage get_run[] = { ask_item, reply_item, NULL };
