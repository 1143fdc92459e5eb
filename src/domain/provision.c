/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Provisioning, stored: statements for a batch.
 */

#include "domain/provision.h"

#include "db/array.h"
#include "domain/sql.h"

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

void provision_paths_release(Batch *batch, const ProvisionProject *project) {
        draft_paths_release(batch, &project->id, project->workflows, project->n_workflows);
}

void provision_workflow_store(Batch *batch, const ProvisionProject *project, Draft *workflow) {
        workflow->project_id = project->id;
        for (size_t i = 0; i < workflow->n_jobs; i++) {
                DraftJob *job = &workflow->jobs[i];
                const ProvisionCredential *credential = find_credential(project, job->credential);

                if (credential) {
                        job->credential_id = credential->id;
                        job->project_credential_id = credential->project_credential_id;
                }
        }
        draft_store(batch, workflow, DRAFT_CLI);
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
