/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a client's document makes of a project: workflows, then what is shared with it, then the project itself.
 */

#include <errno.h>
#include <stddef.h>

#include "domain/draft-change.h"
#include "domain/draft-check.h"
#include "domain/names.h"
#include "domain/part-reader.h"
#include "domain/project-document.h"
#include "json/check.h"
#include "json/read.h"

#define MAX_NAME 255
#define MAX_DESCRIPTION 240

static const char blank[] = "This field can't be blank.";

typedef struct Reader {
        PartReader parts;
        const ProjectDocument *before;
        DocumentChange *change;
        DraftScope scope;
        ErrorTree *errors;
} Reader;

/* -- workflows ------------------------------------------------------------------------------------------ */

typedef struct WorkflowFields {
        Uuid id;
        Text name, deleted_at, triggers, jobs, edges;
        bool delete;
} WorkflowFields;

static const Field workflow_fields[] = {
        { "id", FIELD_UUID, offsetof(WorkflowFields, id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(WorkflowFields, name), FIELD_CLEAR_NULL, MAX_NAME },
        { "delete", FIELD_BOOL, offsetof(WorkflowFields, delete) },
        { "deleted_at", FIELD_RAW, offsetof(WorkflowFields, deleted_at) },
        { "triggers", FIELD_RAW, offsetof(WorkflowFields, triggers) },
        { "jobs", FIELD_RAW, offsetof(WorkflowFields, jobs) },
        { "edges", FIELD_RAW, offsetof(WorkflowFields, edges) },
        {}
};

static const char *const workflow_ignored[] = { "lock_version", "version_history", "concurrency", "positions",
                                                "enable_job_logs", "project_id", "state", "inserted_at", "updated_at",
                                                NULL };

static const Draft *find_workflow(const ProjectDocument *document, const Uuid *id) {
        for (size_t i = 0; i < document->n_workflows; i++)
                if (uuid_equal(&document->workflows[i].id, id))
                        return &document->workflows[i];
        return NULL;
}

/* "x_del", "x_del2": what a deleted workflow is called. */
static bool is_deleted_name(Text name) {
        size_t end = name.length;

        while (end > 0 && name.data[end - 1] >= '0' && name.data[end - 1] <= '9')
                end--;
        return text_ends_with(text_make(name.data, end), "_del");
}

static void check_workflow_name(const Draft *draft, const Draft *before, ErrorTree *errors) {
        if (draft->name.length == 0)
                error_tree_add(errors, "name", blank);
        else if ((!before || !text_equal(before->name, draft->name)) && is_deleted_name(draft->name))
                error_tree_add(errors, "name", "cannot end with _del followed by digits");
}

static void delete_workflow(Reader *reader, const WorkflowFields *fields, const Draft *before, ErrorTree *errors) {
        DocumentChange *change = reader->change;

        if (!before || !text_equal(before->name, fields->name))
                error_tree_add(errors, "delete", "cannot change or add a record while deleting");
        else
                change->deleted[change->n_deleted++] = *before;
}

static void read_workflow(Reader *reader, Text value, ErrorTree *errors) {
        WorkflowFields fields = {};
        FieldErrors ignored = {};
        DocumentChange *change = reader->change;
        Draft draft = { .project_id = change->id };
        const Draft *before;

        (void) json_read(reader->parts.arena, value, workflow_fields, &fields, &ignored);
        before = uuid_is_null(&fields.id) ? NULL : find_workflow(reader->before, &fields.id);
        fields = (WorkflowFields) { .name = before ? before->name : TEXT_NULL };
        (void) json_read(reader->parts.arena, value, workflow_fields, &fields, &(FieldErrors) {});
        errors = error_tree_part(errors, text_trim(fields.name));
        if (!part_read_fields(&reader->parts, value, workflow_fields, workflow_ignored, &fields, errors))
                return;
        if (fields.delete || fields.deleted_at.data) {
                delete_workflow(reader, &fields, before, errors);
                return;
        }

        draft.id = fields.id;
        draft.name = text_trim(fields.name);
        if (!before && !uuid_is_null(&draft.id))
                part_note_new(&reader->parts, &draft.id);
        check_workflow_name(&draft, before, errors);
        draft_read_change(&reader->parts, &(DraftParts) { fields.triggers, fields.jobs, fields.edges }, before, &draft, errors);
        draft_check(&draft, before, &reader->scope, reader->parts.arena, errors);
        change->stored[change->n_stored++] = draft;
}

/* What stays and is not in the document has its name and paths, too. */
static bool is_touched(const DocumentChange *change, const Uuid *id) {
        for (size_t i = 0; i < change->n_stored; i++)
                if (uuid_equal(&change->stored[i].id, id))
                        return true;
        for (size_t i = 0; i < change->n_deleted; i++)
                if (uuid_equal(&change->deleted[i].id, id))
                        return true;
        return false;
}

static bool has_path(const Draft *draft, const DraftTrigger *mine) {
        for (size_t i = 0; i < draft->n_triggers; i++)
                if (&draft->triggers[i] != mine && text_equal(draft->triggers[i].custom_path, mine->custom_path))
                        return true;
        return false;
}

static void check_against(const Draft *draft, const Draft *other, ErrorTree *errors) {
        ErrorTree *part = error_tree_part(errors, draft->name);

        if (draft != other && text_equal(draft->name, other->name) && draft->name.length > 0)
                error_tree_add(part, "name", "a workflow with this name already exists in this project.");
        for (size_t i = 0; i < draft->n_triggers; i++)
                if (draft->triggers[i].custom_path.data && has_path(other, &draft->triggers[i]))
                        error_tree_add(error_tree_part(error_tree_part(part, TEXT("triggers")), draft->triggers[i].type),
                                       "custom_path", "has already been taken");
}

static void check_workflows_unique(Reader *reader, ErrorTree *errors) {
        const DocumentChange *change = reader->change;

        for (size_t i = 0; i < change->n_stored; i++) {
                for (size_t j = 0; j <= i; j++)
                        check_against(&change->stored[i], &change->stored[j], errors);
                for (size_t j = 0; j < reader->before->n_workflows; j++)
                        if (!is_touched(change, &reader->before->workflows[j].id))
                                check_against(&change->stored[i], &reader->before->workflows[j], errors);
        }
}

static void read_workflows(Reader *reader, Text list) {
        ErrorTree *errors = error_tree_part(reader->errors, TEXT("workflows"));
        size_t n;
        PartEntry *entries = part_read_list(&reader->parts, list, "workflows", reader->errors, &n);

        reader->change->stored = arena_new(reader->parts.arena, Draft, n + 1);
        reader->change->deleted = arena_new(reader->parts.arena, Draft, n + 1);
        for (size_t i = 0; i < n; i++)
                read_workflow(reader, entries[i].value, errors);
        check_workflows_unique(reader, errors);
}

/* -- credentials, collections, channels ------------------------------------------------------------------ */

static const Field credential_fields[] = {
        { "id", FIELD_UUID, offsetof(DocumentCredential, id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(DocumentCredential, name), 0, MAX_NAME },
        { "owner", FIELD_STRING, offsetof(DocumentCredential, owner), 0, MAX_NAME },
        {}
};
static const char *const credential_ignored[] = { "credential_id", "project_id", "delete", "inserted_at", "updated_at", NULL };

static const Uuid *find_own_credential(const ProjectDocument *document, Text name) {
        for (size_t i = 0; i < document->n_own_credentials; i++)
                if (text_equal(document->own_credentials[i].name, name))
                        return &document->own_credentials[i].id;
        return NULL;
}

static bool is_linked(const ProjectDocument *document, const Uuid *id, const Uuid *credential_id) {
        for (size_t i = 0; i < document->n_credentials; i++)
                if (uuid_equal(&document->credentials[i].id, id) ||
                    uuid_equal(&document->credentials[i].credential_id, credential_id))
                        return true;
        return false;
}

static void read_credential(Reader *reader, Text value, ErrorTree *errors) {
        DocumentCredential credential = {};
        const Uuid *own;

        if (!part_read_fields(&reader->parts, value, credential_fields, credential_ignored, &credential, errors))
                return;
        if (uuid_is_null(&credential.id) || is_linked(reader->before, &credential.id, &UUID_NULL) ||
            !text_equal(credential.owner, reader->before->access.email))
                return;
        own = find_own_credential(reader->before, credential.name);
        if (!own)
                error_tree_add(errors, "credential",
                               arena_printf(reader->parts.arena, "No credential found with name %.*s",
                                            (int) credential.name.length, credential.name.data));
        else if (!is_linked(reader->before, &credential.id, own)) {
                credential.credential_id = *own;
                part_note_new(&reader->parts, &credential.id);
                reader->change->linked[reader->change->n_linked++] = credential;
        }
}

/* An array; an object means nothing, as in the original. */
static void read_credentials(Reader *reader, Text list) {
        ErrorTree *errors = error_tree_part(error_tree_part(reader->errors, TEXT("project_credentials")),
                                            TEXT("project_credentials"));
        size_t n;
        PartEntry *entries;

        if (!list.data || json_kind(list) != JSON_ARRAY)
                list = TEXT_NULL;
        entries = part_read_list(&reader->parts, list, "project_credentials", reader->errors, &n);
        reader->change->linked = arena_new(reader->parts.arena, DocumentCredential, n + 1);
        for (size_t i = 0; i < n; i++)
                read_credential(reader, entries[i].value, errors);
}

typedef struct CollectionFields {
        DocumentCollection collection;
        bool delete;
} CollectionFields;

static const Field collection_fields[] = {
        { "id", FIELD_UUID, offsetof(CollectionFields, collection.id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(CollectionFields, collection.name), FIELD_CLEAR_NULL },
        { "delete", FIELD_BOOL, offsetof(CollectionFields, delete) },
        {}
};
static const char *const collection_ignored[] = { "project_id", "byte_size_sum", "inserted_at", "updated_at", NULL };

static const DocumentCollection *find_collection(const DocumentCollection *list, size_t n, const Uuid *id) {
        for (size_t i = 0; i < n; i++)
                if (uuid_equal(&list[i].id, id))
                        return &list[i];
        return NULL;
}

static void check_collection(Reader *reader, const DocumentCollection *collection, ErrorTree *errors) {
        const ProjectDocument *before = reader->before;
        const DocumentChange *change = reader->change;
        bool taken = find_collection(change->collections, change->n_collections, &collection->id) != NULL;

        for (size_t i = 0; i < before->n_collections; i++)
                taken = taken || (!uuid_equal(&before->collections[i].id, &collection->id) &&
                                  text_equal(before->collections[i].name, collection->name));
        for (size_t i = 0; i < change->n_collections; i++)
                taken = taken || text_equal(change->collections[i].name, collection->name);
        if (collection->name.length == 0)
                error_tree_add(errors, "name", blank);
        else if (!name_is_collection(collection->name))
                error_tree_add(errors, "name", "Collection name must be URL safe");
        else if (taken)
                error_tree_add(errors, "name", "A collection with this name already exists");
}

static void read_collection(Reader *reader, Text value, ErrorTree *errors) {
        const ProjectDocument *before = reader->before;
        DocumentChange *change = reader->change;
        CollectionFields fields = {};
        const DocumentCollection *present;

        (void) json_read(reader->parts.arena, value, collection_fields, &fields, &(FieldErrors) {});
        present = find_collection(before->collections, before->n_collections, &fields.collection.id);
        fields = (CollectionFields) { .collection.name = present ? present->name : TEXT_NULL };
        if (!part_read_fields(&reader->parts, value, collection_fields, collection_ignored, &fields, errors))
                return;
        if (fields.delete) {
                if (!present || !text_equal(present->name, fields.collection.name))
                        error_tree_add(errors, "delete", "cannot change or add a record while deleting");
                else
                        change->deleted_collections[change->n_deleted_collections++] = present->id;
                return;
        }
        check_collection(reader, &fields.collection, errors);
        if (!present && !uuid_is_null(&fields.collection.id))
                part_note_new(&reader->parts, &fields.collection.id);
        change->collections[change->n_collections++] = fields.collection;
}

static void read_collections(Reader *reader, Text list) {
        ErrorTree *errors = error_tree_part(error_tree_part(reader->errors, TEXT("collections")), TEXT("collections"));
        size_t n;
        PartEntry *entries = part_read_list(&reader->parts, list, "collections", reader->errors, &n);

        reader->change->collections = arena_new(reader->parts.arena, DocumentCollection, n + 1);
        reader->change->deleted_collections = arena_new(reader->parts.arena, Uuid, n + 1);
        for (size_t i = 0; i < n; i++)
                read_collection(reader, entries[i].value, errors);
}

static void refuse_channels(Reader *reader, Text list) {
        size_t n;

        (void) part_read_list(&reader->parts, list, "channels", reader->errors, &n);
        if (n > 0)
                error_tree_add(error_tree_part(error_tree_part(reader->errors, TEXT("channels")), TEXT("channels")), "base",
                               "channels are not supported by this server");
}

/* -- the project ------------------------------------------------------------------------------------------- */

typedef struct ProjectFields {
        Uuid id;
        Text name, description, workflows, project_credentials, collections, channels;
} ProjectFields;

static const Field project_fields[] = {
        { "id", FIELD_UUID, offsetof(ProjectFields, id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(ProjectFields, name), FIELD_CLEAR_NULL },
        { "description", FIELD_STRING, offsetof(ProjectFields, description), FIELD_CLEAR_NULL },
        { "workflows", FIELD_RAW, offsetof(ProjectFields, workflows) },
        { "project_credentials", FIELD_RAW, offsetof(ProjectFields, project_credentials) },
        { "collections", FIELD_RAW, offsetof(ProjectFields, collections) },
        { "channels", FIELD_RAW, offsetof(ProjectFields, channels) },
        {}
};

static const char *const project_ignored[] = {
        "concurrency", "allow_support_access", "requires_mfa", "retention_policy", "history_retention_period",
        "dataclip_retention_period", "scheduled_deletion", "color", "env", "parent_id", "parent", "inserted_at",
        "updated_at", "project_users", "users", "jobs", "credentials", "project_oauth_clients", "oauth_clients",
        "sandboxes", "version_history", NULL
};

static void check_project(const DocumentChange *change, ErrorTree *errors) {
        bool renamed = change->is_new || !text_equal(change->before->name, change->name);

        if (change->name.length == 0)
                error_tree_add(errors, "name", blank);
        else if (renamed && !name_is_project(change->name))
                error_tree_add(errors, "name", "has invalid format");
        if (text_count_characters(change->description) > MAX_DESCRIPTION)
                error_tree_add(errors, "description", "should be at most 240 character(s)");
}

int document_change_read_id(Arena *arena, Text document, Uuid *ret_id, ErrorTree *errors) {
        static const Field fields[] = { { "id", FIELD_UUID, 0, FIELD_REQUIRED }, {} };
        FieldErrors wrong = {};

        if (json_read(arena, document, fields, ret_id, &wrong) >= 0)
                return 0;
        for (size_t i = 0; i < wrong.n_errors; i++)
                error_tree_add(errors, wrong.errors[i].field, wrong.errors[i].message);
        if (error_tree_is_empty(errors))
                error_tree_add(errors, "id", blank);
        return -EINVAL;
}

int document_change_read(Arena *arena, Text document, const ProjectDocument *before, const Uuid *user_id,
                         DocumentChange *ret_change, ErrorTree *errors) {
        ProjectFields fields = { .name = before->name, .description = before->description };
        DocumentChange change = { .before = before, .user_id = *user_id, .is_new = !before->access.known };
        Reader reader = { .parts.arena = arena, .before = before, .change = &change, .errors = errors };

        if (!part_read_fields(&reader.parts, document, project_fields, project_ignored, &fields, errors))
                return -EINVAL;
        change.id = fields.id;
        change.name = text_trim(fields.name);
        change.description = fields.description;
        check_project(&change, errors);
        read_credentials(&reader, fields.project_credentials);
        reader.scope = document_scope(before, change.linked, change.n_linked, arena);
        read_collections(&reader, fields.collections);
        refuse_channels(&reader, fields.channels);
        read_workflows(&reader, fields.workflows);
        if (!error_tree_is_empty(errors))
                return -EINVAL;
        change.parts = reader.parts;
        *ret_change = change;
        return 0;
}
