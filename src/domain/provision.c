/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Provisioning, stored: statements for a batch. The rows of a workflow travel as the very JSON arrays its
 * snapshot keeps, so what runs get is what was stored.
 */

#include "domain/provision.h"

#include "db/array.h"
#include "domain/sql.h"
#include "json/writer.h"

/* A parameter that lives as long as the batch. */
static Param buffer_keep(Batch *batch, Buffer *buffer) {
        Param param = P_TEXT(arena_text(batch->arena, buffer_text(buffer)));

        buffer_deinit(buffer);
        return param;
}

void provision_user_store(Batch *batch, const ProvisionUser *user, Text password_hash) {
        batch_add(batch, &SQL_PROVISION_USER_STORE, P_UUID(&user->id), P_TEXT(user->email),
                  P_TEXT(user->first_name), P_TEXT(user->last_name), P_TEXT(password_hash),
                  P_BOOL(user->superuser));
}

static void store_members(Batch *batch, const ProvisionProject *project) {
        Array ids, roles;

        array_init(&ids, ARRAY_UUID);
        array_init(&roles, ARRAY_TEXT);
        for (size_t i = 0; i < project->n_members; i++) {
                array_add_uuid(&ids, &project->members[i].user_id);
                array_add_text(&roles, project->members[i].role);
        }
        batch_add(batch, &SQL_PROVISION_MEMBERS_STORE, P_UUID(&project->id), array_move(&ids, batch->arena),
                  array_move(&roles, batch->arena));
}

static void store_collections(Batch *batch, const ProvisionProject *project) {
        Array ids, names;

        array_init(&ids, ARRAY_UUID);
        array_init(&names, ARRAY_TEXT);
        for (size_t i = 0; i < project->n_collections; i++) {
                Uuid id = uuid_new();

                array_add_uuid(&ids, &id);
                array_add_text(&names, project->collections[i]);
        }
        batch_add(batch, &SQL_PROVISION_COLLECTIONS_STORE, P_UUID(&project->id),
                  array_move(&ids, batch->arena), array_move(&names, batch->arena));
}

void provision_project_store(Batch *batch, const ProvisionProject *project) {
        batch_add(batch, &SQL_PROVISION_PROJECT_STORE, P_UUID(&project->id), P_TEXT(project->name),
                  P_TEXT(project->description), P_TEXT(project->retention_policy),
                  project->concurrency ? P_INT(project->concurrency) : P_NULL);
        store_members(batch, project);
        store_collections(batch, project);
}

void provision_credential_store(Batch *batch, const ProvisionProject *project,
                                const ProvisionCredential *credential, const Vault *vault) {
        const VaultPlace place = { .table = "credential_bodies",
                                   .column = "body",
                                   .row = credential->body_id };
        Buffer sealed = BUFFER_NULL;

        batch_add(batch, &SQL_PROVISION_CREDENTIAL_STORE, P_UUID(&credential->id),
                  P_UUID(&credential->owner_id), P_TEXT(credential->name), P_TEXT(credential->schema),
                  P_TEXT(credential->external_id));
        if (vault) {
                vault_seal(vault, &place, credential->body, &sealed);
                batch_add(batch, &SQL_PROVISION_CREDENTIAL_BODY_STORE, P_UUID(&credential->body_id),
                          P_UUID(&credential->id), P_BYTES(arena_text(batch->arena, buffer_text(&sealed))));
        }
        batch_add(batch, &SQL_PROVISION_CREDENTIAL_LINK, P_UUID(&credential->project_credential_id),
                  P_UUID(&project->id), P_UUID(&credential->id));
        buffer_deinit(&sealed);
}

static const ProvisionCredential *find_credential(const ProvisionProject *project, Text name) {
        for (size_t i = 0; name.data && i < project->n_credentials; i++)
                if (text_equal(project->credentials[i].name, name))
                        return &project->credentials[i];
        return NULL;
}

/* -- the arrays of a snapshot ------------------------------------------------------------------------ */

static void write_job(JsonWriter *w, const ProvisionProject *project, const ProvisionJob *job) {
        const ProvisionCredential *credential = find_credential(project, job->credential);

        json_begin(w, NULL);
        json_uuid(w, "id", &job->id);
        json_text(w, "name", job->name);
        json_text(w, "body", job->body);
        json_text(w, "adaptor", job->adaptor);
        json_uuid(w, "credential_id", credential ? &credential->id : NULL);
        json_uuid(w, "project_credential_id", credential ? &credential->project_credential_id : NULL);
        json_null(w, "keychain_credential_id");
        json_end(w);
}

static void write_trigger(JsonWriter *w, const ProvisionTrigger *trigger) {
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

static void write_edge(JsonWriter *w, const ProvisionEdge *edge) {
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

static Param jobs_array(Batch *batch, const ProvisionProject *project, const ProvisionWorkflow *workflow) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin_array(&w, NULL);
        for (size_t i = 0; i < workflow->n_jobs; i++)
                write_job(&w, project, &workflow->jobs[i]);
        json_end_array(&w);
        return buffer_keep(batch, &buffer);
}

static Param triggers_array(Batch *batch, const ProvisionWorkflow *workflow) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin_array(&w, NULL);
        for (size_t i = 0; i < workflow->n_triggers; i++)
                write_trigger(&w, &workflow->triggers[i]);
        json_end_array(&w);
        return buffer_keep(batch, &buffer);
}

static Param edges_array(Batch *batch, const ProvisionWorkflow *workflow) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin_array(&w, NULL);
        for (size_t i = 0; i < workflow->n_edges; i++)
                write_edge(&w, &workflow->edges[i]);
        json_end_array(&w);
        return buffer_keep(batch, &buffer);
}

void provision_workflow_store(Batch *batch, const ProvisionProject *project,
                              const ProvisionWorkflow *workflow) {
        const Param project_id = P_UUID(&project->id), workflow_id = P_UUID(&workflow->id);
        const Param name = P_TEXT(workflow->name), jobs = jobs_array(batch, project, workflow);
        const Param triggers = triggers_array(batch, workflow), edges = edges_array(batch, workflow);
        Uuid snapshot_id = uuid_new();

        batch_add(batch, &SQL_PROVISION_WORKFLOW_STORE, workflow_id, project_id, name);
        batch_add(batch, &SQL_PROVISION_JOBS_STORE, project_id, workflow_id, jobs);
        batch_add(batch, &SQL_PROVISION_TRIGGERS_STORE, project_id, workflow_id, triggers);
        batch_add(batch, &SQL_PROVISION_EDGES_STORE, project_id, workflow_id, edges);
        batch_add(batch, &SQL_PROVISION_SNAPSHOT_STORE, P_UUID(&snapshot_id), project_id, workflow_id, name,
                  jobs, triggers, edges);
}

void provision_paths_release(Batch *batch, const ProvisionProject *project) {
        Array ids, paths;

        array_init(&ids, ARRAY_UUID);
        array_init(&paths, ARRAY_TEXT);
        for (size_t w = 0; w < project->n_workflows; w++)
                for (size_t t = 0; t < project->workflows[w].n_triggers; t++) {
                        array_add_uuid(&ids, &project->workflows[w].triggers[t].id);
                        array_add_text(&paths, project->workflows[w].triggers[t].custom_path);
                }
        batch_add(batch, &SQL_PROVISION_PATHS_RELEASE, P_UUID(&project->id), array_move(&ids, batch->arena),
                  array_move(&paths, batch->arena));
}

void provision_workflows_prune(Batch *batch, const ProvisionProject *project) {
        Array ids;

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < project->n_workflows; i++)
                array_add_uuid(&ids, &project->workflows[i].id);
        batch_add(batch, &SQL_PROVISION_WORKFLOWS_PRUNE, P_UUID(&project->id),
                  array_move(&ids, batch->arena));
}

void provision_credentials_prune(Batch *batch, const ProvisionProject *project) {
        Array ids;

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < project->n_credentials; i++)
                array_add_uuid(&ids, &project->credentials[i].id);
        batch_add(batch, &SQL_PROVISION_CREDENTIALS_PRUNE, P_UUID(&project->id),
                  array_move(&ids, batch->arena));
}
