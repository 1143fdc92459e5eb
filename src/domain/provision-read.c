/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document of provisioning, read: each level has its field table; lists and maps of the same things are read alike, a list entry
 * being keyed by its name.
 */

#include <errno.h>
#include <stddef.h>

#include "crypto/password.h"
#include "domain/cron.h"
#include "domain/provision.h"
#include "json/check.h"

#define MAX_ENTRIES 10000
#define MAX_NAME 255

typedef struct Reader {
        Arena *arena;
        FieldErrors *errors;
} Reader;

/* One entry of a list or a map: its key is the map's, or empty. */
typedef struct Entry {
        const char *path;       /* for messages: "users[0]" */
        Text key;
        Text value;             /* raw */
} Entry;

static void complain(Reader *reader, const char *path, const char *field, const char *message) {
        const char *name = *field ? (*path ? arena_printf(reader->arena, "%s.%s", path, field) : field) : path;

        field_errors_add(reader->errors, name, message);
}

/* json_read() with the path in front of each field's name. */
static bool read_fields(Reader *reader, const char *path, Text value, const Field *fields, void *target) {
        FieldErrors errors = {};
        int r;

        r = json_read(reader->arena, value, fields, target, &errors);
        if (r == -EBADMSG)
                complain(reader, path, "", "must be a mapping");
        for (size_t i = 0; i < errors.n_errors; i++)
                complain(reader, path, errors.errors[i].field, errors.errors[i].message);
        return r >= 0;
}

static size_t count_entries(Text value) {
        Text key, item;
        size_t cursor = 0, n = 0;

        if (json_kind(value) == JSON_ARRAY)
                while (json_next_element(value, &cursor, &item))
                        n++;
        else
                while (json_next_member(value, &cursor, &key, &item))
                        n++;
        return n;
}

/* All entries of a list or a map. TEXT_NULL and null have none. */
static Entry *read_entries(Reader *reader, const char *path, const char *field, Text value, size_t *ret_n) {
        const char *base = *path ? arena_printf(reader->arena, "%s.%s", path, field) : field;
        Entry *entries;
        Text key;
        size_t cursor = 0, n;

        *ret_n = 0;
        if (!value.data || json_kind(value) == JSON_NULL)
                return NULL;
        if (json_kind(value) != JSON_ARRAY && json_kind(value) != JSON_OBJECT) {
                complain(reader, path, field, "must be a list or a mapping");
                return NULL;
        }
        n = count_entries(value);
        if (n > MAX_ENTRIES) {
                complain(reader, path, field, "has too many entries");
                return NULL;
        }

        entries = arena_new(reader->arena, Entry, n + 1);
        for (size_t i = 0; i < n; i++)
                if (json_kind(value) == JSON_ARRAY) {
                        json_next_element(value, &cursor, &entries[i].value);
                        entries[i].path = arena_printf(reader->arena, "%s[%zu]", base, i);
                } else {
                        json_next_member(value, &cursor, &key, &entries[i].value);
                        entries[i].key = arena_text(reader->arena, key);
                        entries[i].path =
                                arena_printf(reader->arena, "%s.%.*s", base, (int) MIN(key.length, 100u), key.data);
                }
        *ret_n = n;
        return entries;
}

static bool one_of(Text text, const char *const words[]) {
        for (; *words; words++)
                if (text_is(text, *words))
                        return true;
        return false;
}

static Text lower_case(Arena *arena, Text text) {
        char *copy = arena_text_string(arena, text_trim(text));

        for (char *c = copy; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        *c += 'a' - 'A';
        return text_of(copy);
}

/* -- users -------------------------------------------------------------------------------------- */

static const Field user_fields[] = {
        { "email", FIELD_STRING, offsetof(ProvisionUser, email), FIELD_REQUIRED, 160 },
        { "first_name", FIELD_STRING, offsetof(ProvisionUser, first_name), FIELD_REQUIRED, MAX_NAME },
        { "last_name", FIELD_STRING, offsetof(ProvisionUser, last_name), FIELD_REQUIRED, MAX_NAME },
        { "password", FIELD_STRING, offsetof(ProvisionUser, password) },
        { "superuser", FIELD_BOOL, offsetof(ProvisionUser, superuser) },
        { "api_token", FIELD_BOOL, offsetof(ProvisionUser, api_token) },
        {}
};

static void read_users(Reader *reader, Text value, Provision *provision) {
        size_t n;
        Entry *entries = read_entries(reader, "", "users", value, &n);

        provision->users = arena_new(reader->arena, ProvisionUser, n + 1);
        provision->n_users = n;
        for (size_t i = 0; i < n; i++) {
                ProvisionUser *user = &provision->users[i];

                if (!read_fields(reader, entries[i].path, entries[i].value, user_fields, user))
                        continue;
                user->email = lower_case(reader->arena, user->email);
                if (!text_contains(user->email, "@"))
                        complain(reader, entries[i].path, "email", "is not an e-mail address");
                if (user->password.data && (user->password.length < 8 || user->password.length > 72))
                        complain(reader, entries[i].path, "password", "should be 8 to 72 bytes");
        }
}

/* -- members, credentials, collections ------------------------------------------------------------ */

static const Field member_fields[] = {
        { "email", FIELD_STRING, offsetof(ProvisionMember, email), FIELD_REQUIRED, 160 },
        { "role", FIELD_STRING, offsetof(ProvisionMember, role), FIELD_REQUIRED, 16 },
        {}
};

static void read_members(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        static const char *const roles[] = { "viewer", "editor", "admin", "owner", NULL };
        size_t n;
        Entry *entries = read_entries(reader, path, "members", value, &n);

        project->members = arena_new(reader->arena, ProvisionMember, n + 1);
        project->n_members = n;
        for (size_t i = 0; i < n; i++) {
                ProvisionMember *member = &project->members[i];

                if (!read_fields(reader, entries[i].path, entries[i].value, member_fields, member))
                        continue;
                member->email = lower_case(reader->arena, member->email);
                if (!one_of(member->role, roles))
                        complain(reader, entries[i].path, "role", "is not one of viewer, editor, admin, owner");
        }
}

static const Field credential_fields[] = {
        { "name", FIELD_STRING, offsetof(ProvisionCredential, name), FIELD_REQUIRED, MAX_NAME },
        { "owner", FIELD_STRING, offsetof(ProvisionCredential, owner), FIELD_REQUIRED, 160 },
        { "schema", FIELD_STRING, offsetof(ProvisionCredential, schema), 0, 40 },
        { "external_id", FIELD_STRING, offsetof(ProvisionCredential, external_id), 0, MAX_NAME },
        { "body", FIELD_OBJECT, offsetof(ProvisionCredential, body), FIELD_REQUIRED },
        {}
};

static void read_credentials(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        size_t n;
        Entry *entries = read_entries(reader, path, "credentials", value, &n);

        project->credentials = arena_new(reader->arena, ProvisionCredential, n + 1);
        project->n_credentials = n;
        for (size_t i = 0; i < n; i++) {
                ProvisionCredential *credential = &project->credentials[i];

                if (read_fields(reader, entries[i].path, entries[i].value, credential_fields, credential))
                        credential->owner = lower_case(reader->arena, credential->owner);
        }
}

static void read_collections(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        size_t n;
        Entry *entries = read_entries(reader, path, "collections", value, &n);

        project->collections = arena_new(reader->arena, Text, n + 1);
        project->n_collections = n;
        for (size_t i = 0; i < n; i++)
                if (json_unescape(reader->arena, entries[i].value, &project->collections[i]) < 0)
                        complain(reader, entries[i].path, "", "must be a name");
}

/* -- workflows ------------------------------------------------------------------------------------- */

static const Field trigger_fields[] = {
        { "type", FIELD_STRING, offsetof(ProvisionTrigger, type), FIELD_REQUIRED, 16 },
        { "enabled", FIELD_BOOL, offsetof(ProvisionTrigger, enabled) },
        { "comment", FIELD_STRING, offsetof(ProvisionTrigger, comment) },
        { "custom_path", FIELD_STRING, offsetof(ProvisionTrigger, custom_path), 0, 255 },
        { "cron_expression", FIELD_STRING, offsetof(ProvisionTrigger, cron_expression), 0, 255 },
        { "cron_cursor_job", FIELD_STRING, offsetof(ProvisionTrigger, cron_cursor_job), 0, MAX_NAME },
        { "webhook_reply", FIELD_STRING, offsetof(ProvisionTrigger, webhook_reply), 0, 32 },
        { "webhook_response_config", FIELD_OBJECT, offsetof(ProvisionTrigger, response_config) },
        {}
};

static const Field response_config_fields[] = {
        { "success_code", FIELD_INT, offsetof(ProvisionTrigger, success_code) },
        { "error_code", FIELD_INT, offsetof(ProvisionTrigger, error_code) },
        {}
};

static void check_webhook(Reader *reader, const char *path, ProvisionTrigger *trigger) {
        static const char *const replies[] = { "before_start", "after_completion", "custom", NULL };

        if (!trigger->webhook_reply.data)
                trigger->webhook_reply = TEXT("before_start");
        if (!one_of(trigger->webhook_reply, replies))
                complain(reader, path, "webhook_reply", "is not one of before_start, after_completion, custom");
        if (trigger->response_config.data)
                read_fields(reader, path, trigger->response_config, response_config_fields, trigger);
        if ((trigger->success_code && (trigger->success_code < 200 || trigger->success_code > 599)) ||
            (trigger->error_code && (trigger->error_code < 200 || trigger->error_code > 599)))
                complain(reader, path, "webhook_response_config", "codes must be from 200 to 599");
        trigger->cron_expression = TEXT_NULL;
}

static void check_cron(Reader *reader, const char *path, ProvisionTrigger *trigger) {
        const char *message;
        Cron cron;

        if (!trigger->cron_expression.data)
                trigger->cron_expression = TEXT("0 0 * * *");
        if (cron_parse(trigger->cron_expression, &cron, &message) < 0)
                complain(reader, path, "cron_expression", message);
        trigger->webhook_reply = trigger->custom_path = TEXT_NULL;
}

static void read_trigger(Reader *reader, const Entry *entry, ProvisionTrigger *trigger) {
        trigger->enabled = true;
        trigger->key = entry->key.data ? entry->key : TEXT("trigger");
        if (!read_fields(reader, entry->path, entry->value, trigger_fields, trigger))
                return;

        if (text_is(trigger->type, "webhook"))
                check_webhook(reader, entry->path, trigger);
        else if (text_is(trigger->type, "cron"))
                check_cron(reader, entry->path, trigger);
        else
                complain(reader, entry->path, "type", "is not one of webhook, cron");
}

static const Field job_fields[] = {
        { "name", FIELD_STRING, offsetof(ProvisionJob, name), 0, 100 },
        { "adaptor", FIELD_STRING, offsetof(ProvisionJob, adaptor), 0, 255 },
        { "body", FIELD_STRING, offsetof(ProvisionJob, body), FIELD_REQUIRED },
        { "credential", FIELD_STRING, offsetof(ProvisionJob, credential), 0, MAX_NAME },
        {}
};

static void read_job(Reader *reader, const Entry *entry, ProvisionJob *job) {
        job->key = entry->key;
        job->adaptor = TEXT("@openfn/language-common@latest");
        if (!read_fields(reader, entry->path, entry->value, job_fields, job))
                return;
        job->name = text_trim(job->name);
        if (job->name.length == 0)
                job->name = job->key;
        if (job->key.length == 0)
                job->key = job->name;
        if (job->name.length == 0)
                complain(reader, entry->path, "name", "This field can't be blank.");
        if (memchr(job->body.data, '\0', job->body.length))
                complain(reader, entry->path, "body", "must not hold a NUL character");
}

/* `from` and `condition` are the list form's short words. */
typedef struct EdgeWords {
        ProvisionEdge edge;
        Text from, to, condition;
} EdgeWords;

static const Field edge_fields[] = {
        { "source_trigger", FIELD_STRING, offsetof(EdgeWords, edge.source_trigger) },
        { "source_job", FIELD_STRING, offsetof(EdgeWords, edge.source_job) },
        { "target_job", FIELD_STRING, offsetof(EdgeWords, edge.target_job) },
        { "condition_type", FIELD_STRING, offsetof(EdgeWords, edge.condition_type), 0, 32 },
        { "condition_expression", FIELD_STRING, offsetof(EdgeWords, edge.condition_expression), 0, 255 },
        { "condition_label", FIELD_STRING, offsetof(EdgeWords, edge.condition_label), 0, 255 },
        { "enabled", FIELD_BOOL, offsetof(EdgeWords, edge.enabled) },
        { "from", FIELD_STRING, offsetof(EdgeWords, from) },
        { "to", FIELD_STRING, offsetof(EdgeWords, to) },
        { "condition", FIELD_STRING, offsetof(EdgeWords, condition) },
        {}
};

static const ProvisionTrigger *find_trigger(const ProvisionWorkflow *workflow, Text name) {
        for (size_t i = 0; i < workflow->n_triggers; i++)
                if (text_equal(workflow->triggers[i].key, name))
                        return &workflow->triggers[i];
        return workflow->n_triggers == 1 && text_is(name, "trigger") ? &workflow->triggers[0] : NULL;
}

static const ProvisionJob *find_job(const ProvisionWorkflow *workflow, Text name) {
        for (size_t i = 0; i < workflow->n_jobs; i++)
                if (text_equal(workflow->jobs[i].key, name))
                        return &workflow->jobs[i];
        for (size_t i = 0; i < workflow->n_jobs; i++)
                if (text_equal(workflow->jobs[i].name, name))
                        return &workflow->jobs[i];
        return NULL;
}

static void expand_short_words(const ProvisionWorkflow *workflow, EdgeWords *words) {
        static const char *const types[] = { "always", "on_job_success", "on_job_failure", "js_expression", NULL };
        ProvisionEdge *edge = &words->edge;

        if (words->to.data)
                edge->target_job = words->to;
        if (words->from.data && find_trigger(workflow, words->from))
                edge->source_trigger = words->from;
        else if (words->from.data)
                edge->source_job = words->from;
        if (words->condition.data && !edge->condition_type.data) {
                edge->condition_type = words->condition;
                if (!one_of(words->condition, types)) {
                        edge->condition_type = TEXT("js_expression");
                        edge->condition_expression = words->condition;
                }
        }
        if (!edge->condition_type.data)
                edge->condition_type = edge->source_trigger.data ? TEXT("always") : TEXT("on_job_success");
}

static void check_edge(Reader *reader, const char *path, const ProvisionWorkflow *workflow, const ProvisionEdge *edge) {
        static const char *const types[] = { "always", "on_job_success", "on_job_failure", "js_expression", NULL };
        const ProvisionJob *source = edge->source_job.data ? find_job(workflow, edge->source_job) : NULL;
        const ProvisionJob *target = edge->target_job.data ? find_job(workflow, edge->target_job) : NULL;

        if ((edge->source_trigger.data != NULL) == (edge->source_job.data != NULL))
                complain(reader, path, "", "needs either a source_trigger or a source_job");
        else if (edge->source_trigger.data && !find_trigger(workflow, edge->source_trigger))
                complain(reader, path, "source_trigger", "is no trigger of this workflow");
        else if (edge->source_job.data && !source)
                complain(reader, path, "source_job", "is no job of this workflow");
        if (!target)
                complain(reader, path, "target_job", "is no job of this workflow");
        else if (source == target)
                complain(reader, path, "target_job", "must differ from the source");
        if (!one_of(edge->condition_type, types))
                complain(reader, path, "condition_type", "is not one of always, on_job_success, on_job_failure, js_expression");
        if (text_is(edge->condition_type, "js_expression") && text_trim(edge->condition_expression).length == 0)
                complain(reader, path, "condition_expression", "This field can't be blank.");
        if (edge->source_trigger.data && !text_is(edge->condition_type, "always") &&
            !text_is(edge->condition_type, "js_expression"))
                complain(reader, path, "condition_type", "must be always or js_expression when the source is a trigger");
}

static void read_edge(Reader *reader, const Entry *entry, const ProvisionWorkflow *workflow, ProvisionEdge *ret_edge) {
        EdgeWords words = { .edge = { .enabled = true } };

        if (!read_fields(reader, entry->path, entry->value, edge_fields, &words))
                return;
        expand_short_words(workflow, &words);
        check_edge(reader, entry->path, workflow, &words.edge);
        if (words.edge.source_trigger.data)
                words.edge.enabled = true;
        words.edge.key = entry->key.data ? entry->key
                                         : text_of(arena_printf(reader->arena, "%.*s->%.*s",
                                                                (int) (words.edge.source_trigger.length + words.edge.source_job.length),
                                                                words.edge.source_trigger.data ? words.edge.source_trigger.data
                                                                : words.edge.source_job.data   ? words.edge.source_job.data
                                                                                               : "",
                                                                (int) words.edge.target_job.length,
                                                                words.edge.target_job.data ? words.edge.target_job.data : ""));
        *ret_edge = words.edge;
}

typedef struct WorkflowFields {
        Text name, trigger, triggers, jobs, edges;
} WorkflowFields;

static const Field workflow_fields[] = {
        { "name", FIELD_STRING, offsetof(WorkflowFields, name), FIELD_REQUIRED, MAX_NAME },
        { "trigger", FIELD_OBJECT, offsetof(WorkflowFields, trigger) },
        { "triggers", FIELD_RAW, offsetof(WorkflowFields, triggers) },
        { "jobs", FIELD_RAW, offsetof(WorkflowFields, jobs), FIELD_REQUIRED },
        { "edges", FIELD_RAW, offsetof(WorkflowFields, edges) },
        {}
};

static void check_unique_jobs(Reader *reader, const char *path, const ProvisionWorkflow *workflow) {
        for (size_t i = 0; i < workflow->n_jobs; i++)
                for (size_t j = 0; j < i; j++)
                        if (text_equal(workflow->jobs[i].name, workflow->jobs[j].name) ||
                            text_equal(workflow->jobs[i].key, workflow->jobs[j].key))
                                complain(reader, path, "jobs", "job name has already been taken");
}

static void read_workflow(Reader *reader, const Entry *entry, ProvisionWorkflow *workflow) {
        WorkflowFields fields = {};
        Entry *entries;
        size_t n;

        if (!read_fields(reader, entry->path, entry->value, workflow_fields, &fields))
                return;
        workflow->name = text_trim(fields.name);

        entries = read_entries(reader, entry->path, "triggers", fields.triggers, &n);
        if (fields.trigger.data && n == 0) {
                entries = arena_new(reader->arena, Entry, 1);
                entries[0] = (Entry) { arena_printf(reader->arena, "%s.trigger", entry->path), TEXT_NULL, fields.trigger };
                n = 1;
        }
        workflow->triggers = arena_new(reader->arena, ProvisionTrigger, n + 1);
        workflow->n_triggers = n;
        for (size_t i = 0; i < n; i++)
                read_trigger(reader, &entries[i], &workflow->triggers[i]);

        entries = read_entries(reader, entry->path, "jobs", fields.jobs, &n);
        workflow->jobs = arena_new(reader->arena, ProvisionJob, n + 1);
        workflow->n_jobs = n;
        for (size_t i = 0; i < n; i++)
                read_job(reader, &entries[i], &workflow->jobs[i]);
        check_unique_jobs(reader, entry->path, workflow);

        entries = read_entries(reader, entry->path, "edges", fields.edges, &n);
        workflow->edges = arena_new(reader->arena, ProvisionEdge, n + 1);
        workflow->n_edges = n;
        for (size_t i = 0; i < n; i++)
                read_edge(reader, &entries[i], workflow, &workflow->edges[i]);
}

/* -- projects --------------------------------------------------------------------------------------- */

typedef struct ProjectFields {
        Text name, description, retention_policy, members, credentials, workflows, collections;
        int64_t concurrency;
} ProjectFields;

static const Field project_fields[] = {
        { "name", FIELD_STRING, offsetof(ProjectFields, name), FIELD_REQUIRED, MAX_NAME },
        { "description", FIELD_STRING, offsetof(ProjectFields, description), 0, 240 },
        { "retention_policy", FIELD_STRING, offsetof(ProjectFields, retention_policy), 0, 32 },
        { "concurrency", FIELD_INT, offsetof(ProjectFields, concurrency) },
        { "members", FIELD_RAW, offsetof(ProjectFields, members) },
        { "credentials", FIELD_RAW, offsetof(ProjectFields, credentials) },
        { "workflows", FIELD_RAW, offsetof(ProjectFields, workflows) },
        { "collections", FIELD_RAW, offsetof(ProjectFields, collections) },
        {}
};

static void check_project(Reader *reader, const char *path, const ProvisionProject *project) {
        static const char *const policies[] = { "retain_all", "retain_with_errors", "erase_all", NULL };

        for (size_t i = 0; i < project->name.length; i++) {
                char c = project->name.data[i];

                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
                        complain(reader, path, "name", "may hold only a-z, 0-9 and -");
                        break;
                }
        }
        if (!one_of(project->retention_policy, policies))
                complain(reader, path, "retention_policy", "is not one of retain_all, retain_with_errors, erase_all");
        if (project->concurrency < 0)
                complain(reader, path, "concurrency", "must be at least 1");
}

static void check_job_credentials(Reader *reader, const char *path, const ProvisionProject *project) {
        for (size_t w = 0; w < project->n_workflows; w++)
                for (size_t j = 0; j < project->workflows[w].n_jobs; j++) {
                        Text name = project->workflows[w].jobs[j].credential;
                        bool found = !name.data;

                        for (size_t c = 0; c < project->n_credentials && !found; c++)
                                found = text_equal(project->credentials[c].name, name);
                        if (!found)
                                complain(reader, path, "workflows", "a job names a credential that the project does not have");
                }
}

static void read_project(Reader *reader, const Entry *entry, ProvisionProject *project) {
        ProjectFields fields = { .retention_policy = TEXT("retain_all") };
        Entry *entries;
        size_t n;

        if (!read_fields(reader, entry->path, entry->value, project_fields, &fields))
                return;
        project->name = fields.name;
        project->description = fields.description;
        project->retention_policy = fields.retention_policy;
        project->concurrency = fields.concurrency;
        check_project(reader, entry->path, project);

        read_members(reader, entry->path, fields.members, project);
        read_credentials(reader, entry->path, fields.credentials, project);
        read_collections(reader, entry->path, fields.collections, project);

        entries = read_entries(reader, entry->path, "workflows", fields.workflows, &n);
        project->workflows = arena_new(reader->arena, ProvisionWorkflow, n + 1);
        project->n_workflows = n;
        for (size_t i = 0; i < n; i++)
                read_workflow(reader, &entries[i], &project->workflows[i]);
        check_job_credentials(reader, entry->path, project);
}

typedef struct TopFields {
        Text users, projects;
} TopFields;

static const Field top_fields[] = {
        { "users", FIELD_RAW, offsetof(TopFields, users) },
        { "projects", FIELD_RAW, offsetof(TopFields, projects) },
        {}
};

int provision_read(Arena *arena, Text document, Provision *ret_provision, FieldErrors *errors) {
        Reader reader = { arena, errors };
        Provision provision = {};
        TopFields fields = {};
        Entry *entries;
        size_t n;

        if (!read_fields(&reader, "", document, top_fields, &fields))
                return -EINVAL;

        read_users(&reader, fields.users, &provision);
        entries = read_entries(&reader, "", "projects", fields.projects, &n);
        provision.projects = arena_new(arena, ProvisionProject, n + 1);
        provision.n_projects = n;
        for (size_t i = 0; i < n; i++)
                read_project(&reader, &entries[i], &provision.projects[i]);

        if (errors->n_errors > 0)
                return -EINVAL;
        *ret_provision = provision;
        return 0;
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

void provision_workflow_resolve(ProvisionWorkflow *workflow) {
        for (size_t i = 0; i < workflow->n_jobs; i++)
                workflow->jobs[i].id = derive_id(&workflow->id, "job", workflow->jobs[i].key);

        for (size_t i = 0; i < workflow->n_triggers; i++) {
                ProvisionTrigger *trigger = &workflow->triggers[i];
                const ProvisionJob *cursor = find_job(workflow, trigger->cron_cursor_job);

                trigger->id = derive_id(&workflow->id, "trigger", trigger->key);
                if (cursor)
                        trigger->cron_cursor_job_id = cursor->id;
        }

        for (size_t i = 0; i < workflow->n_edges; i++) {
                ProvisionEdge *edge = &workflow->edges[i];

                edge->id = derive_id(&workflow->id, "edge", edge->key);
                if (edge->source_trigger.data)
                        edge->source_trigger_id = find_trigger(workflow, edge->source_trigger)->id;
                else
                        edge->source_job_id = find_job(workflow, edge->source_job)->id;
                edge->target_job_id = find_job(workflow, edge->target_job)->id;
        }
}
