/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credentials as their owners keep them. See credential-save.h.
 */

#include "domain/credential-save.h"

#include "db/array.h"
#include "domain/credential.h"
#include "domain/sql.h"

size_t credential_list_own(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_CREDENTIAL_READ, P_UUID(user_id), P_NULL, P_NULL);
}

size_t credential_list_of_project(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_CREDENTIAL_READ, P_UUID(user_id), P_UUID(project_id), P_NULL);
}

size_t credential_get_own(Batch *batch, const Uuid *user_id, const Uuid *id) {
        return batch_add(batch, &SQL_CREDENTIAL_READ, P_UUID(user_id), P_NULL, P_UUID(id));
}

size_t credential_find_owner(Batch *batch, const Uuid *user_id, const Uuid *id) {
        return batch_add(batch, &SQL_CREDENTIAL_OWNER, P_UUID(user_id), P_UUID(id));
}

/* -- storing ---------------------------------------------------------------------------------------- */

static Param project_ids(Batch *batch, const NewCredential *credential) {
        Array ids;

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < credential->n_project_ids; i++)
                array_add_uuid(&ids, &credential->project_ids[i]);
        return array_move(&ids, batch->arena);
}

/* A place for the body, then the body sealed to that place: the row's id is part of the seal. */
static void store_body(Batch *batch, const NewCredential *credential, size_t i, const Vault *vault) {
        const Uuid id = uuid_new();
        const VaultPlace place = credential_place(&id);
        Buffer sealed = BUFFER_NULL;

        vault_seal(vault, &place, credential->bodies[i].body, &sealed);
        batch_add(batch, &SQL_CREDENTIAL_BODY_REPLACE, P_UUID(&id), P_UUID(&credential->id),
                  P_TEXT(arena_text(batch->arena, credential->bodies[i].environment)),
                  P_BYTES(arena_text(batch->arena, buffer_text(&sealed))));
        buffer_deinit(&sealed);
}

void credential_save(Batch *batch, const NewCredential *credential, bool is_new, const Vault *vault) {
        const Param id = P_UUID(&credential->id), user = P_UUID(&credential->user_id);
        const Param projects = project_ids(batch, credential);

        batch_add(batch, &SQL_CREDENTIAL_DEMAND, user, projects);
        batch_add(batch, is_new ? &SQL_CREDENTIAL_INSERT : &SQL_CREDENTIAL_REPLACE, id, user, P_TEXT(credential->name),
                  P_TEXT(credential->schema), P_TEXT(credential->external_id));
        for (size_t i = 0; i < credential->n_bodies; i++)
                store_body(batch, credential, i, vault);
        batch_add(batch, &SQL_CREDENTIAL_SHARE, id, user, projects);
}

void credential_delete(Batch *batch, const Uuid *user_id, const Uuid *id) {
        batch_add(batch, &SQL_CREDENTIAL_DEMAND, P_UUID(user_id), P_NULL);
        batch_add(batch, &SQL_CREDENTIAL_DELETE, P_UUID(user_id), P_UUID(id));
}
