/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drafts, stored. The rows of a workflow travel as the very JSON arrays its snapshot keeps, so what runs get
 * is what was stored.
 */

#include "domain/draft.h"

#include "db/array.h"
#include "domain/sql.h"
#include "json/writer.h"

#define FIND(list, n, wanted)                                                                      \
        for (size_t i = 0; i < (n); i++)                                                           \
                if (uuid_equal(&(list)[i].id, (wanted)))                                           \
                        return &(list)[i];                                                         \
        return NULL

DraftTrigger *draft_find_trigger(const Draft *draft, const Uuid *id) {
        FIND(draft->triggers, draft->n_triggers, id);
}

DraftJob *draft_find_job(const Draft *draft, const Uuid *id) {
        FIND(draft->jobs, draft->n_jobs, id);
}

DraftEdge *draft_find_edge(const Draft *draft, const Uuid *id) {
        FIND(draft->edges, draft->n_edges, id);
}

/* -- the arrays of a snapshot ------------------------------------------------------------------------ */

static void write_job(JsonWriter *w, const DraftJob *job) {
        json_begin(w, NULL);
        json_uuid(w, "id", &job->id);
        json_text(w, "name", job->name);
        json_text(w, "body", job->body);
        json_text(w, "adaptor", job->adaptor);
        json_uuid(w, "credential_id", &job->credential_id);
        json_uuid(w, "project_credential_id", &job->project_credential_id);
        json_uuid(w, "keychain_credential_id", &job->keychain_credential_id);
        json_end(w);
}

static void write_trigger(JsonWriter *w, const DraftTrigger *trigger) {
        json_begin(w, NULL);
        json_uuid(w, "id", &trigger->id);
        json_text(w, "type", trigger->type);
        json_bool(w, "enabled", trigger->enabled);
        json_text(w, "comment", trigger->comment);
        json_text(w, "custom_path", trigger->custom_path);
        json_text(w, "cron_expression", trigger->cron_expression);
        json_uuid(w, "cron_cursor_job_id", &trigger->cron_cursor_job_id);
        json_text(w, "webhook_reply", trigger->webhook_reply);
        if (trigger->success_code || trigger->error_code) {
                json_begin(w, "webhook_response_config");
                if (trigger->success_code)
                        json_int(w, "success_code", trigger->success_code);
                if (trigger->error_code)
                        json_int(w, "error_code", trigger->error_code);
                json_end(w);
        } else
                json_null(w, "webhook_response_config");
        json_end(w);
}

static void write_edge(JsonWriter *w, const DraftEdge *edge) {
        json_begin(w, NULL);
        json_uuid(w, "id", &edge->id);
        json_uuid(w, "source_trigger_id", &edge->source_trigger_id);
        json_uuid(w, "source_job_id", &edge->source_job_id);
        json_uuid(w, "target_job_id", &edge->target_job_id);
        json_text(w, "condition_type", edge->condition_type);
        json_text(w, "condition_expression", edge->condition_expression);
        json_text(w, "condition_label", edge->condition_label);
        json_bool(w, "enabled", edge->enabled);
        json_end(w);
}

/* A parameter that lives as long as the batch. */
#define ARRAY(batch, list, n, write)                                                               \
        ({                                                                                         \
                _cleanup_(buffer_deinit) Buffer _buffer = BUFFER_NULL;                             \
                JsonWriter _w = JSON_WRITER(&_buffer);                                             \
                                                                                                   \
                json_begin_array(&_w, NULL);                                                       \
                for (size_t _i = 0; _i < (n); _i++)                                                \
                        write(&_w, &(list)[_i]);                                                   \
                json_end_array(&_w);                                                               \
                P_TEXT(arena_text((batch)->arena, buffer_text(&_buffer)));                         \
        })

/* -- storing ---------------------------------------------------------------------------------------- */

void draft_paths_release(Batch *batch, const Uuid *project_id, const Draft *drafts, size_t n_drafts) {
        Array workflow_ids, ids, paths;

        array_init(&workflow_ids, ARRAY_UUID);
        array_init(&ids, ARRAY_UUID);
        array_init(&paths, ARRAY_TEXT);
        for (size_t d = 0; d < n_drafts; d++) {
                array_add_uuid(&workflow_ids, &drafts[d].id);
                for (size_t t = 0; t < drafts[d].n_triggers; t++) {
                        array_add_uuid(&ids, &drafts[d].triggers[t].id);
                        array_add_text(&paths, drafts[d].triggers[t].custom_path);
                }
        }
        batch_add(batch, &SQL_DRAFT_PATHS_RELEASE, P_UUID(project_id), array_move(&workflow_ids, batch->arena), array_move(&ids, batch->arena), array_move(&paths, batch->arena));
}

void draft_store(Batch *batch, const Draft *draft, DraftSource source) {
        static const char *const sources[] = { [DRAFT_APP] = "app", [DRAFT_CLI] = "cli" };
        const Param project_id = P_UUID(&draft->project_id), id = P_UUID(&draft->id);
        const Param name = P_TEXT(draft->name), jobs = ARRAY(batch, draft->jobs, draft->n_jobs, write_job);
        const Param triggers = ARRAY(batch, draft->triggers, draft->n_triggers, write_trigger);
        const Param edges = ARRAY(batch, draft->edges, draft->n_edges, write_edge);
        const Uuid snapshot_id = uuid_new(), version_id = uuid_new();
        char *hash = arena_alloc(batch->arena, DRAFT_HASH_SIZE);

        draft_hash(draft, hash);
        batch_add(batch, &SQL_DRAFT_WORKFLOW_STORE, id, project_id, name);
        batch_add(batch, &SQL_DRAFT_JOBS_STORE, project_id, id, jobs);
        batch_add(batch, &SQL_DRAFT_TRIGGERS_STORE, project_id, id, triggers);
        batch_add(batch, &SQL_DRAFT_EDGES_STORE, project_id, id, edges);
        batch_add(batch, &SQL_DRAFT_SNAPSHOT_STORE, P_UUID(&snapshot_id), project_id, id, name, jobs, triggers, edges,
                  P_UUID(&version_id), P_STRING(hash), P_STRING(sources[source]));
}

void draft_delete(Batch *batch, const Uuid *project_id, const Draft *drafts, size_t n_drafts) {
        Array ids;

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < n_drafts; i++)
                array_add_uuid(&ids, &drafts[i].id);
        batch_add(batch, &SQL_DRAFT_WORKFLOWS_DELETE, P_UUID(project_id), array_move(&ids, batch->arena));
}
