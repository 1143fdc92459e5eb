/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document of provisioning, read: workflows with their triggers, jobs and edges, and the ids they get.
 */

#include <stddef.h>

#include "crypto/password.h"
#include "domain/cron.h"
#include "domain/names.h"
#include "domain/provision-private.h"

#define JOB_NAME_MAX 100
#define CONDITION_MAX 255

static const char *const condition_types[] = { "always", "on_job_success", "on_job_failure", "js_expression",
                                               NULL };

/* -- triggers --------------------------------------------------------------------------------------- */

static const Field trigger_fields[] = {
        { "type", FIELD_STRING, offsetof(DraftTrigger, type), FIELD_REQUIRED, 16 },
        { "enabled", FIELD_BOOL, offsetof(DraftTrigger, enabled) },
        { "comment", FIELD_STRING, offsetof(DraftTrigger, comment) },
        { "custom_path", FIELD_STRING, offsetof(DraftTrigger, custom_path), 0, 255 },
        { "cron_expression", FIELD_STRING, offsetof(DraftTrigger, cron_expression), 0, 255 },
        { "cron_cursor_job", FIELD_STRING, offsetof(DraftTrigger, cron_cursor_job), 0,
          PROVISION_NAME_MAX },
        { "webhook_reply", FIELD_STRING, offsetof(DraftTrigger, webhook_reply), 0, 32 },
        { "webhook_response_config", FIELD_OBJECT, offsetof(DraftTrigger, response_config) },
        {}
};

static const Field response_config_fields[] = {
        { "success_code", FIELD_INT, offsetof(DraftTrigger, success_code) },
        { "error_code", FIELD_INT, offsetof(DraftTrigger, error_code) },
        {}
};

static bool is_reply_code(int64_t code) {
        return code == 0 || (code >= 200 && code <= 599);
}

static void check_webhook(Reader *reader, const char *path, DraftTrigger *trigger) {
        static const char *const replies[] = { "before_start", "after_completion", "custom", NULL };

        if (!trigger->webhook_reply.data)
                trigger->webhook_reply = TEXT("before_start");
        if (!text_is_one_of(trigger->webhook_reply, replies))
                reader_complain(reader, path, "webhook_reply",
                                "is not one of before_start, after_completion, custom");
        if (trigger->custom_path.data && !name_is_path(trigger->custom_path))
                reader_complain(reader, path, "custom_path", "may hold only a-z, 0-9, _ and -");
        if (trigger->response_config.data)
                reader_fields(reader, arena_printf(reader->arena, "%s.webhook_response_config", path),
                              trigger->response_config, response_config_fields, trigger);
        if (!is_reply_code(trigger->success_code) || !is_reply_code(trigger->error_code))
                reader_complain(reader, path, "webhook_response_config", "codes must be from 200 to 599");
        trigger->cron_expression = trigger->cron_cursor_job = TEXT_NULL;
}

static void check_cron(Reader *reader, const char *path, DraftTrigger *trigger) {
        const char *message;
        Cron cron;

        if (!trigger->cron_expression.data)
                trigger->cron_expression = TEXT("0 0 * * *");
        if (cron_parse(trigger->cron_expression, &cron, &message) < 0)
                reader_complain(reader, path, "cron_expression", message);
        trigger->webhook_reply = trigger->custom_path = TEXT_NULL;
}

static void read_trigger(Reader *reader, const Entry *entry, DraftTrigger *trigger) {
        trigger->enabled = true;
        trigger->key = entry->key.data ? entry->key : TEXT("trigger");
        if (!reader_fields(reader, entry->path, entry->value, trigger_fields, trigger))
                return;

        if (text_is(trigger->type, "webhook"))
                check_webhook(reader, entry->path, trigger);
        else if (text_is(trigger->type, "cron"))
                check_cron(reader, entry->path, trigger);
        else
                reader_complain(reader, entry->path, "type", "is not one of webhook, cron");
}

/* -- jobs ------------------------------------------------------------------------------------------- */

static const Field job_fields[] = {
        { "name", FIELD_STRING, offsetof(DraftJob, name), 0, JOB_NAME_MAX },
        { "adaptor", FIELD_STRING, offsetof(DraftJob, adaptor), 0, 255 },
        { "body", FIELD_STRING, offsetof(DraftJob, body), FIELD_REQUIRED },
        { "credential", FIELD_STRING, offsetof(DraftJob, credential), 0, PROVISION_NAME_MAX },
        {}
};

static void read_job(Reader *reader, const Entry *entry, DraftJob *job) {
        job->key = entry->key;
        job->adaptor = TEXT("@openfn/language-common@latest");
        if (!reader_fields(reader, entry->path, entry->value, job_fields, job))
                return;

        job->name = text_trim(job->name);
        if (job->name.length == 0)
                job->name = job->key;
        if (job->key.length == 0)
                job->key = job->name;
        if (job->name.length == 0)
                reader_complain(reader, entry->path, "name", "This field can't be blank.");
        if (text_count_characters(job->name) > JOB_NAME_MAX)
                reader_complain(reader, entry->path, "name", "should be at most 100 character(s)");
}

/* -- edges ------------------------------------------------------------------------------------------ */

/* `from`, `to` and `condition` are the list form's short words. */
typedef struct EdgeWords {
        DraftEdge edge;
        Text from, to, condition;
} EdgeWords;

static const Field edge_fields[] = {
        { "source_trigger", FIELD_STRING, offsetof(EdgeWords, edge.source_trigger) },
        { "source_job", FIELD_STRING, offsetof(EdgeWords, edge.source_job) },
        { "target_job", FIELD_STRING, offsetof(EdgeWords, edge.target_job) },
        { "condition_type", FIELD_STRING, offsetof(EdgeWords, edge.condition_type), 0, 32 },
        { "condition_expression", FIELD_STRING, offsetof(EdgeWords, edge.condition_expression), 0,
          CONDITION_MAX },
        { "condition_label", FIELD_STRING, offsetof(EdgeWords, edge.condition_label), 0, 255 },
        { "enabled", FIELD_BOOL, offsetof(EdgeWords, edge.enabled) },
        { "from", FIELD_STRING, offsetof(EdgeWords, from) },
        { "to", FIELD_STRING, offsetof(EdgeWords, to) },
        { "condition", FIELD_STRING, offsetof(EdgeWords, condition), 0, CONDITION_MAX },
        {}
};

/* An only trigger is also called "trigger". */
static const DraftTrigger *find_trigger(const Draft *workflow, Text name) {
        for (size_t i = 0; i < workflow->n_triggers; i++)
                if (text_equal(workflow->triggers[i].key, name))
                        return &workflow->triggers[i];
        return workflow->n_triggers == 1 && text_is(name, "trigger") ? &workflow->triggers[0] : NULL;
}

/* By key, else by name. */
static const DraftJob *find_job(const Draft *workflow, Text name) {
        if (name.length == 0)
                return NULL;
        for (size_t i = 0; i < workflow->n_jobs; i++)
                if (text_equal(workflow->jobs[i].key, name))
                        return &workflow->jobs[i];
        for (size_t i = 0; i < workflow->n_jobs; i++)
                if (text_equal(workflow->jobs[i].name, name))
                        return &workflow->jobs[i];
        return NULL;
}

static void expand_short_words(const Draft *workflow, EdgeWords *words) {
        DraftEdge *edge = &words->edge;

        if (words->to.data)
                edge->target_job = words->to;
        if (words->from.data && find_trigger(workflow, words->from))
                edge->source_trigger = words->from;
        else if (words->from.data)
                edge->source_job = words->from;

        if (words->condition.data && !edge->condition_type.data) {
                edge->condition_type = words->condition;
                if (!text_is_one_of(words->condition, condition_types)) {
                        edge->condition_type = TEXT("js_expression");
                        edge->condition_expression = words->condition;
                }
        }
        if (!edge->condition_type.data)
                edge->condition_type = edge->source_trigger.data ? TEXT("always") : TEXT("on_job_success");
}

static void check_ends(Reader *reader, const char *path, const Draft *workflow,
                       const DraftEdge *edge) {
        const DraftJob *source = find_job(workflow, edge->source_job);
        const DraftJob *target = find_job(workflow, edge->target_job);

        if ((edge->source_trigger.data != NULL) == (edge->source_job.data != NULL))
                reader_complain(reader, path, "", "needs either a source_trigger or a source_job");
        else if (edge->source_trigger.data && !find_trigger(workflow, edge->source_trigger))
                reader_complain(reader, path, "source_trigger", "is no trigger of this workflow");
        else if (edge->source_job.data && !source)
                reader_complain(reader, path, "source_job", "is no job of this workflow");

        if (!target)
                reader_complain(reader, path, "target_job", "is no job of this workflow");
        else if (source == target)
                reader_complain(reader, path, "target_job", "must differ from the source");
}

static void check_condition(Reader *reader, const char *path, const DraftEdge *edge) {
        static const char *const trigger_types[] = { "always", "js_expression", NULL };

        if (!text_is_one_of(edge->condition_type, condition_types))
                reader_complain(reader, path, "condition_type",
                                "is not one of always, on_job_success, on_job_failure, js_expression");
        else if (edge->source_trigger.data && !text_is_one_of(edge->condition_type, trigger_types))
                reader_complain(reader, path, "condition_type",
                                "must be always or js_expression when the source is a trigger");
        if (text_is(edge->condition_type, "js_expression") &&
            text_trim(edge->condition_expression).length == 0)
                reader_complain(reader, path, "condition_expression", "This field can't be blank.");
}

/* What a list's edge is known by: there is one from here to there. */
static Text edge_key(Reader *reader, const DraftEdge *edge) {
        Text source = edge->source_trigger.data ? edge->source_trigger : edge->source_job;
        Buffer key = BUFFER_NULL;
        Text kept;

        buffer_append_text(&key, source);
        buffer_append_string(&key, "->");
        buffer_append_text(&key, edge->target_job);
        kept = arena_text(reader->arena, buffer_text(&key));
        buffer_deinit(&key);
        return kept;
}

static void read_edge(Reader *reader, const Entry *entry, const Draft *workflow,
                      DraftEdge *ret_edge) {
        EdgeWords words = { .edge = { .enabled = true } };

        if (!reader_fields(reader, entry->path, entry->value, edge_fields, &words))
                return;
        expand_short_words(workflow, &words);
        check_ends(reader, entry->path, workflow, &words.edge);
        check_condition(reader, entry->path, &words.edge);

        if (words.edge.source_trigger.data)
                words.edge.enabled = true;      /* what a trigger starts is switched at the trigger */
        words.edge.key = entry->key.data ? entry->key : edge_key(reader, &words.edge);
        *ret_edge = words.edge;
}

/* -- workflows --------------------------------------------------------------------------------------- */

typedef struct WorkflowFields {
        Text name, trigger, triggers, jobs, edges;
} WorkflowFields;

static const Field workflow_fields[] = {
        { "name", FIELD_STRING, offsetof(WorkflowFields, name), 0, PROVISION_NAME_MAX },
        { "trigger", FIELD_OBJECT, offsetof(WorkflowFields, trigger) },
        { "triggers", FIELD_RAW, offsetof(WorkflowFields, triggers) },
        { "jobs", FIELD_RAW, offsetof(WorkflowFields, jobs), FIELD_REQUIRED },
        { "edges", FIELD_RAW, offsetof(WorkflowFields, edges) },
        {}
};

/* One trigger by itself, or several with keys. */
static void read_triggers(Reader *reader, const char *path, const WorkflowFields *fields,
                          Draft *workflow) {
        Entry *entries,
                alone = { .path = arena_printf(reader->arena, "%s.trigger", path), .value = fields->trigger };
        Text *keys;
        size_t n;

        entries = reader_entries(reader, path, "triggers", fields->triggers, &n);
        if (fields->trigger.data && n > 0)
                reader_complain(reader, path, "trigger", "stands beside triggers: one of them is enough");
        if (fields->trigger.data && n == 0) {
                entries = &alone;
                n = 1;
        }

        workflow->triggers = arena_new(reader->arena, DraftTrigger, n + 1);
        workflow->n_triggers = n;
        keys = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                read_trigger(reader, &entries[i], &workflow->triggers[i]);
                keys[i] = workflow->triggers[i].key;
        }
        reader_unique(reader, path, "triggers", keys, n);
}

static void read_jobs(Reader *reader, const char *path, Text value, Draft *workflow) {
        Text *keys, *names;
        Entry *entries;
        size_t n;

        entries = reader_entries(reader, path, "jobs", value, &n);
        workflow->jobs = arena_new(reader->arena, DraftJob, n + 1);
        workflow->n_jobs = n;
        keys = arena_new(reader->arena, Text, n + 1);
        names = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                read_job(reader, &entries[i], &workflow->jobs[i]);
                keys[i] = workflow->jobs[i].key;
                names[i] = workflow->jobs[i].name;
        }
        if (reader_unique(reader, path, "jobs", names, n))
                reader_unique(reader, path, "jobs", keys, n);
}

static void read_edges(Reader *reader, const char *path, Text value, Draft *workflow) {
        Entry *entries;
        Text *keys;
        size_t n;

        entries = reader_entries(reader, path, "edges", value, &n);
        workflow->edges = arena_new(reader->arena, DraftEdge, n + 1);
        workflow->n_edges = n;
        keys = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                read_edge(reader, &entries[i], workflow, &workflow->edges[i]);
                keys[i] = workflow->edges[i].key;
        }
        reader_unique(reader, path, "edges", keys, n);
}

static void check_cursors(Reader *reader, const char *path, const Draft *workflow) {
        for (size_t i = 0; i < workflow->n_triggers; i++)
                if (workflow->triggers[i].cron_cursor_job.data &&
                    !find_job(workflow, workflow->triggers[i].cron_cursor_job))
                        reader_complain(reader, path, "cron_cursor_job", "is no job of this workflow");
}

void provision_read_workflow(Reader *reader, const Entry *entry, Draft *workflow) {
        WorkflowFields fields = {};

        if (!reader_fields(reader, entry->path, entry->value, workflow_fields, &fields))
                return;
        workflow->name = text_trim(fields.name);
        if (workflow->name.length == 0)
                workflow->name = entry->key;
        if (workflow->name.length == 0)
                reader_complain(reader, entry->path, "name", "This field can't be blank.");

        read_triggers(reader, entry->path, &fields, workflow);
        read_jobs(reader, entry->path, fields.jobs, workflow);
        read_edges(reader, entry->path, fields.edges, workflow);
        check_cursors(reader, entry->path, workflow);
}

/* -- ids -------------------------------------------------------------------------------------------- */

/* An id that follows from where the thing stands (version 8 of RFC 9562: made as we like). */
static Uuid derive_id(const Uuid *workflow, const char *kind, Text key) {
        _cleanup_(buffer_deinit) Buffer name = BUFFER_NULL;
        uint8_t digest[DIGEST_SIZE];
        Uuid id;

        buffer_append(&name, workflow->bytes, sizeof workflow->bytes);
        buffer_append_string(&name, kind);
        buffer_append_byte(&name, ':');
        buffer_append_text(&name, key);
        digest_sha256(buffer_text(&name), digest);

        memcpy(id.bytes, digest, sizeof id.bytes);
        id.bytes[6] = (id.bytes[6] & 0x0f) | 0x80;
        id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;
        return id;
}

static void resolve_edge(const Draft *workflow, DraftEdge *edge) {
        edge->id = derive_id(&workflow->id, "edge", edge->key);
        if (edge->source_trigger.data)
                edge->source_trigger_id = find_trigger(workflow, edge->source_trigger)->id;
        else
                edge->source_job_id = find_job(workflow, edge->source_job)->id;
        edge->target_job_id = find_job(workflow, edge->target_job)->id;
}

void provision_workflow_resolve(Draft *workflow) {
        for (size_t i = 0; i < workflow->n_jobs; i++)
                workflow->jobs[i].id = derive_id(&workflow->id, "job", workflow->jobs[i].key);

        for (size_t i = 0; i < workflow->n_triggers; i++) {
                DraftTrigger *trigger = &workflow->triggers[i];
                const DraftJob *cursor = find_job(workflow, trigger->cron_cursor_job);

                trigger->id = derive_id(&workflow->id, "trigger", trigger->key);
                if (cursor)
                        trigger->cron_cursor_job_id = cursor->id;
        }

        for (size_t i = 0; i < workflow->n_edges; i++)
                resolve_edge(workflow, &workflow->edges[i]);
}
