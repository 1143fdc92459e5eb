/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/projects: those the user is a member of; GET /api/projects/{id}.
 */

#include "web/read.h"
#include "web/web.h"

static const Attribute attributes[] = {
        { "name",        ATTRIBUTE_TEXT     },
        { "description", ATTRIBUTE_TEXT     },
        { "inserted_at", ATTRIBUTE_TIME_SEC },
        { "updated_at",  ATTRIBUTE_TIME_SEC },
        {}
};

static const Relationship relationships[] = { {} };

static size_t list(Batch *batch, const HistoryFilter *filter, Slice slice) {
        return project_list(batch, &filter->user_id, slice);
}

static size_t count(Batch *batch, const HistoryFilter *filter) {
        return project_count(batch, &filter->user_id);
}

static size_t get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id) {
        return project_get(batch, user_id, id);
}

static const Reader projects = {
        .resource = { "projects", attributes, relationships },
        .refusal = -EACCES,
        .list = list,
        .count = count,
        .access = project_access,
        .get = get,
};

static int ask_list(Call *call) {
        return read_ask_list(call, &projects);
}

static int reply_list(Call *call) {
        return read_reply_list(call, &projects);
}

static int ask_item(Call *call) {
        return read_ask_item(call, &projects);
}

static int reply_item(Call *call) {
        return read_reply_item(call, &projects);
}

const Stage get_projects[] = { ask_list, reply_list, NULL };
const Stage get_project[] = { ask_item, reply_item, NULL };
