/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A project as one document (http-api 3): read as a whole, and changed by a document that says what shall be.
 * The command line's `deploy`, `pull` and `project …` live on it.
 *
 *   document_ask(), document_read()      what is there, for those who may see it
 *   document_change_read()               what a client's document makes of it, or all that is wrong with it
 *   document_change_store()              that change, refused when the project is no longer what was read
 */

#include "domain/draft-check.h"
#include "domain/part-reader.h"

typedef struct DocumentAccess {
        Text email;                     /* of who asks */
        bool superuser, known, may_read;
        bool may_write;                 /* the document as a whole */
        bool may_edit;                  /* workflows */
} DocumentAccess;

typedef struct DocumentCredential {
        Uuid id, credential_id;         /* of the link; of what it shares */
        Text name, owner;
} DocumentCredential;

typedef struct DocumentCollection {
        Uuid id;
        Text name;
} DocumentCollection;

/* What a draft does not know. */
typedef struct DocumentWorkflow {
        int64_t concurrency;            /* 0: none of its own */
        int64_t lock_version;
        uint64_t inserted_usec, updated_usec;
        Text versions;                  /* raw JSON array of "source:hash", oldest first; TEXT_NULL: none */
} DocumentWorkflow;

typedef struct ProjectDocument {
        DocumentAccess access;
        Uuid id, parent_id;
        Text name, description, retention_policy, color, env;
        int64_t concurrency, history_retention_period, dataclip_retention_period;       /* 0: none */
        bool allow_support_access, requires_mfa;
        uint64_t deletion_usec, inserted_usec, updated_usec;
        DocumentCredential *credentials;
        DocumentCollection *collections;
        Draft *workflows;
        DocumentWorkflow *facts;        /* of each workflow */
        size_t n_credentials, n_collections, n_workflows;
        Uuid *keychain_ids;
        DocumentCollection *own_credentials;    /* what the user could share */
        size_t n_keychain_ids, n_own_credentials;
} ProjectDocument;

/* Adds the questions, the first ones of the batch. With snapshots the workflows are those that the snapshots
 * hold, and no others. */
void document_ask(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *snapshot_ids,
                  size_t n_snapshot_ids);
/* Everything lives in the arena or in the result. */
void document_read(const BatchResult *result, Arena *arena, ProjectDocument *ret_document);

/* What jobs may use: what the project has, and what is about to be linked to it. */
DraftScope document_scope(const ProjectDocument *document, const DocumentCredential *linked, size_t n_linked, Arena *arena);

/* Gives each workflow without a version its first, in the document and in the database. False: none lacked
 * one, the batch has nothing. */
bool document_complete_versions(Batch *batch, ProjectDocument *document);

/* -- changing ---------------------------------------------------------------------------------------- */

typedef struct DocumentChange {
        const ProjectDocument *before;
        Uuid id, user_id;
        bool is_new;
        Text name, description;
        Draft *stored, *deleted;
        DocumentCredential *linked;
        DocumentCollection *collections;        /* made or renamed */
        Uuid *deleted_collections;
        size_t n_stored, n_deleted, n_linked, n_collections, n_deleted_collections;
        PartReader parts;               /* with the ids of what is to be made */
} DocumentChange;

/* The id that a document is about. -EINVAL: it has none, `errors` says so. */
int document_change_read_id(Arena *arena, Text document, Uuid *ret_id, ErrorTree *errors);
/* `document`: a checked JSON object. -EINVAL: `errors` says what and where. The change lives in the arena and
 * borrows from both documents. */
int document_change_read(Arena *arena, Text document, const ProjectDocument *before, const Uuid *user_id,
                         DocumentChange *ret_change, ErrorTree *errors);
/* Adds the first statement of a change: asks for the right (by its name in "rights"; a project that is not there
 * yet: for a superuser) and holds the project. The batch ends with -ESTALE when the project has changed since it was read: read it again. -EACCES: the
 * right has gone. -EINVAL: one of the new ids is taken. */
void document_begin(Batch *batch, const ProjectDocument *before, const Uuid *user_id, const Uuid *project_id,
                    const char *right, const PartReader *made);
/* Ends as above. */
void document_change_store(Batch *batch, const DocumentChange *change);
