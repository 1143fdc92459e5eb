/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a client's document makes of a workflow: each trigger, job and edge read over the one of its id.
 */

#include "domain/draft-change.h"

#include <stddef.h>

#include "json/check.h"

#define MAX_NAME 255

/* What triggers, jobs and edges have in common. Each struct of a list begins with its id. */
typedef struct Kind {
        const char *list;
        const Field *fields;
        const char *const *ignored;
        size_t size;
        bool (*is_same)(const void *a, const void *b);
        Text (*name)(const void *part);
} Kind;

typedef struct Part {
        union {
                DraftTrigger trigger;
                DraftJob job;
                DraftEdge edge;
        };
        bool delete;
} Part;

static const Field trigger_fields[] = {
        { "id", FIELD_UUID, offsetof(Part, trigger.id), FIELD_REQUIRED },
        { "type", FIELD_STRING, offsetof(Part, trigger.type), FIELD_CLEAR_NULL, 32 },
        { "enabled", FIELD_BOOL, offsetof(Part, trigger.enabled) },
        { "comment", FIELD_STRING, offsetof(Part, trigger.comment), FIELD_CLEAR_NULL },
        { "custom_path", FIELD_STRING, offsetof(Part, trigger.custom_path), FIELD_CLEAR_NULL, MAX_NAME },
        { "cron_expression", FIELD_STRING, offsetof(Part, trigger.cron_expression), FIELD_CLEAR_NULL, MAX_NAME },
        { "cron_cursor_job_id", FIELD_UUID, offsetof(Part, trigger.cron_cursor_job_id), FIELD_CLEAR_NULL },
        { "webhook_reply", FIELD_STRING, offsetof(Part, trigger.webhook_reply), FIELD_CLEAR_NULL, 32 },
        { "webhook_response_config", FIELD_RAW, offsetof(Part, trigger.response_config), FIELD_KEEP_NULL },
        { "delete", FIELD_BOOL, offsetof(Part, delete) },
        {}
};

static const Field job_fields[] = {
        { "id", FIELD_UUID, offsetof(Part, job.id), FIELD_REQUIRED },
        { "name", FIELD_STRING, offsetof(Part, job.name), FIELD_CLEAR_NULL },
        { "body", FIELD_STRING, offsetof(Part, job.body), FIELD_CLEAR_NULL },
        { "adaptor", FIELD_STRING, offsetof(Part, job.adaptor), FIELD_CLEAR_NULL },
        { "project_credential_id", FIELD_UUID, offsetof(Part, job.project_credential_id), FIELD_CLEAR_NULL },
        { "keychain_credential_id", FIELD_UUID, offsetof(Part, job.keychain_credential_id), FIELD_CLEAR_NULL },
        { "delete", FIELD_BOOL, offsetof(Part, delete) },
        {}
};

static const Field edge_fields[] = {
        { "id", FIELD_UUID, offsetof(Part, edge.id), FIELD_REQUIRED },
        { "source_trigger_id", FIELD_UUID, offsetof(Part, edge.source_trigger_id), FIELD_CLEAR_NULL },
        { "source_job_id", FIELD_UUID, offsetof(Part, edge.source_job_id), FIELD_CLEAR_NULL },
        { "target_job_id", FIELD_UUID, offsetof(Part, edge.target_job_id), FIELD_CLEAR_NULL },
        { "condition_type", FIELD_STRING, offsetof(Part, edge.condition_type), FIELD_CLEAR_NULL, 32 },
        { "condition_expression", FIELD_STRING, offsetof(Part, edge.condition_expression), FIELD_CLEAR_NULL },
        { "condition_label", FIELD_STRING, offsetof(Part, edge.condition_label), FIELD_CLEAR_NULL },
        { "enabled", FIELD_BOOL, offsetof(Part, edge.enabled) },
        { "delete", FIELD_BOOL, offsetof(Part, delete) },
        {}
};

static const char *const part_ignored[] = { "workflow_id", "inserted_at", "updated_at", NULL };
static const char *const trigger_ignored[] = { "workflow_id", "has_auth_method", "inserted_at", "updated_at", NULL };

static bool is_same_trigger(const void *a, const void *b) {
        const DraftTrigger *one = a, *other = b;

        return text_equal(one->type, other->type) && one->enabled == other->enabled &&
               text_equal(one->comment, other->comment) && text_equal(one->custom_path, other->custom_path) &&
               text_equal(one->cron_expression, other->cron_expression) &&
               text_equal(one->webhook_reply, other->webhook_reply);
}

static bool is_same_job(const void *a, const void *b) {
        const DraftJob *one = a, *other = b;

        return text_equal(one->name, other->name) && text_equal(one->body, other->body) &&
               text_equal(one->adaptor, other->adaptor) &&
               uuid_equal(&one->project_credential_id, &other->project_credential_id) &&
               uuid_equal(&one->keychain_credential_id, &other->keychain_credential_id);
}

static bool is_same_edge(const void *a, const void *b) {
        const DraftEdge *one = a, *other = b;

        return uuid_equal(&one->source_trigger_id, &other->source_trigger_id) &&
               uuid_equal(&one->source_job_id, &other->source_job_id) &&
               uuid_equal(&one->target_job_id, &other->target_job_id) &&
               text_equal(one->condition_type, other->condition_type) &&
               text_equal(one->condition_expression, other->condition_expression) &&
               text_equal(one->condition_label, other->condition_label) && one->enabled == other->enabled;
}

static Text trigger_name(const void *part) {
        return ((const DraftTrigger *) part)->type;
}

static Text job_name(const void *part) {
        return ((const DraftJob *) part)->name;
}

/* Its ends may not be known yet. */
static Text edge_name(const void *part) {
        (void) part;
        return TEXT("->");
}

static const Kind kinds[] = {
        { "triggers", trigger_fields, trigger_ignored, sizeof(DraftTrigger), is_same_trigger, trigger_name },
        { "jobs", job_fields, part_ignored, sizeof(DraftJob), is_same_job, job_name },
        { "edges", edge_fields, part_ignored, sizeof(DraftEdge), is_same_edge, edge_name },
};

static const void *find_part(const Kind *kind, const char *list, size_t n, const Uuid *id) {
        for (size_t i = 0; i < n; i++)
                if (uuid_equal((const Uuid *) (list + i * kind->size), id))
                        return list + i * kind->size;
        return NULL;
}

static Part new_part(const Kind *kind) {
        Part part = {};

        if (kind == &kinds[0])
                part.trigger.type = TEXT("webhook");
        else if (kind == &kinds[1])
                part.job.adaptor = TEXT("@openfn/language-common@latest");
        else
                part.edge.enabled = true;
        return part;
}

/* The part as it shall be. False: it is to go, or wrong. */
static bool read_part(PartReader *reader, const Kind *kind, Text value, const char *before, size_t n_before, Part *ret_part,
                      ErrorTree *errors) {
        struct { Uuid id; } head = {};
        static const Field id_field[] = { { "id", FIELD_UUID, 0 }, {} };
        FieldErrors ignored = {};
        const void *present;
        Part part, named;

        (void) json_read(reader->arena, value, id_field, &head, &ignored);
        present = uuid_is_null(&head.id) ? NULL : find_part(kind, before, n_before, &head.id);
        part = new_part(kind);
        if (present)
                memcpy(&part, present, kind->size);
        named = part;
        (void) json_read(reader->arena, value, kind->fields, &named, &ignored);
        errors = part_errors(errors, reader->by_id, &head.id, json_kind(value) == JSON_OBJECT ? kind->name(&named) : TEXT(""));
        if (!part_read_fields(reader, value, kind->fields, kind->ignored, &part, errors))
                return false;
        if (part.delete) {
                if (!present || !kind->is_same(present, &part))
                        error_tree_add(errors, "delete", "cannot change or add a record while deleting");
                return false;
        }
        if (!present && !uuid_is_null(&head.id))
                part_note_new(reader, &head.id);
        *ret_part = part;
        return true;
}

/* Those that are there keep their places, new ones follow in the order of the document. */
static void *read_parts(PartReader *reader, const Kind *kind, Text list, const void *before, size_t n_before,
                        size_t *ret_n, ErrorTree *errors) {
        ErrorTree *list_errors = error_tree_part(errors, text_of(kind->list));
        size_t n_entries, n = n_before, n_kept = 0;
        PartEntry *entries = part_read_list(reader, list, kind->list, errors, &n_entries);
        char *parts = arena_alloc(reader->arena, kind->size * (n_before + n_entries + 1));

        *ret_n = n_before;
        if (!list.data)
                return n_before > 0 ? memcpy(parts, before, kind->size * n_before) : parts;
        for (size_t i = 0; i < n_entries; i++) {
                const char *present, *twice;
                Part part;

                if (!read_part(reader, kind, entries[i].value, before, n_before, &part, list_errors))
                        continue;
                twice = find_part(kind, parts, n, &part.trigger.id);
                if (twice && !uuid_is_null(&part.trigger.id))
                        error_tree_add(part_errors(list_errors, reader->by_id, &part.trigger.id, kind->name(&part)), "id", "has already been taken");
                present = find_part(kind, before, n_before, &part.trigger.id);
                memcpy(parts + kind->size * (present ? (size_t) (present - (const char *) before) / kind->size : n++), &part,
                       kind->size);
        }
        for (size_t i = 0; i < n; i++)
                if (i >= n_before || !uuid_is_null((const Uuid *) (parts + i * kind->size)))
                        memmove(parts + kind->size * n_kept++, parts + i * kind->size, kind->size);
        *ret_n = n_kept;
        return parts;
}

/* An edge that nothing was said of goes with the job it led from or to. */
static void drop_loose_edges(Draft *draft, const Draft *before) {
        size_t n = 0;

        for (size_t i = 0; i < draft->n_edges; i++) {
                const DraftEdge *edge = &draft->edges[i];
                const Uuid *ends[] = { &edge->source_job_id, &edge->target_job_id };
                bool loose = false;

                for (size_t e = 0; e < ELEMENTSOF(ends); e++)
                        loose = loose || (!uuid_is_null(ends[e]) && draft_find_job(before, ends[e]) &&
                                          !draft_find_job(draft, ends[e]));
                loose = loose || (!uuid_is_null(&edge->source_trigger_id) &&
                                  draft_find_trigger(before, &edge->source_trigger_id) &&
                                  !draft_find_trigger(draft, &edge->source_trigger_id));
                if (!loose)
                        draft->edges[n++] = *edge;
        }
        draft->n_edges = n;
}

void draft_read_change(PartReader *reader, const DraftParts *parts, const Draft *before, Draft *draft, ErrorTree *errors) {
        static const Draft nothing;

        if (!before)
                before = &nothing;
        draft->triggers = read_parts(reader, &kinds[0], parts->triggers, before->triggers, before->n_triggers,
                                     &draft->n_triggers, errors);
        draft->jobs = read_parts(reader, &kinds[1], parts->jobs, before->jobs, before->n_jobs, &draft->n_jobs, errors);
        draft->edges = read_parts(reader, &kinds[2], parts->edges, before->edges, before->n_edges, &draft->n_edges,
                                  errors);
        drop_loose_edges(draft, before);
}
