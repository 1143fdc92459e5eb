/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials as their owners keep them (http-api 2.5): made, listed, replaced, deleted. What is secret goes in and never comes
 * out here; workers get it by credential.h.
 *
 * Everything asks for the user itself: an owner's own, or those of a project whose members may read it.
 */

#include "crypto/vault.h"
#include "db/batch.h"

#define CREDENTIAL_MAX_BODIES 20        /* environments */
#define CREDENTIAL_MAX_LINKS 100        /* projects of one request */
#define CREDENTIAL_MAX_SECRETS 50       /* sensitive values of one body: as many as logs are searched for */

/* What is to be stored. */
typedef struct NewCredential {
        Uuid id, user_id;
        Text name, schema, external_id; /* schema and external_id: TEXT_NULL without one */
        struct {
                Text environment;
                Text body;              /* JSON object: secret */
        } bodies[CREDENTIAL_MAX_BODIES];
        size_t n_bodies;
        Uuid *project_ids;              /* to be shared with */
        size_t n_project_ids;
} NewCredential;

/* Each returns the statement's number. Columns of lists and of one: id, name, schema, external_id, user_id, inserted_at,
 * updated_at, and the JSON arrays project_credentials and projects, of projects that the user may see. */
size_t credential_list_own(Batch *batch, const Uuid *user_id);
size_t credential_list_of_project(Batch *batch, const Uuid *user_id, const Uuid *project_id);
size_t credential_get_own(Batch *batch, const Uuid *user_id, const Uuid *id);

/* Columns: known, mine, scheduled. */
size_t credential_find_owner(Batch *batch, const Uuid *user_id, const Uuid *id);

/* Stores a new one; the batch ends with -EACCES unless the user may share credentials with each project. `is_new` false: an
 * own one that is there gets name, schema and bodies, and more links. Seals with `vault`. Unique violations name
 * credentials_user_id_name_key or credentials_user_id_external_id_key. */
void credential_save(Batch *batch, const NewCredential *credential, bool is_new, const Vault *vault);

/* With its bodies and links; jobs that used it lose it. */
void credential_delete(Batch *batch, const Uuid *user_id, const Uuid *id);
