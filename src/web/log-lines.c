/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/log_lines: of all runs the user may see, or of one, or of a project …
 */

#include "web/read.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "source",    ATTRIBUTE_TEXT },
        { "level",     ATTRIBUTE_TEXT },
        { "message",   ATTRIBUTE_TEXT },
        { "timestamp", ATTRIBUTE_TIME },
        { "step_id",   ATTRIBUTE_UUID },
        { "run_id",    ATTRIBUTE_UUID },
        {}
};

static const Filter filters[] = {
        { "timestamp_after",  FILTER_TIME,  offsetof(HistoryFilter, timestamp_after_usec)  },
        { "timestamp_before", FILTER_TIME,  offsetof(HistoryFilter, timestamp_before_usec) },
        { "project_id",       FILTER_UUID,  offsetof(HistoryFilter, project_id)            },
        { "workflow_id",      FILTER_UUID,  offsetof(HistoryFilter, workflow_id)           },
        { "job_id",           FILTER_UUID,  offsetof(HistoryFilter, job_id)                },
        { "work_order_id",    FILTER_UUID,  offsetof(HistoryFilter, work_order_id)         },
        { "run_id",           FILTER_UUID,  offsetof(HistoryFilter, run_id)                },
        { "level",            FILTER_LEVEL, offsetof(HistoryFilter, level)                 },
        {}
};

static const Reader log_lines = {
        .resource = { "log_lines", attributes, NULL },
        .filters = filters,
        .refusal = -EKEYREJECTED,
        .flags = BATCH_SLOW,
        .begin = history_begin,
        .list = history_log_line_list,
        .count = history_log_line_count,
};

static int ask_list(Call *call) {
        return read_ask_list(call, &log_lines);
}

static int reply_list(Call *call) {
        return read_reply_list(call, &log_lines);
}

const Stage get_log_lines[] = { ask_list, reply_list, NULL };
