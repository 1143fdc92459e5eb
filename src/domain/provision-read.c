/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document of provisioning, read: users, projects and what they have but for workflows
 * (provision-workflow.c).
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "domain/names.h"
#include "domain/provision-private.h"
#include "json/check.h"

#define MAX_ENTRIES 10000

void reader_complain(Reader *reader, const char *path, const char *field, const char *message) {
        const char *name =
                *field ? (*path ? arena_printf(reader->arena, "%s.%s", path, field) : field) : path;

        field_errors_add(reader->errors, name, message);
}

static bool has_field(const Field *fields, Text key) {
        for (; fields->name; fields++)
                if (json_key_is(key, fields->name))
                        return true;
        return false;
}

static void note_unknown(Reader *reader, const char *path, Text value, const Field *fields) {
        Text key, member;
        size_t cursor = 0;

        while (json_next_member(value, &cursor, &key, &member)) {
                Text name = json_unescape_key(reader->arena, key);

                if (has_field(fields, key))
                        continue;
                field_errors_add(reader->ignored,
                                 arena_printf(reader->arena, "%s%s%.*s", path, *path ? "." : "",
                                              (int) MIN(name.length, (size_t) PROVISION_NAME_MAX), name.data),
                                 "is not known and is ignored");
        }
}

bool reader_fields(Reader *reader, const char *path, Text value, const Field *fields, void *target) {
        FieldErrors errors = {};
        int r;

        r = json_read(reader->arena, value, fields, target, &errors);
        if (r == -EBADMSG)
                reader_complain(reader, path, "", "must be a mapping");
        for (size_t i = 0; i < errors.n_errors; i++)
                reader_complain(reader, path, errors.errors[i].field, errors.errors[i].message);
        if (r != -EBADMSG)
                note_unknown(reader, path, value, fields);
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

/* A map's key: a name like those that lists have. */
static void read_key(Reader *reader, const char *base, Text raw, Entry *entry) {
        Text key = text_trim(json_unescape_key(reader->arena, raw));

        entry->path = base;
        if (text_count_characters(key) > PROVISION_NAME_MAX ||
            (key.length > 0 && memchr(key.data, '\0', key.length)))
                reader_complain(reader, base, "", "has a key that is no name");
        else
                entry->path = arena_printf(reader->arena, "%s.%.*s", base, (int) key.length, key.data);
        entry->key = key.length > 0 ? key : TEXT_NULL;
}

Entry *reader_entries(Reader *reader, const char *path, const char *field, Text value, size_t *ret_n) {
        const char *base = *path ? arena_printf(reader->arena, "%s.%s", path, field) : field;
        Entry *entries;
        Text key;
        size_t cursor = 0, n;

        *ret_n = 0;
        if (!value.data || json_kind(value) == JSON_NULL)
                return NULL;
        if (json_kind(value) != JSON_ARRAY && json_kind(value) != JSON_OBJECT) {
                reader_complain(reader, path, field, "must be a list or a mapping");
                return NULL;
        }
        n = count_entries(value);
        if (n > MAX_ENTRIES) {
                reader_complain(reader, path, field, "has too many entries");
                return NULL;
        }

        entries = arena_new(reader->arena, Entry, n + 1);
        for (size_t i = 0; i < n; i++)
                if (json_kind(value) == JSON_ARRAY) {
                        json_next_element(value, &cursor, &entries[i].value);
                        entries[i].path = arena_printf(reader->arena, "%s[%zu]", base, i);
                } else {
                        json_next_member(value, &cursor, &key, &entries[i].value);
                        read_key(reader, base, key, &entries[i]);
                }
        *ret_n = n;
        return entries;
}

static int compare_texts(const void *a, const void *b) {
        const Text *one = a, *other = b;
        size_t shorter = MIN(one->length, other->length);
        int r = shorter ? memcmp(one->data, other->data, shorter) : 0;

        return r ?: (one->length > other->length) - (one->length < other->length);
}

bool reader_unique(Reader *reader, const char *path, const char *field, Text *names, size_t n) {
        if (n > 1)
                qsort(names, n, sizeof *names, compare_texts);
        for (size_t i = 1; i < n; i++)
                if (names[i].length > 0 && text_equal(names[i - 1], names[i])) {
                        reader_complain(reader, path, field,
                                        arena_printf(reader->arena, "has \"%.*s\" twice",
                                                     (int) names[i].length, names[i].data));
                        return false;
                }
        return true;
}

bool text_is_one_of(Text text, const char *const words[]) {
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
        { "first_name", FIELD_STRING, offsetof(ProvisionUser, first_name), FIELD_REQUIRED,
          PROVISION_NAME_MAX },
        { "last_name", FIELD_STRING, offsetof(ProvisionUser, last_name), FIELD_REQUIRED, PROVISION_NAME_MAX },
        { "password", FIELD_STRING, offsetof(ProvisionUser, password) },
        { "superuser", FIELD_BOOL, offsetof(ProvisionUser, superuser) },
        { "api_token", FIELD_BOOL, offsetof(ProvisionUser, api_token) },
        {}
};

static void read_users(Reader *reader, Text value, Provision *provision) {
        Text *emails;
        size_t n;
        Entry *entries = reader_entries(reader, "", "users", value, &n);

        provision->users = arena_new(reader->arena, ProvisionUser, n + 1);
        provision->n_users = n;
        emails = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                ProvisionUser *user = &provision->users[i];

                if (!reader_fields(reader, entries[i].path, entries[i].value, user_fields, user))
                        continue;
                user->email = emails[i] = lower_case(reader->arena, user->email);
                if (!text_contains(user->email, "@"))
                        reader_complain(reader, entries[i].path, "email", "is not an e-mail address");
                if (user->password.data && (user->password.length < 8 || user->password.length > 72))
                        reader_complain(reader, entries[i].path, "password", "should be 8 to 72 bytes");
        }
        reader_unique(reader, "", "users", emails, n);
}

/* -- members, credentials, collections ------------------------------------------------------------ */

static const Field member_fields[] = {
        { "email", FIELD_STRING, offsetof(ProvisionMember, email), FIELD_REQUIRED, 160 },
        { "role", FIELD_STRING, offsetof(ProvisionMember, role), FIELD_REQUIRED, 16 },
        {}
};

static void read_members(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        static const char *const roles[] = { "viewer", "editor", "admin", "owner", NULL };
        Text *emails;
        size_t n;
        Entry *entries = reader_entries(reader, path, "members", value, &n);

        project->members = arena_new(reader->arena, ProvisionMember, n + 1);
        project->n_members = n;
        emails = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                ProvisionMember *member = &project->members[i];

                if (!reader_fields(reader, entries[i].path, entries[i].value, member_fields, member))
                        continue;
                member->email = emails[i] = lower_case(reader->arena, member->email);
                if (!text_is_one_of(member->role, roles))
                        reader_complain(reader, entries[i].path, "role",
                                        "is not one of viewer, editor, admin, owner");
        }
        reader_unique(reader, path, "members", emails, n);
}

static const Field credential_fields[] = {
        { "name", FIELD_STRING, offsetof(ProvisionCredential, name), FIELD_REQUIRED, PROVISION_NAME_MAX },
        { "owner", FIELD_STRING, offsetof(ProvisionCredential, owner), FIELD_REQUIRED, 160 },
        { "schema", FIELD_STRING, offsetof(ProvisionCredential, schema), 0, 40 },
        { "external_id", FIELD_STRING, offsetof(ProvisionCredential, external_id), 0, PROVISION_NAME_MAX },
        { "body", FIELD_OBJECT, offsetof(ProvisionCredential, body), FIELD_REQUIRED },
        {}
};

static void read_credentials(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        Text *names;
        size_t n;
        Entry *entries = reader_entries(reader, path, "credentials", value, &n);

        project->credentials = arena_new(reader->arena, ProvisionCredential, n + 1);
        project->n_credentials = n;
        names = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                ProvisionCredential *credential = &project->credentials[i];

                if (!reader_fields(reader, entries[i].path, entries[i].value, credential_fields, credential))
                        continue;
                credential->owner = lower_case(reader->arena, credential->owner);
                names[i] = credential->name;
        }
        /* Jobs name them without their owner. */
        reader_unique(reader, path, "credentials", names, n);
}

static void read_collections(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        Text *names;
        size_t n;
        Entry *entries = reader_entries(reader, path, "collections", value, &n);

        project->collections = arena_new(reader->arena, Text, n + 1);
        project->n_collections = n;
        names = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                if (json_unescape(reader->arena, entries[i].value, &names[i]) < 0 ||
                    !name_is_collection(names[i]))
                        reader_complain(reader, entries[i].path, "",
                                        "must be a name of a-z, 0-9 and single - _ . between them");
                project->collections[i] = names[i];
        }
        reader_unique(reader, path, "collections", names, n);
}

/* -- projects --------------------------------------------------------------------------------------- */

typedef struct ProjectFields {
        Text name, description, retention_policy, members, credentials, workflows, collections;
        int64_t concurrency;
} ProjectFields;

static const Field project_fields[] = {
        { "name", FIELD_STRING, offsetof(ProjectFields, name), FIELD_REQUIRED, PROVISION_NAME_MAX },
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

        if (!name_is_project(project->name))
                reader_complain(reader, path, "name", "may hold only a-z, 0-9 and -");
        if (!text_is_one_of(project->retention_policy, policies))
                reader_complain(reader, path, "retention_policy",
                                "is not one of retain_all, retain_with_errors, erase_all");
        if (project->concurrency < 0)
                reader_complain(reader, path, "concurrency", "must be at least 1");
}

static bool has_credential(const ProvisionProject *project, Text name) {
        for (size_t i = 0; i < project->n_credentials; i++)
                if (text_equal(project->credentials[i].name, name))
                        return true;
        return false;
}

static void check_job_credentials(Reader *reader, const char *path, const ProvisionProject *project) {
        for (size_t w = 0; w < project->n_workflows; w++)
                for (size_t j = 0; j < project->workflows[w].n_jobs; j++) {
                        Text name = project->workflows[w].jobs[j].credential;

                        if (name.data && !has_credential(project, name))
                                reader_complain(reader, path, "workflows",
                                                "a job names a credential that the project does not have");
                }
}

static void read_workflows(Reader *reader, const char *path, Text value, ProvisionProject *project) {
        Text *names;
        size_t n;
        Entry *entries = reader_entries(reader, path, "workflows", value, &n);

        project->workflows = arena_new(reader->arena, Draft, n + 1);
        project->n_workflows = n;
        names = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                provision_read_workflow(reader, &entries[i], &project->workflows[i]);
                names[i] = project->workflows[i].name;
        }
        reader_unique(reader, path, "workflows", names, n);
}

/* A path is the project's: two triggers cannot share it. */
static void check_paths(Reader *reader, const char *path, const ProvisionProject *project) {
        size_t n = 0, room = 1;
        Text *paths;

        for (size_t w = 0; w < project->n_workflows; w++)
                room += project->workflows[w].n_triggers;
        paths = arena_new(reader->arena, Text, room);
        for (size_t w = 0; w < project->n_workflows; w++)
                for (size_t t = 0; t < project->workflows[w].n_triggers; t++)
                        paths[n++] = project->workflows[w].triggers[t].custom_path;
        reader_unique(reader, path, "workflows", paths, n);
}

static void read_project(Reader *reader, const Entry *entry, ProvisionProject *project) {
        ProjectFields fields = { .retention_policy = TEXT("retain_all") };

        if (!reader_fields(reader, entry->path, entry->value, project_fields, &fields))
                return;
        project->name = fields.name;
        project->description = fields.description;
        project->retention_policy = fields.retention_policy;
        project->concurrency = fields.concurrency;
        check_project(reader, entry->path, project);

        read_members(reader, entry->path, fields.members, project);
        read_credentials(reader, entry->path, fields.credentials, project);
        read_collections(reader, entry->path, fields.collections, project);

        read_workflows(reader, entry->path, fields.workflows, project);
        check_paths(reader, entry->path, project);
        check_job_credentials(reader, entry->path, project);
}

typedef struct TopFields {
        Text users, projects;
} TopFields;

static const Field top_fields[] = { { "users", FIELD_RAW, offsetof(TopFields, users) },
                                    { "projects", FIELD_RAW, offsetof(TopFields, projects) },
                                    {} };

static void read_projects(Reader *reader, Text value, Provision *provision) {
        Text *names;
        size_t n;
        Entry *entries = reader_entries(reader, "", "projects", value, &n);

        provision->projects = arena_new(reader->arena, ProvisionProject, n + 1);
        provision->n_projects = n;
        names = arena_new(reader->arena, Text, n + 1);
        for (size_t i = 0; i < n; i++) {
                read_project(reader, &entries[i], &provision->projects[i]);
                names[i] = provision->projects[i].name;
        }
        reader_unique(reader, "", "projects", names, n);
}

int provision_read(Arena *arena, Text document, Provision *ret_provision, FieldErrors *errors) {
        Provision provision = {};
        Reader reader = { arena, errors, &provision.ignored };
        TopFields fields = {};

        if (!reader_fields(&reader, "", document, top_fields, &fields))
                return -EINVAL;

        read_users(&reader, fields.users, &provision);
        read_projects(&reader, fields.projects, &provision);
        if (errors->n_errors > 0)
                return -EINVAL;
        *ret_provision = provision;
        return 0;
}
