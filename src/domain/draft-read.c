/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drafts, read back: from the JSON arrays that a statement or a snapshot has of a workflow's parts.
 */

#include <errno.h>
#include <stddef.h>

#include "domain/draft.h"
#include "json/check.h"
#include "json/read.h"

static const Field job_fields[] = {
        { "id", FIELD_UUID, offsetof(DraftJob, id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(DraftJob, name) },
        { "body", FIELD_STRING, offsetof(DraftJob, body) },
        { "adaptor", FIELD_STRING, offsetof(DraftJob, adaptor) },
        { "project_credential_id", FIELD_UUID, offsetof(DraftJob, project_credential_id) },
        { "keychain_credential_id", FIELD_UUID, offsetof(DraftJob, keychain_credential_id) },
        { "credential_id", FIELD_UUID, offsetof(DraftJob, credential_id) },
        {}
};

static const Field trigger_fields[] = {
        { "id", FIELD_UUID, offsetof(DraftTrigger, id), FIELD_REQUIRED },
        { "type", FIELD_STRING, offsetof(DraftTrigger, type) },
        { "enabled", FIELD_BOOL, offsetof(DraftTrigger, enabled) },
        { "comment", FIELD_STRING, offsetof(DraftTrigger, comment) },
        { "custom_path", FIELD_STRING, offsetof(DraftTrigger, custom_path) },
        { "cron_expression", FIELD_STRING, offsetof(DraftTrigger, cron_expression) },
        { "cron_cursor_job_id", FIELD_UUID, offsetof(DraftTrigger, cron_cursor_job_id) },
        { "webhook_reply", FIELD_STRING, offsetof(DraftTrigger, webhook_reply) },
        { "webhook_response_config", FIELD_RAW, offsetof(DraftTrigger, response_config) },
        {}
};

static const Field edge_fields[] = {
        { "id", FIELD_UUID, offsetof(DraftEdge, id), FIELD_REQUIRED },
        { "source_trigger_id", FIELD_UUID, offsetof(DraftEdge, source_trigger_id) },
        { "source_job_id", FIELD_UUID, offsetof(DraftEdge, source_job_id) },
        { "target_job_id", FIELD_UUID, offsetof(DraftEdge, target_job_id) },
        { "condition_type", FIELD_STRING, offsetof(DraftEdge, condition_type) },
        { "condition_expression", FIELD_STRING, offsetof(DraftEdge, condition_expression) },
        { "condition_label", FIELD_STRING, offsetof(DraftEdge, condition_label) },
        { "enabled", FIELD_BOOL, offsetof(DraftEdge, enabled) },
        {}
};

static const Field response_config_fields[] = {
        { "success_code", FIELD_INT, offsetof(DraftTrigger, success_code) },
        { "error_code", FIELD_INT, offsetof(DraftTrigger, error_code) },
        {}
};

int draft_read_response_config(DraftTrigger *trigger, Arena *arena) {
        FieldErrors errors = {};

        trigger->success_code = trigger->error_code = 0;
        if (!trigger->response_config.data || json_kind(trigger->response_config) == JSON_NULL)
                return 0;
        return json_read(arena, trigger->response_config, response_config_fields, trigger, &errors) < 0 ? -EINVAL : 0;
}

static size_t count(Text array) {
        size_t cursor = 0, n = 0;
        Text element;

        while (json_next_element(array, &cursor, &element))
                n++;
        return n;
}

/* All elements of `array`, one struct of `size` bytes each. */
static void *read_array(Arena *arena, Text array, const Field *fields, size_t size, size_t *ret_n) {
        char *list = arena_alloc(arena, size * (count(array) + 1));
        size_t cursor = 0, n = 0;
        Text element;

        while (json_next_element(array, &cursor, &element)) {
                FieldErrors errors = {};

                if (json_read(arena, element, fields, list + n * size, &errors) >= 0)
                        n++;
        }
        *ret_n = n;
        return list;
}

void draft_read_parts(Draft *draft, Arena *arena, Text triggers, Text jobs, Text edges) {
        draft->triggers = read_array(arena, triggers, trigger_fields, sizeof(DraftTrigger), &draft->n_triggers);
        draft->jobs = read_array(arena, jobs, job_fields, sizeof(DraftJob), &draft->n_jobs);
        draft->edges = read_array(arena, edges, edge_fields, sizeof(DraftEdge), &draft->n_edges);
        for (size_t i = 0; i < draft->n_triggers; i++)
                (void) draft_read_response_config(&draft->triggers[i], arena);
}
