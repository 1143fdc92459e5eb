/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A project document in JSON, as the command line reads it. In triggers and edges what is null is left out,
 * elsewhere it stands there: deploying compares field by field.
 */

#include "web/provision.h"

static void write_int_or_null(JsonWriter *w, const char *key, int64_t value) {
        if (value)
                json_int(w, key, value);
        else
                json_null(w, key);
}

static void write_text_if_any(JsonWriter *w, const char *key, Text value) {
        if (value.data)
                json_text(w, key, value);
}

static void write_uuid_if_any(JsonWriter *w, const char *key, const Uuid *value) {
        if (!uuid_is_null(value))
                json_uuid(w, key, value);
}

static void write_job(JsonWriter *w, const DraftJob *job) {
        json_begin(w, NULL);
        json_uuid(w, "id", &job->id);
        json_text(w, "name", job->name);
        json_text(w, "adaptor", job->adaptor);
        json_text(w, "body", job->body);
        json_uuid(w, "project_credential_id", &job->project_credential_id);
        json_end(w);
}

static void write_trigger(JsonWriter *w, const DraftTrigger *trigger) {
        json_begin(w, NULL);
        json_uuid(w, "id", &trigger->id);
        json_text(w, "type", trigger->type);
        json_bool(w, "enabled", trigger->enabled);
        write_text_if_any(w, "cron_expression", trigger->cron_expression);
        write_uuid_if_any(w, "cron_cursor_job_id", &trigger->cron_cursor_job_id);
        write_text_if_any(w, "webhook_reply", trigger->webhook_reply);
        if (trigger->success_code || trigger->error_code) {
                json_begin(w, "webhook_response_config");
                if (trigger->success_code)
                        json_int(w, "success_code", trigger->success_code);
                if (trigger->error_code)
                        json_int(w, "error_code", trigger->error_code);
                json_end(w);
        }
        json_end(w);
}

static void write_edge(JsonWriter *w, const DraftEdge *edge) {
        json_begin(w, NULL);
        json_uuid(w, "id", &edge->id);
        json_bool(w, "enabled", edge->enabled);
        write_uuid_if_any(w, "source_job_id", &edge->source_job_id);
        write_uuid_if_any(w, "source_trigger_id", &edge->source_trigger_id);
        write_uuid_if_any(w, "target_job_id", &edge->target_job_id);
        write_text_if_any(w, "condition_type", edge->condition_type);
        write_text_if_any(w, "condition_label", edge->condition_label);
        write_text_if_any(w, "condition_expression", edge->condition_expression);
        json_end(w);
}

static void write_workflow(JsonWriter *w, const Draft *draft, const DocumentWorkflow *facts) {
        json_begin(w, NULL);
        json_uuid(w, "id", &draft->id);
        json_text(w, "name", draft->name);
        write_int_or_null(w, "concurrency", facts->concurrency);
        json_int(w, "lock_version", facts->lock_version);
        json_null(w, "deleted_at");
        json_time_sec(w, "inserted_at", facts->inserted_usec);
        json_time_sec(w, "updated_at", facts->updated_usec);
        if (facts->versions.data)
                json_raw(w, "version_history", facts->versions);
        json_begin_array(w, "jobs");
        for (size_t i = 0; i < draft->n_jobs; i++)
                write_job(w, &draft->jobs[i]);
        json_end_array(w);
        json_begin_array(w, "triggers");
        for (size_t i = 0; i < draft->n_triggers; i++)
                write_trigger(w, &draft->triggers[i]);
        json_end_array(w);
        json_begin_array(w, "edges");
        for (size_t i = 0; i < draft->n_edges; i++)
                write_edge(w, &draft->edges[i]);
        json_end_array(w);
        json_end(w);
}

static void write_settings(JsonWriter *w, const ProjectDocument *document) {
        json_uuid(w, "id", &document->id);
        json_text(w, "name", document->name);
        json_text(w, "description", document->description);
        write_int_or_null(w, "concurrency", document->concurrency);
        json_bool(w, "allow_support_access", document->allow_support_access);
        json_bool(w, "requires_mfa", document->requires_mfa);
        json_text(w, "retention_policy", document->retention_policy);
        write_int_or_null(w, "history_retention_period", document->history_retention_period);
        write_int_or_null(w, "dataclip_retention_period", document->dataclip_retention_period);
        json_time_sec(w, "scheduled_deletion", document->deletion_usec);
        json_text(w, "color", document->color);
        json_text(w, "env", document->env);
        json_uuid(w, "parent_id", &document->parent_id);
        json_time_sec(w, "inserted_at", document->inserted_usec);
        json_time_sec(w, "updated_at", document->updated_usec);
}

static void write_shared(JsonWriter *w, const ProjectDocument *document) {
        json_begin_array(w, "project_credentials");
        for (size_t i = 0; i < document->n_credentials; i++) {
                json_begin(w, NULL);
                json_uuid(w, "id", &document->credentials[i].id);
                json_text(w, "name", document->credentials[i].name);
                json_text(w, "owner", document->credentials[i].owner);
                json_end(w);
        }
        json_end_array(w);
        json_begin_array(w, "collections");
        for (size_t i = 0; i < document->n_collections; i++) {
                json_begin(w, NULL);
                json_uuid(w, "id", &document->collections[i].id);
                json_text(w, "name", document->collections[i].name);
                json_end(w);
        }
        json_end_array(w);
        /* There are none yet; the command line wants the list. */
        json_begin_array(w, "channels");
        json_end_array(w);
}

void provision_write_json(const ProjectDocument *document, Buffer *buffer) {
        JsonWriter w = JSON_WRITER(buffer);

        json_begin(&w, NULL);
        json_begin(&w, "data");
        write_settings(&w, document);
        write_shared(&w, document);
        json_begin_array(&w, "workflows");
        for (size_t i = 0; i < document->n_workflows; i++)
                write_workflow(&w, &document->workflows[i], &document->facts[i]);
        json_end_array(&w);
        json_end(&w);
        json_end(&w);
}
