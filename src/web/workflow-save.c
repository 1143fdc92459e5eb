/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /api/projects/{project_id}/workflows and PUT or PATCH …/{id}: a workflow created, or changed by the members
 * that are given. Of a new one the ids of jobs and triggers only say what belongs together: it gets ids of ours.
 * Storing is optimistic, as in provision.c.
 */

#include "domain/draft-change.h"
#include "domain/workflow.h"
#include "json/check.h"
#include "serve/session.h"
#include "web/json-api.h"
#include "web/read.h"
#include "web/web.h"
#include "web/workflows.h"

static WorkflowSave *save_of(Call *call) {
        return container_of(call, WorkflowSave, call);
}

/* -- asking ------------------------------------------------------------------------------------------- */

static int read_ids(WorkflowSave *save) {
        Call *call = &save->call;

        if (uuid_parse(call_path_value(call, 0), &save->project_id) < 0)
                return workflow_reply_bad_id(call, call_path_value(call, 0));
        if (!save->is_new && uuid_parse(call_path_value(call, 1), &save->id) < 0)
                return workflow_reply_bad_id(call, call_path_value(call, 1));
        return CALL_NEXT;
}

static int read_request(Call *call) {
        WorkflowSave *save = save_of(call);
        Text type = call_request_header(call, "content-type");
        JsonKind kind;

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        save->user_id = call->principal->user_id;
        save->body = call_body(call);
        if (!text_contains(type, "json") || text_trim(save->body).length == 0)
                save->body = TEXT("{}");
        if (json_check(save->body, &kind, NULL) < 0)
                return -EBADMSG;
        if (kind != JSON_OBJECT)
                save->body = TEXT("{}");
        return read_ids(save);
}

static int read_new_request(Call *call) {
        save_of(call)->is_new = true;
        return read_request(call);
}

static int ask(Call *call) {
        WorkflowSave *save = save_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        document_ask(batch, &save->user_id, &save->project_id, NULL, 0);
        save->n_asked = batch->n_statements;
        workflow_access(batch, &save->user_id, &save->id);
        workflow_get(batch, &save->user_id, &save->project_id, &save->id);
        return db_commit(call, batch);
}

static int ask_unless_stored(Call *call) {
        return save_of(call)->is_stored ? CALL_NEXT : ask(call);
}

/* -- errors ------------------------------------------------------------------------------------------- */

static int reply_errors(WorkflowSave *save, const ErrorTree *errors) {
        static const ErrorTreeList lists[] = { { "jobs", "Job" }, { "triggers", "Trigger" }, { "edges", "Edge" }, {} };
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_uuid(&w, "id", &save->id);
        error_tree_write_flat(errors, lists, &w, "errors");
        json_end(&w);
        return reply_json(&save->call, 422, &body);
}

/* -- the draft ---------------------------------------------------------------------------------------- */

typedef struct WorkflowFields {
        Text id, project_id;            /* raw */
        Text name;
        DraftParts parts;
} WorkflowFields;

static const Field fields_of_workflow[] = {
        { "id", FIELD_RAW, offsetof(WorkflowFields, id) },
        { "project_id", FIELD_RAW, offsetof(WorkflowFields, project_id) },
        { "name", FIELD_STRING, offsetof(WorkflowFields, name), FIELD_CLEAR_NULL, 255 },
        { "jobs", FIELD_RAW, offsetof(WorkflowFields, parts.jobs) },
        { "triggers", FIELD_RAW, offsetof(WorkflowFields, parts.triggers) },
        { "edges", FIELD_RAW, offsetof(WorkflowFields, parts.edges) },
        {}
};

static int read_uuid(Arena *arena, Text raw, Uuid *ret_id) {
        Text text;

        return json_unescape(arena, raw, &text) < 0 ? -EINVAL : uuid_parse(text, ret_id);
}

/* What the body says of ids must be what the address says. */
static void check_ids(WorkflowSave *save, const WorkflowFields *fields, ErrorTree *errors) {
        Arena *arena = &save->call.arena;
        Uuid id;

        if (fields->project_id.data && read_uuid(arena, fields->project_id, &id) < 0)
                error_tree_add(errors, "project_id", "The project_id is not a UUID.");
        else if (fields->project_id.data && !uuid_equal(&id, &save->project_id))
                error_tree_add(errors, "project_id", "The project_id of the body does not match the one the path.");
        if (!save->is_new && fields->id.data &&
            (read_uuid(arena, fields->id, &id) < 0 || !uuid_equal(&id, &save->id)))
                error_tree_add(errors, "id", "Workflow ID doesn't match with the one on the path.");
}

/* Every job and trigger needs an id before anything else can be said of it. */
static void check_part_ids(WorkflowSave *save, Text list, ErrorTree *errors) {
        Arena *arena = &save->call.arena;
        size_t cursor = 0;
        Text element, raw;
        Uuid id;

        while (json_next_element(list, &cursor, &element)) {
                raw = json_kind(element) == JSON_OBJECT ? json_member(element, "id") : TEXT_NULL;
                if (!raw.data || json_kind(raw) == JSON_NULL) {
                        error_tree_add(errors, "workflow", "All jobs and triggers should have an id (UUID).");
                        return;
                }
                if (read_uuid(arena, raw, &id) < 0) {
                        if (json_unescape(arena, raw, &raw) < 0)
                                raw = text_trim(raw);
                        error_tree_add(errors, "workflow", arena_printf(arena, "Id %.*s should be a UUID.",
                                                                        (int) MIN(raw.length, (size_t) 100), raw.data));
                        return;
                }
        }
}

/* Edges of a new workflow need no id: they get one to be read with. */
static Text with_edge_ids(Arena *arena, Text edges) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        size_t cursor = 0;
        Text element, copy;

        if (!edges.data || json_kind(edges) != JSON_ARRAY)
                return edges;
        json_begin_array(&w, NULL);
        while (json_next_element(edges, &cursor, &element)) {
                Text key, value;
                size_t member = 0;
                Uuid id = uuid_new();

                if (json_kind(element) != JSON_OBJECT) {
                        json_raw(&w, NULL, element);
                        continue;
                }
                json_begin(&w, NULL);
                json_uuid(&w, "id", &id);
                while (json_next_member(element, &member, &key, &value))
                        if (!json_key_is(key, "id")) {
                                json_key_text(&w, json_unescape_key(arena, key));
                                json_raw(&w, NULL, value);
                        }
                json_end(&w);
        }
        json_end_array(&w);
        copy = arena_text(arena, buffer_text(&buffer));
        buffer_deinit(&buffer);
        return copy;
}

static const Draft *find_workflow(const ProjectDocument *document, const Uuid *id) {
        for (size_t i = 0; i < document->n_workflows; i++)
                if (uuid_equal(&document->workflows[i].id, id))
                        return &document->workflows[i];
        return NULL;
}

static void check_unique(const WorkflowSave *save, const Draft *draft, ErrorTree *errors) {
        const ProjectDocument *document = &save->document;

        for (size_t i = 0; i < document->n_workflows; i++) {
                const Draft *other = &document->workflows[i];

                if (uuid_equal(&other->id, &draft->id))
                        continue;
                if (text_equal(other->name, draft->name))
                        error_tree_add(errors, "name", "a workflow with this name already exists in this project.");
                for (size_t t = 0; t < draft->n_triggers; t++)
                        for (size_t o = 0; draft->triggers[t].custom_path.data && o < other->n_triggers; o++)
                                if (text_equal(draft->triggers[t].custom_path, other->triggers[o].custom_path))
                                        error_tree_add(errors, "triggers", "custom_path has already been taken");
        }
}

static void check_required(const WorkflowFields *fields, ErrorTree *errors) {
        const struct {
                const char *name;
                bool is_there;
        } required[] = {
                { "jobs", fields->parts.jobs.data },
                { "triggers", fields->parts.triggers.data },
                { "edges", fields->parts.edges.data },
        };

        for (size_t i = 0; i < ELEMENTSOF(required); i++)
                if (!required[i].is_there)
                        error_tree_add(errors, required[i].name, "This field can't be blank.");
}

static void rename_id(Uuid *id, const Uuid *old, const Uuid *new) {
        if (uuid_equal(id, old))
                *id = *new;
}

/* A new workflow's parts get ids of ours. */
static void rename_parts(Draft *draft) {
        for (size_t i = 0; i < draft->n_triggers; i++) {
                Uuid old = draft->triggers[i].id, new = uuid_new();

                draft->triggers[i].id = new;
                for (size_t e = 0; e < draft->n_edges; e++)
                        rename_id(&draft->edges[e].source_trigger_id, &old, &new);
        }
        for (size_t i = 0; i < draft->n_jobs; i++) {
                Uuid old = draft->jobs[i].id, new = uuid_new();

                draft->jobs[i].id = new;
                for (size_t e = 0; e < draft->n_edges; e++) {
                        rename_id(&draft->edges[e].source_job_id, &old, &new);
                        rename_id(&draft->edges[e].target_job_id, &old, &new);
                }
                for (size_t t = 0; t < draft->n_triggers; t++)
                        rename_id(&draft->triggers[t].cron_cursor_job_id, &old, &new);
        }
}

/* 0, or -EINVAL with complaints. */
static int read_draft(WorkflowSave *save, PartReader *reader, Draft *draft, ErrorTree *errors) {
        const Draft *before = find_workflow(&save->document, &save->id);
        DraftScope scope = document_scope(&save->document, NULL, 0, reader->arena);
        WorkflowFields fields = { .name = before ? before->name : TEXT_NULL };
        static const char *const nothing[] = { NULL };

        (void) part_read_fields(reader, save->body, fields_of_workflow, nothing, &fields, errors);
        check_ids(save, &fields, errors);
        check_part_ids(save, fields.parts.jobs, errors);
        check_part_ids(save, fields.parts.triggers, errors);
        if (save->is_new)
                check_required(&fields, errors);
        if (text_trim(fields.name).length == 0)
                error_tree_add(errors, "name", "This field can't be blank.");
        if (!error_tree_is_empty(errors))
                return -EINVAL;

        *draft = (Draft) { .id = save->is_new ? uuid_new() : save->id, .project_id = save->project_id,
                           .name = text_trim(fields.name) };
        fields.parts.edges = save->is_new ? with_edge_ids(reader->arena, fields.parts.edges) : fields.parts.edges;
        draft_read_change(reader, &fields.parts, before, draft, errors);
        scope.by_id = true;
        draft_check(draft, before, &scope, reader->arena, errors);
        if (error_tree_is_empty(errors))
                draft_check_graph(draft, before, reader->arena, errors);
        if (error_tree_is_empty(errors))
                check_unique(save, draft, errors);
        return error_tree_is_empty(errors) ? 0 : -EINVAL;
}

/* -- storing ------------------------------------------------------------------------------------------ */

/* 0, or what a stage returns for an answer: whether the project, and the workflow in it, are there for the asker. */
static int check_access(WorkflowSave *save) {
        const DocumentAccess *access = &save->document.access;
        Call *call = &save->call;

        if (!access->known)
                return workflow_reply_unknown(call, &save->id);
        if (!access->may_edit)
                return -EACCES;
        if (save->is_new || find_workflow(&save->document, &save->id))
                return CALL_NEXT;
        /* One of another project is a mistake in the address, but only for those who may know of it. */
        return access_read(call->result.rows[save->n_asked]) == 0 ? -EBADMSG : workflow_reply_unknown(call, &save->id);
}

static int store(Call *call) {
        WorkflowSave *save = save_of(call);
        ErrorTree *errors = error_tree_new(&call->arena);
        PartReader reader = { .arena = &call->arena, .lenient = true, .by_id = true };
        Draft *draft = arena_new(&call->arena, Draft, 1);
        Batch *batch = batch_new(&call->arena, 0);
        int r;

        if (save->is_stored)
                return CALL_NEXT;
        document_read(&call->result, &call->arena, &save->document);
        r = check_access(save);
        if (r != CALL_NEXT)
                return r;
        if (read_draft(save, &reader, draft, errors) < 0)
                return reply_errors(save, errors);
        if (save->is_new) {
                rename_parts(draft);
                reader.n_new_ids = 0;   /* they were the client's own names for things */
        }
        document_begin(batch, &save->document, &save->user_id, &save->project_id, "edit_workflows", &reader);
        draft_paths_release(batch, &save->project_id, draft, 1);
        draft_store(batch, draft, DRAFT_APP);
        save->id = draft->id;
        return db_try(call, batch);
}

static int look(Call *call) {
        WorkflowSave *save = save_of(call);
        int error = call->result.error;

        if (save->is_stored)
                return CALL_NEXT;
        save->is_stored = error == 0;
        if (!save->is_stored && save->is_new)
                save->id = UUID_NULL;
        /* Somebody else was faster. */
        if (error == 0 || error == -ESTALE || error == -EEXIST || error == -EAGAIN)
                return CALL_NEXT;
        if (error == -EINVAL) {
                ErrorTree *errors = error_tree_new(&call->arena);

                error_tree_add(errors, "workflow", "An id of a job, trigger or edge belongs to something else.");
                return reply_errors(save, errors);
        }
        return error;
}

static int insist(Call *call) {
        return save_of(call)->is_stored ? CALL_NEXT
                                        : call_reply_error(call, 409, "The project is being changed by others. Try again.");
}

static int reply_stored(Call *call) {
        WorkflowSave *save = save_of(call);

        return workflow_reply(call, save->is_new ? 201 : 200, call->result.rows[save->n_asked + 1]);
}

#define STORE_OR_RETRY ask_unless_stored, store, look, ask_unless_stored, store, look, ask_unless_stored, store, look

const Stage post_workflow[] = { read_new_request, STORE_OR_RETRY, insist, ask, reply_stored, NULL };
const Stage put_workflow[] = { read_request, STORE_OR_RETRY, insist, ask, reply_stored, NULL };
