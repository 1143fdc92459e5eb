/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Provisioning: a whole instance, or a part of it, from one declarative document. `fulgurctl kickstart` reads
 * it from a file (fulgurctl(1) describes the format); applying the same document again changes nothing.
 *
 * provision_read() makes structs out of the document and finds everything wrong with it; the
 * provision_…_store() functions add statements to a batch. Nothing here waits: whoever applies the document
 * looks up what exists (users by e-mail, projects and workflows by name, credentials by owner and name) and
 * fills in the ids first.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "basic/uuid.h"
#include "crypto/vault.h"
#include "db/batch.h"
#include "domain/draft.h"
#include "json/read.h"

typedef struct ProvisionUser {
        Text email, first_name, last_name, password;
        bool superuser, api_token;
        Uuid id;
} ProvisionUser;

typedef struct ProvisionMember {
        Text email, role;
        Uuid user_id;
} ProvisionMember;

typedef struct ProvisionCredential {
        Text name, owner, schema, external_id;
        Text body;                      /* raw JSON object: secret */
        Uuid id, body_id, owner_id, project_credential_id;
} ProvisionCredential;

typedef struct ProvisionProject {
        Text name, description, retention_policy;
        int64_t concurrency;            /* 0: unlimited */
        ProvisionMember *members;
        ProvisionCredential *credentials;
        Draft *workflows;
        Text *collections;
        size_t n_members, n_credentials, n_workflows, n_collections;
        Uuid id;
} ProvisionProject;

typedef struct Provision {
        ProvisionUser *users;
        ProvisionProject *projects;
        size_t n_users, n_projects;
        FieldErrors ignored;            /* keys that nobody knows: typing errors, most of them */
} Provision;

/* `document`: checked JSON. Everything in the result lives in the arena or in the document. -EINVAL: `errors`
 * says where ("projects[0].workflows[1].jobs.fetch.name") and what. */
int provision_read(Arena *arena, Text document, Provision *ret_provision, FieldErrors *errors);

/* Gives triggers, jobs and edges their ids (derived from the workflow's id and their keys, so that they stay
 * the same) and resolves what refers to what. The workflow's id is set. */
void provision_workflow_resolve(Draft *workflow);

/* `password_hash` TEXT_NULL: leaves the password of an existing user. */
void provision_user_store(Batch *batch, const ProvisionUser *user, Text password_hash);
/* Project, members and collections. Members and collections that are not declared go. */
void provision_project_store(Batch *batch, const ProvisionProject *project);
/* Seals the body with `vault`; NULL: the stored body is the declared one already. */
void provision_credential_store(Batch *batch, const ProvisionProject *project,
                                const ProvisionCredential *credential, const Vault *vault);
/* What the project no longer declares lets go of its webhook paths: whoever declares them may take them over.
 * Before any workflow is stored. */
void provision_paths_release(Batch *batch, const ProvisionProject *project);
/* Workflow, triggers, jobs, edges, and a snapshot when anything differs from the last one. */
void provision_workflow_store(Batch *batch, const ProvisionProject *project, Draft *workflow);
/* Workflows of the project that are not in the document: marked as deleted, their triggers disabled. */
void provision_workflows_prune(Batch *batch, const ProvisionProject *project);
/* Credentials the project no longer declares lose their link to it. */
void provision_credentials_prune(Batch *batch, const ProvisionProject *project);
