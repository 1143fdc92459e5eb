/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A project as one document: the questions, and their answers put together.
 */

#include "domain/project-document.h"

#include <stddef.h>

#include "db/array.h"
#include "domain/sql.h"

/* -- asking ----------------------------------------------------------------------------------------- */

enum { ACCESS, PROJECT, CREDENTIALS, COLLECTIONS, KEYCHAINS, OWN_CREDENTIALS, WORKFLOWS };

static void ask_workflows(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *snapshot_ids,
                          size_t n_snapshot_ids) {
        Array ids;

        if (n_snapshot_ids == 0) {
                batch_add(batch, &SQL_DOCUMENT_WORKFLOWS, P_UUID(user_id), P_UUID(project_id));
                return;
        }
        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < n_snapshot_ids; i++)
                array_add_uuid(&ids, &snapshot_ids[i]);
        batch_add(batch, &SQL_DOCUMENT_SNAPSHOTS, P_UUID(user_id), P_UUID(project_id), array_move(&ids, batch->arena));
}

void document_ask(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *snapshot_ids,
                  size_t n_snapshot_ids) {
        const Param user = P_UUID(user_id), project = P_UUID(project_id);

        batch_add(batch, &SQL_DOCUMENT_ACCESS, user, project);
        batch_add(batch, &SQL_DOCUMENT_PROJECT, user, project);
        batch_add(batch, &SQL_DOCUMENT_CREDENTIALS, user, project);
        batch_add(batch, &SQL_DOCUMENT_COLLECTIONS, user, project);
        batch_add(batch, &SQL_DOCUMENT_KEYCHAINS, user, project);
        batch_add(batch, &SQL_DOCUMENT_OWN_CREDENTIALS, user);
        ask_workflows(batch, user_id, project_id, snapshot_ids, n_snapshot_ids);
}

/* -- reading ---------------------------------------------------------------------------------------- */

static const Column access_columns[] = {
        { "email", COLUMN_TEXT, offsetof(DocumentAccess, email) },
        { "superuser", COLUMN_BOOL, offsetof(DocumentAccess, superuser) },
        { "known", COLUMN_BOOL, offsetof(DocumentAccess, known) },
        { "may_read", COLUMN_BOOL, offsetof(DocumentAccess, may_read) },
        { "may_write", COLUMN_BOOL, offsetof(DocumentAccess, may_write) },
        { "may_edit", COLUMN_BOOL, offsetof(DocumentAccess, may_edit) },
        {}
};

static const Column project_columns[] = {
        { "id", COLUMN_UUID, offsetof(ProjectDocument, id) },
        { "name", COLUMN_TEXT, offsetof(ProjectDocument, name) },
        { "description", COLUMN_TEXT, offsetof(ProjectDocument, description) },
        { "concurrency", COLUMN_INT, offsetof(ProjectDocument, concurrency) },
        { "allow_support_access", COLUMN_BOOL, offsetof(ProjectDocument, allow_support_access) },
        { "requires_mfa", COLUMN_BOOL, offsetof(ProjectDocument, requires_mfa) },
        { "retention_policy", COLUMN_TEXT, offsetof(ProjectDocument, retention_policy) },
        { "history_retention_period", COLUMN_INT, offsetof(ProjectDocument, history_retention_period) },
        { "dataclip_retention_period", COLUMN_INT, offsetof(ProjectDocument, dataclip_retention_period) },
        { "scheduled_deletion", COLUMN_TIME, offsetof(ProjectDocument, deletion_usec) },
        { "color", COLUMN_TEXT, offsetof(ProjectDocument, color) },
        { "env", COLUMN_TEXT, offsetof(ProjectDocument, env) },
        { "parent_id", COLUMN_UUID, offsetof(ProjectDocument, parent_id) },
        { "inserted_at", COLUMN_TIME, offsetof(ProjectDocument, inserted_usec) },
        { "updated_at", COLUMN_TIME, offsetof(ProjectDocument, updated_usec) },
        {}
};

static const Column credential_columns[] = {
        { "id", COLUMN_UUID, offsetof(DocumentCredential, id) },
        { "credential_id", COLUMN_UUID, offsetof(DocumentCredential, credential_id) },
        { "name", COLUMN_TEXT, offsetof(DocumentCredential, name) },
        { "owner", COLUMN_TEXT, offsetof(DocumentCredential, owner) },
        {}
};

static const Column named_columns[] = {
        { "id", COLUMN_UUID, offsetof(DocumentCollection, id) },
        { "name", COLUMN_TEXT, offsetof(DocumentCollection, name) },
        {}
};

static const Column id_columns[] = { { "id", COLUMN_UUID, 0 }, {} };

static const Column draft_columns[] = {
        { "id", COLUMN_UUID, offsetof(Draft, id) },
        { "name", COLUMN_TEXT, offsetof(Draft, name) },
        {}
};

static const Column fact_columns[] = {
        { "concurrency", COLUMN_INT, offsetof(DocumentWorkflow, concurrency) },
        { "lock_version", COLUMN_INT, offsetof(DocumentWorkflow, lock_version) },
        { "inserted_at", COLUMN_TIME, offsetof(DocumentWorkflow, inserted_usec) },
        { "updated_at", COLUMN_TIME, offsetof(DocumentWorkflow, updated_usec) },
        { "versions", COLUMN_TEXT, offsetof(DocumentWorkflow, versions) },
        {}
};

/* All rows, one struct of `size` bytes each. */
static void *read_all(const Rows *rows, Arena *arena, const Column *columns, size_t size, size_t *ret_n) {
        size_t n = rows_count(rows);
        char *list = arena_alloc(arena, size * (n + 1));

        for (size_t i = 0; i < n; i++)
                row_read(rows, i, columns, arena, list + i * size);
        *ret_n = n;
        return list;
}

static void read_workflows(const Rows *rows, Arena *arena, ProjectDocument *document) {
        size_t n;

        document->workflows = read_all(rows, arena, draft_columns, sizeof(Draft), &document->n_workflows);
        document->facts = read_all(rows, arena, fact_columns, sizeof(DocumentWorkflow), &n);
        for (size_t i = 0; i < document->n_workflows; i++) {
                Draft *draft = &document->workflows[i];

                draft->project_id = document->id;
                draft_read_parts(draft, arena, arena_text(arena, rows_text(rows, i, rows_column(rows, "triggers"))),
                                 arena_text(arena, rows_text(rows, i, rows_column(rows, "jobs"))),
                                 arena_text(arena, rows_text(rows, i, rows_column(rows, "edges"))));
        }
}

void document_read(const BatchResult *result, Arena *arena, ProjectDocument *ret_document) {
        ProjectDocument document = {};

        if (rows_count(result->rows[ACCESS]) > 0)
                row_read(result->rows[ACCESS], 0, access_columns, arena, &document.access);
        if (rows_count(result->rows[PROJECT]) > 0)
                row_read(result->rows[PROJECT], 0, project_columns, arena, &document);
        document.credentials = read_all(result->rows[CREDENTIALS], arena, credential_columns, sizeof(DocumentCredential),
                                        &document.n_credentials);
        document.collections = read_all(result->rows[COLLECTIONS], arena, named_columns, sizeof(DocumentCollection),
                                        &document.n_collections);
        document.keychain_ids = read_all(result->rows[KEYCHAINS], arena, id_columns, sizeof(Uuid), &document.n_keychain_ids);
        document.own_credentials = read_all(result->rows[OWN_CREDENTIALS], arena, named_columns,
                                            sizeof(DocumentCollection), &document.n_own_credentials);
        read_workflows(result->rows[WORKFLOWS], arena, &document);
        *ret_document = document;
}

DraftScope document_scope(const ProjectDocument *document, const DocumentCredential *linked, size_t n_linked, Arena *arena) {
        size_t n = document->n_credentials + n_linked;
        Uuid *links = arena_new(arena, Uuid, n + 1), *credentials = arena_new(arena, Uuid, n + 1);

        for (size_t i = 0; i < n; i++) {
                const DocumentCredential *credential =
                        i < document->n_credentials ? &document->credentials[i] : &linked[i - document->n_credentials];

                links[i] = credential->id;
                credentials[i] = credential->credential_id;
        }
        return (DraftScope) { links, credentials, document->keychain_ids, n, document->n_keychain_ids, false };
}

bool document_complete_versions(Batch *batch, ProjectDocument *document) {
        bool any = false;

        for (size_t i = 0; i < document->n_workflows; i++) {
                const Draft *draft = &document->workflows[i];
                char *hash = arena_alloc(batch->arena, DRAFT_HASH_SIZE);
                Uuid id = uuid_new();

                if (document->facts[i].versions.data)
                        continue;
                draft_hash(draft, hash);
                document->facts[i].versions = text_of(arena_printf(batch->arena, "[\"app:%s\"]", hash));
                batch_add(batch, &SQL_DOCUMENT_VERSION_NOTE, P_UUID(&id), P_UUID(&document->id), P_UUID(&draft->id),
                          P_STRING(hash));
                any = true;
        }
        return any;
}

/* -- storing ---------------------------------------------------------------------------------------- */

void document_begin(Batch *batch, const ProjectDocument *before, const Uuid *user_id, const Uuid *project_id,
                    const char *right, const PartReader *made) {
        Array ids, versions, new_ids;

        array_init(&ids, ARRAY_UUID);
        array_init(&versions, ARRAY_BIGINT);
        array_init(&new_ids, ARRAY_UUID);
        for (size_t i = 0; i < before->n_workflows; i++) {
                array_add_uuid(&ids, &before->workflows[i].id);
                array_add_int(&versions, before->facts[i].lock_version);
        }
        for (size_t i = 0; i < made->n_new_ids; i++)
                array_add_uuid(&new_ids, &made->new_ids[i]);
        batch_add(batch, &SQL_DOCUMENT_BEGIN, P_UUID(user_id), P_UUID(project_id), P_STRING(right),
                  P_BOOL(!before->access.known), array_move(&ids, batch->arena), array_move(&versions, batch->arena),
                  array_move(&new_ids, batch->arena));
}

static void store_project(Batch *batch, const DocumentChange *change) {
        const Param id = P_UUID(&change->id);

        batch_add(batch, &SQL_DOCUMENT_PROJECT_STORE, id, P_TEXT(change->name), P_TEXT(change->description));
        batch_add(batch, &SQL_DOCUMENT_OWNER_STORE, id, P_UUID(&change->user_id));
        for (size_t i = 0; i < change->n_linked; i++)
                batch_add(batch, &SQL_DOCUMENT_CREDENTIAL_STORE, P_UUID(&change->linked[i].id), id,
                          P_UUID(&change->linked[i].credential_id), P_UUID(&change->user_id));
        for (size_t i = 0; i < change->n_deleted_collections; i++)
                batch_add(batch, &SQL_DOCUMENT_COLLECTION_DELETE, P_UUID(&change->deleted_collections[i]), id);
        for (size_t i = 0; i < change->n_collections; i++)
                batch_add(batch, &SQL_DOCUMENT_COLLECTION_STORE, P_UUID(&change->collections[i].id), id,
                          P_TEXT(change->collections[i].name));
}

void document_change_store(Batch *batch, const DocumentChange *change) {
        document_begin(batch, change->before, &change->user_id, &change->id, "write_document", &change->parts);
        store_project(batch, change);
        draft_delete(batch, &change->id, change->deleted, change->n_deleted);
        draft_paths_release(batch, &change->id, change->stored, change->n_stored);
        for (size_t i = 0; i < change->n_stored; i++)
                draft_store(batch, &change->stored[i], DRAFT_CLI);
}
