/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credentials in the REST API. A body is sealed in the very stage that reads it, out of an arena that is wiped; what is
 * kept of the request until it is stored is ciphertext.
 */

#include "domain/project.h"
#include "domain/scrub.h"
#include "json/check.h"
#include "serve/session.h"
#include "web/credentials.h"
#include "web/json-api.h"
#include "web/page.h"
#include "web/secret-body.h"
#include "web/web.h"

static CredentialCall *credential_of(Call *call) {
        return container_of(call, CredentialCall, call);
}

static int read_user(Call *call) {
        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        credential_of(call)->user_id = call->principal->user_id;
        return page_check_query(call);
}

/* What is no id is no credential. */
static int read_id(Call *call) {
        int r = read_user(call);

        if (r < 0)
                return r;
        return uuid_parse(call_path_value(call, 0), &credential_of(call)->id) < 0 ? -ENOENT : CALL_NEXT;
}

/* -- replying -------------------------------------------------------------------------------------------- */

static void write_credential(JsonWriter *w, const char *key, const Rows *rows, size_t i) {
        Uuid id = rows_uuid(rows, i, rows_column(rows, "id")), user_id = rows_uuid(rows, i, rows_column(rows, "user_id"));

        json_begin(w, key);
        json_uuid(w, "id", &id);
        json_text(w, "name", rows_text(rows, i, rows_column(rows, "name")));
        json_text(w, "schema", rows_text(rows, i, rows_column(rows, "schema")));
        json_text(w, "external_id", rows_text(rows, i, rows_column(rows, "external_id")));
        json_uuid(w, "user_id", &user_id);
        json_raw(w, "project_credentials", rows_text(rows, i, rows_column(rows, "project_credentials")));
        json_raw(w, "projects", rows_text(rows, i, rows_column(rows, "projects")));
        json_time_sec(w, "inserted_at", rows_time(rows, i, rows_column(rows, "inserted_at")));
        json_time_sec(w, "updated_at", rows_time(rows, i, rows_column(rows, "updated_at")));
        json_end(w);
}

static void write_no_errors(JsonWriter *w) {
        json_begin(w, "errors");
        json_end(w);
}

static int reply_one(Call *call, unsigned status) {
        const Rows *rows = call->result.rows[credential_of(call)->found];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (rows_count(rows) == 0)
                return -ENOENT;
        json_begin(&w, NULL);
        write_credential(&w, "credential", rows, 0);
        write_no_errors(&w);
        json_end(&w);
        return reply_json(call, status, &body);
}

/* -- lists ------------------------------------------------------------------------------------------------- */

static int read_project(Call *call) {
        CredentialCall *asked = credential_of(call);
        Text id = call_path_value(call, 0).data ? call_path_value(call, 0) : call_query(call, "project_id");
        int r = read_user(call);

        if (r < 0)
                return r;
        return id.data && uuid_parse(id, &asked->project_id) < 0 ? -ENOENT : CALL_NEXT;
}

static int ask_list(Call *call) {
        CredentialCall *asked = credential_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        if (uuid_is_null(&asked->project_id)) {
                asked->found = credential_list_own(batch, &asked->user_id);
                return db_commit(call, batch);
        }
        project_access(batch, &asked->user_id, &asked->project_id);
        asked->found = credential_list_of_project(batch, &asked->user_id, &asked->project_id);
        return db_commit(call, batch);
}

static int check_project(Call *call) {
        int access;

        if (uuid_is_null(&credential_of(call)->project_id))
                return CALL_NEXT;
        access = access_read(call->result.rows[0]);
        return access == 0 ? CALL_NEXT : access == ACCESS_E_UNKNOWN ? -ENOENT : -EACCES;
}

static int reply_list(Call *call) {
        const Rows *rows = call->result.rows[credential_of(call)->found];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin_array(&w, "credentials");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_credential(&w, NULL, rows, i);
        json_end_array(&w);
        write_no_errors(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* -- one ----------------------------------------------------------------------------------------------------- */

static int ask_one(Call *call) {
        CredentialCall *asked = credential_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        credential_find_owner(batch, &asked->user_id, &asked->id);
        asked->found = credential_get_own(batch, &asked->user_id, &asked->id);
        return db_commit(call, batch);
}

static bool says(Call *call, const char *column) {
        return rows_bool(call->result.rows[0], 0, rows_column(call->result.rows[0], column));
}

static int check_owner(Call *call) {
        if (!says(call, "known"))
                return -ENOENT;
        return says(call, "mine") ? CALL_NEXT : -EACCES;
}

static int reply_found(Call *call) {
        return reply_one(call, 200);
}

static int delete_it(Call *call) {
        CredentialCall *asked = credential_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        credential_delete(batch, &asked->user_id, &asked->id);
        return db_commit(call, batch);
}

static int reply_gone(Call *call) {
        return call_reply(call, 204, TEXT_NULL);
}

/* -- reading what is to be stored ------------------------------------------------------------------------------ */

typedef struct CredentialFields {
        Text id, name, schema, external_id, owner, body, bodies, links, production;
} CredentialFields;

static const Field fields_of_credential[] = {
        { "id", FIELD_RAW, offsetof(CredentialFields, id) },
        { "name", FIELD_STRING, offsetof(CredentialFields, name), FIELD_REQUIRED, 255 },
        { "schema", FIELD_STRING, offsetof(CredentialFields, schema), 0, 40 },
        { "external_id", FIELD_STRING, offsetof(CredentialFields, external_id), 0, 255 },
        { "owner", FIELD_STRING, offsetof(CredentialFields, owner), 0, 160 },
        { "body", FIELD_OBJECT, offsetof(CredentialFields, body) },
        { "credential_bodies", FIELD_ARRAY, offsetof(CredentialFields, bodies) },
        { "project_credentials", FIELD_ARRAY, offsetof(CredentialFields, links) },
        { "production", FIELD_RAW, offsetof(CredentialFields, production) },
        {}
};

static const Field body_fields[] = {
        { "name", FIELD_STRING, offsetof(CredentialFields, name), FIELD_REQUIRED, 32 },
        { "body", FIELD_OBJECT, offsetof(CredentialFields, body), FIELD_REQUIRED },
        {}
};

static bool is_environment(Text name) {
        for (size_t i = 0; i < name.length; i++) {
                char c = name.data[i];
                bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                if (!word && !(i > 0 && (c == '_' || c == '-')))
                        return false;
        }
        return name.length > 0 && name.length <= 32;
}

/* NULL, or what is wrong with it. */
static const char *add_body(NewCredential *new, Arena *arena, Text environment, Text body) {
        Text *values;

        if (new->n_bodies == CREDENTIAL_MAX_BODIES)
                return "should have at most 20 item(s)";
        if (!is_environment(environment))
                return "has an environment whose name is not of a-z, 0-9, - and _";
        for (size_t i = 0; i < new->n_bodies; i++)
                if (text_equal(new->bodies[i].environment, environment))
                        return "has an environment twice";
        if (sensitive_values(arena, body, &values) > CREDENTIAL_MAX_SECRETS)
                return "has more than 50 sensitive values";
        new->bodies[new->n_bodies].environment = environment;
        new->bodies[new->n_bodies++].body = body;
        return NULL;
}

static const char *add_bodies(NewCredential *new, Arena *arena, Text list) {
        const char *wrong = NULL;
        size_t cursor = 0;
        Text element;

        while (!wrong && json_next_element(list, &cursor, &element)) {
                CredentialFields fields = {};
                FieldErrors errors = {};

                wrong = json_read(arena, element, body_fields, &fields, &errors) < 0
                                ? "must be objects with a name and a body"
                                : add_body(new, arena, fields.name, fields.body);
        }
        return wrong;
}

static void read_bodies(CredentialCall *asked, Arena *arena, const CredentialFields *fields, bool one_main) {
        NewCredential *new = asked->new;
        Call *call = &asked->call;
        const char *wrong;

        if (fields->bodies.data) {
                wrong = add_bodies(new, arena, fields->bodies);
                if (!wrong && one_main && (new->n_bodies != 1 || !text_is(new->bodies[0].environment, "main")))
                        wrong = "must be one body named main, holding an object";
                if (wrong)
                        call_invalid(call, "credential_bodies", wrong);
        } else if (fields->body.data && !one_main) {
                wrong = add_body(new, arena, TEXT("main"), fields->body);
                if (wrong)
                        call_invalid(call, "body", wrong);
        } else
                call_invalid(call, one_main ? "credential_bodies" : "body", "This field can't be blank.");
}

static void read_links(CredentialCall *asked, Text list) {
        NewCredential *new = asked->new;
        Call *call = &asked->call;
        size_t cursor = 0;
        Text element, raw, text;

        new->project_ids = arena_new(&call->arena, Uuid, CREDENTIAL_MAX_LINKS);
        while (json_next_element(list, &cursor, &element)) {
                if (new->n_project_ids == CREDENTIAL_MAX_LINKS) {
                        call_invalid(call, "project_credentials", "should have at most 100 item(s)");
                        return;
                }
                raw = json_kind(element) == JSON_OBJECT ? json_member(element, "project_id") : TEXT_NULL;
                if (!raw.data || json_unescape(&call->arena, raw, &text) < 0 ||
                    uuid_parse(text, &new->project_ids[new->n_project_ids++]) < 0) {
                        call_invalid(call, "project_credentials", "must be objects with a project_id");
                        return;
                }
        }
}

static bool is_accepted(Text key) {
        for (const Field *field = fields_of_credential; field->name; field++)
                if (json_key_is(key, field->name) && strcmp(field->name, "production") != 0 && strcmp(field->name, "body") != 0)
                        return true;
        return false;
}

static void refuse_others(Call *call, Text object) {
        size_t cursor = 0;
        Text key, value;

        while (json_next_member(object, &cursor, &key, &value))
                if (!is_accepted(key))
                        call_invalid(call, arena_text_string(&call->arena, json_unescape_key(&call->arena, key)), "is not accepted");
}

static void check_id(CredentialCall *asked, Text raw) {
        Call *call = &asked->call;
        Text text;
        Uuid id;

        if (!raw.data || json_kind(raw) == JSON_NULL)
                return;
        if (json_unescape(&call->arena, raw, &text) < 0 || uuid_parse(text, &id) < 0)
                call_invalid(call, "id", "is not a UUID");
        else if (!uuid_equal(&id, &asked->id))
                call_invalid(call, "id", "does not match the id in the path");
}

/* What is stored: texts in the call's arena, bodies sealed. */
static int seal(CredentialCall *asked, const CredentialFields *fields) {
        const Web *web = asked->call.service->state;
        Arena *arena = &asked->call.arena;
        NewCredential *new = asked->new;

        new->id = uuid_is_null(&asked->id) ? uuid_new() : asked->id;
        new->user_id = asked->user_id;
        new->name = arena_text(arena, fields->name);
        new->schema = fields->schema.data ? arena_text(arena, fields->schema) : TEXT("raw");
        new->external_id = arena_text(arena, fields->external_id);
        asked->owner = arena_text(arena, fields->owner);
        asked->id = new->id;
        asked->batch = batch_new(arena, 0);
        credential_save(asked->batch, new, asked->is_new, web->vault);
        memset(new->bodies, 0, sizeof new->bodies);
        return CALL_NEXT;
}

static int read_credential(CredentialCall *asked, Arena *arena, bool is_put) {
        Call *call = &asked->call;
        CredentialFields fields = {};
        bool is_form;
        Text object;
        int r;

        r = secret_body_read(call, arena, &object, &is_form);
        if (r >= 0 && is_form)
                r = -EBADMSG;
        if (r < 0)
                return r;
        if (secret_body_fields(call, arena, object, fields_of_credential, &fields) < 0 && call->invalid.n_errors == 0)
                return -EBADMSG;
        if (is_put) {
                refuse_others(call, object);
                check_id(asked, fields.id);
        }
        asked->new = arena_new(&call->arena, NewCredential, 1);
        if (call->invalid.n_errors == 0) {
                read_bodies(asked, arena, &fields, is_put);
                read_links(asked, fields.links);
        }
        return call->invalid.n_errors > 0 ? -EINVAL : seal(asked, &fields);
}

/* -- storing ----------------------------------------------------------------------------------------------------- */

static int read_new(Call *call) {
        CredentialCall *asked = credential_of(call);
        Arena arena = ARENA_NULL;
        int r = read_user(call);

        if (r != CALL_NEXT)
                return r;
        asked->is_new = true;
        r = read_credential(asked, &arena, false);
        arena_wipe(&arena);
        return r;
}

/* Whose the id is comes first: it decides whether something new is made. */
static int read_put(Call *call) {
        CredentialCall *asked = credential_of(call);
        Arena arena = ARENA_NULL;
        int r;

        asked->is_new = !says(call, "known");
        if (!asked->is_new && !says(call, "mine"))
                return call_reply_error(call, 409, "id_taken");
        if (!asked->is_new && says(call, "scheduled"))
                return call_reply_error(call, 409, "scheduled_for_deletion");
        r = read_credential(asked, &arena, true);
        arena_wipe(&arena);
        return r;
}

static int store(Call *call) {
        CredentialCall *asked = credential_of(call);

        asked->found = credential_get_own(asked->batch, &asked->user_id, &asked->id);
        return db_try(call, asked->batch);
}

static int refuse_taken(Call *call, const char *field, const char *message) {
        call_invalid(call, field, message);
        return -EINVAL;
}

static int check_stored(Call *call) {
        const char *constraint = call->result.constraint ?: "";

        if (call->result.error != -EEXIST)
                return call->result.error;
        if (strcmp(constraint, "credentials_user_id_external_id_key") == 0)
                return refuse_taken(call, "external_id", "has already been taken");
        if (strcmp(call->route->method, "PUT") == 0)
                return call_reply_error(call, 409, strcmp(constraint, "credentials_user_id_name_key") == 0 ? "name_taken" : "id_taken");
        return refuse_taken(call, "name", "you have another credential with the same name");
}

static int reply_stored(Call *call) {
        return reply_one(call, credential_of(call)->is_new ? 201 : 200);
}

/* -- who PUT says the owner is ------------------------------------------------------------------------------------ */

static int ask_owner(Call *call) {
        CredentialCall *asked = credential_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        project_find_users(batch, &(ProjectMember) { .email = asked->owner.data ? asked->owner : TEXT("") }, 1);
        return db_commit(call, batch);
}

static int check_owner_is_asker(Call *call) {
        CredentialCall *asked = credential_of(call);
        const Rows *rows = call->result.rows[0];

        if (!asked->owner.data)
                return CALL_NEXT;
        for (size_t i = 0; i < rows_count(rows); i++) {
                Uuid id = rows_uuid(rows, i, rows_column(rows, "id"));

                if (uuid_equal(&id, &asked->user_id))
                        return CALL_NEXT;
        }
        return refuse_taken(call, "owner", "must be the one who asks");
}

const Stage get_credentials[] = { read_project, ask_list, check_project, reply_list, NULL };
const Stage get_credential[] = { read_id, ask_one, check_owner, reply_found, NULL };
const Stage post_credential[] = { read_new, store, check_stored, reply_stored, NULL };
const Stage put_credential[] = { read_id, ask_one, read_put, ask_owner, check_owner_is_asker, store, check_stored, reply_stored, NULL };
const Stage delete_credential[] = { read_id, ask_one, check_owner, delete_it, reply_gone, NULL };
