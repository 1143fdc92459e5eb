/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/jobs, /api/jobs/{id}, and the same below a project.
 */

#include "domain/job.h"
#include "web/read.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "name",        ATTRIBUTE_TEXT },
        { "body",        ATTRIBUTE_TEXT },
        { "adaptor",     ATTRIBUTE_TEXT },
        { "workflow_id", ATTRIBUTE_UUID },
        { "inserted_at", ATTRIBUTE_TIME },
        { "updated_at",  ATTRIBUTE_TIME },
        {}
};

static const Relationship relationships[] = {
        { "project",  "projects",  "project_id"  },
        { "workflow", "workflows", "workflow_id" },
        {}
};

static size_t list(Batch *batch, const HistoryFilter *filter, Slice slice) {
        return job_list(batch, &filter->user_id, &filter->project_id, slice);
}

static size_t count(Batch *batch, const HistoryFilter *filter) {
        return job_count(batch, &filter->user_id, &filter->project_id);
}

static const Reader jobs = {
        .resource = { "jobs", attributes, relationships },
        .refusal = -EKEYREJECTED,
        .list = list,
        .count = count,
        .access = job_access,
        .get = job_get,
};

static int ask_list(Call *call) {
        return read_ask_list(call, &jobs);
}

static int reply_list(Call *call) {
        return read_reply_list(call, &jobs);
}

static int ask_item(Call *call) {
        return read_ask_item(call, &jobs);
}

static int reply_item(Call *call) {
        return read_reply_item(call, &jobs);
}

const Stage get_jobs[] = { ask_list, reply_list, NULL };
const Stage get_job[] = { ask_item, reply_item, NULL };
