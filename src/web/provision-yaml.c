/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A project document as the command line's specification, by libyaml's emitter. Its keys are the names with `-`
 * for each space, as the command line makes them; what it later compares must come back to the byte, so bodies
 * stand in blocks and whatever could be read as something else stands in quotes.
 */

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "web/provision.h"

typedef struct Yaml {
        yaml_emitter_t emitter;
        Arena *arena;
        bool failed;
} Yaml;

/* -- events ----------------------------------------------------------------------------------------- */

static int append(void *userdata, unsigned char *data, size_t length) {
        buffer_append(userdata, data, length);
        return 1;
}

/* `made`: the event could be made; it is the emitter's then. */
static void emit(Yaml *y, yaml_event_t *event, int made) {
        if (!made || !yaml_emitter_emit(&y->emitter, event))
                y->failed = true;
}

static void begin(Yaml *y) {
        yaml_event_t event;

        emit(y, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static void end(Yaml *y) {
        yaml_event_t event;

        emit(y, &event, yaml_mapping_end_event_initialize(&event));
}

static void scalar(Yaml *y, Text text, yaml_scalar_style_t style) {
        yaml_event_t event;

        emit(y, &event,
             yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *) text.data, (int) text.length, 1, 1,
                                          style));
}

/* Words that a reader of YAML takes for something else, and all that begins like a number. */
static bool needs_quotes(Text text) {
        static const char *const words[] = { "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n" };

        if (text.length == 0 || strchr("0123456789+-.", text.data[0]))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (text_is_nocase(text, words[i]))
                        return true;
        return false;
}

static void word(Yaml *y, Text text) {
        scalar(y, text, needs_quotes(text) ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
}

static void key(Yaml *y, const char *name) {
        scalar(y, text_of(name), YAML_PLAIN_SCALAR_STYLE);
}

static void null(Yaml *y, const char *name) {
        key(y, name);
        scalar(y, TEXT("null"), YAML_PLAIN_SCALAR_STYLE);
}

static void text(Yaml *y, const char *name, Text value) {
        key(y, name);
        word(y, value);
}

static void quoted(Yaml *y, const char *name, Text value) {
        key(y, name);
        scalar(y, value, YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static void block(Yaml *y, const char *name, Text value) {
        key(y, name);
        scalar(y, value, YAML_LITERAL_SCALAR_STYLE);
}

static void boolean(Yaml *y, const char *name, bool value) {
        key(y, name);
        scalar(y, value ? TEXT("true") : TEXT("false"), YAML_PLAIN_SCALAR_STYLE);
}

static void number(Yaml *y, const char *name, int64_t value) {
        key(y, name);
        scalar(y, text_of(arena_printf(y->arena, "%lld", (long long) value)), YAML_PLAIN_SCALAR_STYLE);
}

/* -- keys ------------------------------------------------------------------------------------------- */

typedef struct Named {
        Text key, name;
        size_t index;
} Named;

static Text hyphenate(Arena *arena, Text name) {
        char *copy = arena_text_string(arena, name.data ? name : TEXT(""));

        for (size_t i = 0; i < name.length; i++)
                if (strchr(" \t\n\v\f\r", copy[i]) && copy[i])
                        copy[i] = '-';
        return text_make(copy, name.length);
}

static int compare_keys(const void *a, const void *b) {
        const Named *one = a, *other = b;
        int r = memcmp(one->key.data, other->key.data, MIN(one->key.length, other->key.length));

        return r ?: (one->key.length > other->key.length) - (one->key.length < other->key.length);
}

/* Complains when two names make one key; sorts. */
static int check_keys(Arena *arena, Named *names, size_t n, const char *what, const char **ret_message) {
        qsort(names, n, sizeof *names, compare_keys);
        for (size_t i = 1; i < n; i++)
                if (text_equal(names[i - 1].key, names[i].key)) {
                        *ret_message = arena_printf(arena, "the %s \"%.*s\" and \"%.*s\" have the same key in YAML: rename one of them",
                                                    what, (int) names[i - 1].name.length, names[i - 1].name.data,
                                                    (int) names[i].name.length, names[i].name.data);
                        return -EEXIST;
                }
        return 0;
}

static Named *job_names(Arena *arena, const Draft *draft) {
        Named *names = arena_new(arena, Named, draft->n_jobs + 1);

        for (size_t i = 0; i < draft->n_jobs; i++)
                names[i] = (Named) { hyphenate(arena, draft->jobs[i].name), draft->jobs[i].name, i };
        return names;
}

static Text job_key(Arena *arena, const Draft *draft, const Uuid *id) {
        const DraftJob *job = draft_find_job(draft, id);

        return job ? hyphenate(arena, job->name) : TEXT_NULL;
}

/* The n-th of its name: "webhook", "webhook-2". */
static void unique_key(Yaml *y, Text name, size_t n_before) {
        word(y, n_before == 0 ? name
                              : text_of(arena_printf(y->arena, "%.*s-%zu", (int) name.length, name.data, n_before + 1)));
}

/* -- workflows -------------------------------------------------------------------------------------- */

static Text credential_key(Arena *arena, const DocumentCredential *credential) {
        return hyphenate(arena, text_of(arena_printf(arena, "%.*s %.*s", (int) credential->owner.length,
                                                     credential->owner.data, (int) credential->name.length,
                                                     credential->name.data)));
}

static const DocumentCredential *find_credential(const ProjectDocument *document, const Uuid *id) {
        for (size_t i = 0; i < document->n_credentials; i++)
                if (uuid_equal(&document->credentials[i].id, id))
                        return &document->credentials[i];
        return NULL;
}

static void write_job(Yaml *y, const ProjectDocument *document, const DraftJob *job) {
        const DocumentCredential *credential = find_credential(document, &job->project_credential_id);

        word(y, hyphenate(y->arena, job->name));
        begin(y);
        text(y, "name", job->name);
        quoted(y, "adaptor", job->adaptor);
        if (credential)
                text(y, "credential", credential_key(y->arena, credential));
        else
                null(y, "credential");
        block(y, "body", job->body);
        end(y);
}

static void write_response_config(Yaml *y, const DraftTrigger *trigger) {
        if (!trigger->success_code && !trigger->error_code)
                return;
        key(y, "webhook_response_config");
        begin(y);
        if (trigger->success_code)
                number(y, "success_code", trigger->success_code);
        if (trigger->error_code)
                number(y, "error_code", trigger->error_code);
        end(y);
}

static void write_trigger(Yaml *y, const Draft *draft, size_t i) {
        const DraftTrigger *trigger = &draft->triggers[i];
        Text cursor = job_key(y->arena, draft, &trigger->cron_cursor_job_id);
        size_t n_before = 0;

        for (size_t j = 0; j < i; j++)
                n_before += text_equal(draft->triggers[j].type, trigger->type);
        unique_key(y, trigger->type, n_before);
        begin(y);
        text(y, "type", trigger->type);
        if (trigger->cron_expression.data)
                quoted(y, "cron_expression", trigger->cron_expression);
        if (cursor.data)
                text(y, "cron_cursor_job", cursor);
        if (trigger->webhook_reply.data)
                text(y, "webhook_reply", trigger->webhook_reply);
        write_response_config(y, trigger);
        boolean(y, "enabled", trigger->enabled);
        end(y);
}

static Text edge_key(Arena *arena, const Draft *draft, const DraftEdge *edge) {
        const DraftTrigger *trigger = draft_find_trigger(draft, &edge->source_trigger_id);
        Text from = trigger ? trigger->type : job_key(arena, draft, &edge->source_job_id),
             to = job_key(arena, draft, &edge->target_job_id);

        return text_of(arena_printf(arena, "%.*s->%.*s", (int) from.length, from.data, (int) to.length, to.data));
}

static void write_edge(Yaml *y, const Draft *draft, const Text *keys, size_t i) {
        const DraftEdge *edge = &draft->edges[i];
        const DraftTrigger *trigger = draft_find_trigger(draft, &edge->source_trigger_id);
        size_t n_before = 0;

        for (size_t j = 0; j < i; j++)
                n_before += text_equal(keys[j], keys[i]);
        unique_key(y, keys[i], n_before);
        begin(y);
        if (trigger)
                text(y, "source_trigger", trigger->type);
        else
                text(y, "source_job", job_key(y->arena, draft, &edge->source_job_id));
        text(y, "target_job", job_key(y->arena, draft, &edge->target_job_id));
        text(y, "condition_type", edge->condition_type);
        if (edge->condition_label.data)
                text(y, "condition_label", edge->condition_label);
        if (edge->condition_expression.data)
                block(y, "condition_expression", edge->condition_expression);
        boolean(y, "enabled", edge->enabled);
        end(y);
}

static void write_jobs(Yaml *y, const ProjectDocument *document, const Draft *draft) {
        if (draft->n_jobs == 0) {
                null(y, "jobs");
                return;
        }
        key(y, "jobs");
        begin(y);
        for (size_t i = 0; i < draft->n_jobs; i++)
                write_job(y, document, &draft->jobs[i]);
        end(y);
}

static void write_triggers(Yaml *y, const Draft *draft) {
        if (draft->n_triggers == 0) {
                null(y, "triggers");
                return;
        }
        key(y, "triggers");
        begin(y);
        for (size_t i = 0; i < draft->n_triggers; i++)
                write_trigger(y, draft, i);
        end(y);
}

static void write_edges(Yaml *y, const Draft *draft) {
        Text *keys = arena_new(y->arena, Text, draft->n_edges + 1);

        if (draft->n_edges == 0) {
                null(y, "edges");
                return;
        }
        for (size_t i = 0; i < draft->n_edges; i++)
                keys[i] = edge_key(y->arena, draft, &draft->edges[i]);
        key(y, "edges");
        begin(y);
        for (size_t i = 0; i < draft->n_edges; i++)
                write_edge(y, draft, keys, i);
        end(y);
}

static void write_workflow(Yaml *y, const ProjectDocument *document, const Draft *draft) {
        word(y, hyphenate(y->arena, draft->name));
        begin(y);
        text(y, "name", draft->name);
        write_jobs(y, document, draft);
        write_triggers(y, draft);
        write_edges(y, draft);
        end(y);
}

/* -- the project ------------------------------------------------------------------------------------ */

/* What a project has of everything, in the order of its keys. */
typedef struct Contents {
        Named *workflows, *credentials, *collections;
} Contents;

static int sort_contents(const ProjectDocument *document, Arena *arena, Contents *ret_contents, const char **ret_message) {
        Contents c = { arena_new(arena, Named, document->n_workflows + 1),
                       arena_new(arena, Named, document->n_credentials + 1),
                       arena_new(arena, Named, document->n_collections + 1) };
        int r;

        for (size_t i = 0; i < document->n_workflows; i++)
                c.workflows[i] = (Named) { hyphenate(arena, document->workflows[i].name), document->workflows[i].name, i };
        for (size_t i = 0; i < document->n_credentials; i++)
                c.credentials[i] = (Named) { credential_key(arena, &document->credentials[i]),
                                             document->credentials[i].name, i };
        for (size_t i = 0; i < document->n_collections; i++)
                c.collections[i] = (Named) { document->collections[i].name, document->collections[i].name, i };

        r = check_keys(arena, c.workflows, document->n_workflows, "workflows", ret_message);
        if (r == 0)
                r = check_keys(arena, c.credentials, document->n_credentials, "credentials", ret_message);
        if (r == 0)
                r = check_keys(arena, c.collections, document->n_collections, "collections", ret_message);
        for (size_t i = 0; i < document->n_workflows && r == 0; i++)
                r = check_keys(arena, job_names(arena, &document->workflows[i]), document->workflows[i].n_jobs, "jobs",
                               ret_message);
        *ret_contents = c;
        return r;
}

static void write_collections(Yaml *y, const ProjectDocument *document, const Named *sorted) {
        if (document->n_collections == 0) {
                null(y, "collections");
                return;
        }
        key(y, "collections");
        begin(y);
        for (size_t i = 0; i < document->n_collections; i++) {
                word(y, sorted[i].key);
                begin(y);
                text(y, "name", sorted[i].name);
                end(y);
        }
        end(y);
}

static void write_credentials(Yaml *y, const ProjectDocument *document, const Named *sorted) {
        if (document->n_credentials == 0) {
                null(y, "credentials");
                return;
        }
        key(y, "credentials");
        begin(y);
        for (size_t i = 0; i < document->n_credentials; i++) {
                word(y, sorted[i].key);
                begin(y);
                text(y, "name", sorted[i].name);
                text(y, "owner", document->credentials[sorted[i].index].owner);
                end(y);
        }
        end(y);
}

static void write_workflows(Yaml *y, const ProjectDocument *document, const Named *sorted) {
        if (document->n_workflows == 0) {
                null(y, "workflows");
                return;
        }
        key(y, "workflows");
        begin(y);
        for (size_t i = 0; i < document->n_workflows; i++)
                write_workflow(y, document, &document->workflows[sorted[i].index]);
        end(y);
}

static void write_project(Yaml *y, const ProjectDocument *document, const Contents *contents) {
        begin(y);
        text(y, "name", document->name);
        if (document->description.length > 0)
                block(y, "description", document->description);
        else
                null(y, "description");
        write_collections(y, document, contents->collections);
        null(y, "channels");
        write_credentials(y, document, contents->credentials);
        write_workflows(y, document, contents->workflows);
        end(y);
}

static void write_stream(Yaml *y, const ProjectDocument *document, const Contents *contents) {
        yaml_event_t event;

        emit(y, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
        emit(y, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
        write_project(y, document, contents);
        emit(y, &event, yaml_document_end_event_initialize(&event, 1));
        emit(y, &event, yaml_stream_end_event_initialize(&event));
}

int provision_write_yaml(const ProjectDocument *document, Arena *arena, Buffer *buffer, const char **ret_message) {
        Yaml y = { .arena = arena };
        Contents contents;
        int r;

        r = sort_contents(document, arena, &contents, ret_message);
        if (r < 0)
                return r;
        if (!yaml_emitter_initialize(&y.emitter))
                out_of_memory();
        yaml_emitter_set_output(&y.emitter, append, buffer);
        yaml_emitter_set_unicode(&y.emitter, 1);
        yaml_emitter_set_width(&y.emitter, -1);
        write_stream(&y, document, &contents);
        yaml_emitter_delete(&y.emitter);
        return y.failed ? -EINVAL : 0;
}
