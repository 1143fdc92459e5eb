/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl kickstart: fills an instance from a declarative file, and prints a manifest of what there is now.
 * A second time with the same file changes nothing and prints the same manifest, tokens included.
 *
 * Read and check the file; then users, one transaction; then each project, one transaction each.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "basic/clock.h"
#include "crypto/password.h"
#include "ctl/ctl.h"
#include "ctl/sql.h"
#include "ctl/yaml-json.h"
#include "domain/provision.h"
#include "domain/sql.h"
#include "domain/token.h"
#include "json/check.h"

#define MAX_FILE (16 * 1024 * 1024)

typedef struct Kickstart {
        Ctl *ctl;
        Provision provision;
        Vault *vault;
        RunKey *key;
        Text *tokens;                   /* one per user of the file; TEXT_NULL: none asked for */
} Kickstart;

/* -- reading ------------------------------------------------------------------------------------- */

static int read_document(Kickstart *k, const char *path, Buffer *json) {
        _cleanup_(buffer_deinit) Buffer content = BUFFER_NULL, message = BUFFER_NULL;
        FieldErrors errors = {};
        JsonKind kind;
        int r;

        r = ctl_read_file(path, MAX_FILE, &content);
        if (r < 0)
                return ctl_fail(r == -EFBIG ? EXIT_DATA : EXIT_NOT_FOUND, "%s: %s", path, strerror(-r));
        r = yaml_to_json(buffer_text(&content), json, &message);
        if (r < 0)
                return ctl_fail(EXIT_DATA, "%s: %s", path, buffer_string(&message));
        if (json_check(buffer_text(json), &kind, NULL) < 0)
                return ctl_fail(EXIT_DATA, "%s: holds text that is not UTF-8", path);

        r = provision_read(&k->ctl->arena, buffer_text(json), &k->provision, &errors);
        for (size_t i = 0; i < errors.n_errors; i++)
                ctl_fail(EXIT_DATA, "%s: %s %s", path, errors.errors[i].field, errors.errors[i].message);
        for (size_t i = 0; i < k->provision.ignored.n_errors; i++)
                ctl_fail(EXIT_OK, "%s: %s %s", path, k->provision.ignored.errors[i].field,
                         k->provision.ignored.errors[i].message);
        return r < 0 ? EXIT_DATA : EXIT_OK;
}

static int open_keys(Kickstart *k) {
        const Settings *settings = k->ctl->settings;

        if (vault_new(secret_text(settings->primary_key), secret_text(settings->primary_key_old), &k->vault) < 0)
                return ctl_fail(EXIT_CONFIG, "PRIMARY_ENCRYPTION_KEY, or one before it, is not the base64 of 32 bytes");
        if (run_key_new(secret_text(settings->run_token_key), &k->key) < 0)
                return ctl_fail(EXIT_CONFIG, "WORKER_RUNS_PRIVATE_KEY is no RSA key");
        return EXIT_OK;
}

/* -- users ---------------------------------------------------------------------------------------- */

/* The hash to store: none when the user's password already is the declared one. */
static int hash_password(Kickstart *k, const ProvisionUser *user, const char *present, Text *ret_hash) {
        char hash[PASSWORD_HASH_SIZE];

        *ret_hash = TEXT_NULL;
        if (!user->password.data || (present && password_matches(user->password, present)))
                return EXIT_OK;
        if (password_hash(user->password, hash) < 0)
                return ctl_fail(EXIT_FAILED, "not enough memory to hash a password");
        *ret_hash = arena_text(&k->ctl->arena, text_of(hash));
        return EXIT_OK;
}

static int store_user(Kickstart *k, ProvisionUser *user) {
        Ctl *ctl = k->ctl;
        Batch *batch = batch_new(&ctl->arena, 0);
        BatchResult result;
        const char *present = NULL;
        Text hash;
        int r;

        r = ctl_query(ctl, &result, &SQL_PROVISION_USER_FIND, P_TEXT(user->email));
        if (r != EXIT_OK)
                return r;
        if (rows_count(result.rows[0]) > 0) {
                user->id = rows_uuid(result.rows[0], 0, 0);
                if (!rows_is_null(result.rows[0], 0, 1))
                        present = arena_text_string(&ctl->arena, rows_text(result.rows[0], 0, 1));
        } else
                user->id = uuid_new();
        batch_result_deinit(&result);

        r = hash_password(k, user, present, &hash);
        if (r != EXIT_OK)
                return r;
        provision_user_store(batch, user, hash);
        conn_run(ctl->conn, batch, &result);
        r = ctl_report(ctl, &result);
        batch_result_deinit(&result);
        return r;
}

static int store_token(Kickstart *k, const Token *token, Text jwt) {
        Batch *batch = batch_new(&k->ctl->arena, 0);
        BatchResult result;
        int r;

        token_insert(batch, token, jwt);
        conn_run(k->ctl->conn, batch, &result);
        r = ctl_report(k->ctl, &result);
        batch_result_deinit(&result);
        return r;
}

/* The user's first token that the present key makes; the key may have been changed since. */
static int find_token(Kickstart *k, const Rows *rows, const ProvisionUser *user, Text *ret_jwt) {
        for (size_t i = 0; i < rows_count(rows); i++) {
                Token token = { .id = rows_uuid(rows, i, 0),
                                .user_id = user->id,
                                .made_usec = rows_time(rows, i, 1) };
                uint8_t digest[DIGEST_SIZE];
                int r;

                r = token_sign(k->key, &token, &k->ctl->arena, ret_jwt);
                if (r < 0)
                        return r;
                digest_sha256(*ret_jwt, digest);
                if (text_equal(rows_text(rows, i, 2), text_make(digest, sizeof digest)))
                        return 0;
        }
        return -ENOENT;
}

/* A token printed again from its row, or a new one. */
static int find_or_make_token(Kickstart *k, const ProvisionUser *user, Text *ret_jwt) {
        Token token = { .id = uuid_new(), .user_id = user->id, .made_usec = clock_now_usec() };
        BatchResult result;
        int r;

        r = ctl_query(k->ctl, &result, &SQL_TOKEN_OF_USER, P_UUID(&user->id));
        if (r != EXIT_OK)
                return r;
        r = find_token(k, result.rows[0], user, ret_jwt);
        batch_result_deinit(&result);
        if (r == 0)
                return EXIT_OK;

        if (r != -ENOENT || token_sign(k->key, &token, &k->ctl->arena, ret_jwt) < 0)
                return ctl_fail(EXIT_FAILED, "a token could not be signed");
        return store_token(k, &token, *ret_jwt);
}

static int store_users(Kickstart *k) {
        int r;

        k->tokens = arena_new(&k->ctl->arena, Text, k->provision.n_users + 1);
        for (size_t i = 0; i < k->provision.n_users; i++) {
                r = store_user(k, &k->provision.users[i]);
                if (r == EXIT_OK && k->provision.users[i].api_token)
                        r = find_or_make_token(k, &k->provision.users[i], &k->tokens[i]);
                if (r != EXIT_OK)
                        return r;
        }
        return EXIT_OK;
}

/* -- projects -------------------------------------------------------------------------------------- */

static int find_user(Kickstart *k, Text email, Uuid *ret_id) {
        BatchResult result;
        int r;

        for (size_t i = 0; i < k->provision.n_users; i++)
                if (text_equal(k->provision.users[i].email, email)) {
                        *ret_id = k->provision.users[i].id;
                        return EXIT_OK;
                }

        r = ctl_query(k->ctl, &result, &SQL_PROVISION_USER_FIND, P_TEXT(email));
        if (r != EXIT_OK)
                return r;
        if (rows_count(result.rows[0]) == 0)
                r = ctl_fail(EXIT_DATA, "no user has the e-mail address \"%.*s\"", (int) email.length,
                             email.data);
        else
                *ret_id = rows_uuid(result.rows[0], 0, 0);
        batch_result_deinit(&result);
        return r;
}

/* The id that a query finds by name, or a new one. */
static int find_or_new(Ctl *ctl, Uuid *ret_id, const Query *query, const Param *params, size_t n_params) {
        BatchResult result;
        int r;

        r = ctl_query_params(ctl, &result, query, params, n_params);
        if (r != EXIT_OK)
                return r;
        *ret_id = rows_count(result.rows[0]) > 0 ? rows_uuid(result.rows[0], 0, 0) : uuid_new();
        batch_result_deinit(&result);
        return EXIT_OK;
}

static bool same_body(const Kickstart *k, const ProvisionCredential *credential, Text sealed) {
        const VaultPlace place = { .table = "credential_bodies",
                                   .column = "body",
                                   .row = credential->body_id };
        _cleanup_(secret_freep) Secret *plain = NULL;

        return vault_open(k->vault, &place, sealed, &plain) >= 0 &&
               text_equal(secret_text(plain), credential->body);
}

/* Finds what exists of a credential; *ret_same: its secret is stored already. */
static int find_credential(Kickstart *k, const ProvisionProject *project, ProvisionCredential *credential,
                           bool *ret_same) {
        BatchResult result;
        const Rows *rows;
        int r;

        r = find_user(k, credential->owner, &credential->owner_id);
        if (r == EXIT_OK)
                r = ctl_query(k->ctl, &result, &SQL_PROVISION_CREDENTIAL_FIND, P_UUID(&credential->owner_id),
                              P_TEXT(credential->name), P_UUID(&project->id));
        if (r != EXIT_OK)
                return r;

        rows = result.rows[0];
        if (rows_count(rows) > 0) {
                credential->id = rows_uuid(rows, 0, 0);
                credential->body_id = rows_uuid(rows, 0, 1);
                credential->project_credential_id = rows_uuid(rows, 0, 3);
        }
        *ret_same = !uuid_is_null(&credential->body_id) && same_body(k, credential, rows_text(rows, 0, 2));
        batch_result_deinit(&result);

        if (uuid_is_null(&credential->id))
                credential->id = uuid_new();
        if (uuid_is_null(&credential->body_id))
                credential->body_id = uuid_new();
        if (uuid_is_null(&credential->project_credential_id))
                credential->project_credential_id = uuid_new();
        return EXIT_OK;
}

static int store_credentials(Kickstart *k, Batch *batch, ProvisionProject *project) {
        bool same;
        int r;

        for (size_t i = 0; i < project->n_credentials; i++) {
                ProvisionCredential *credential = &project->credentials[i];

                r = find_credential(k, project, credential, &same);
                if (r != EXIT_OK)
                        return r;
                provision_credential_store(batch, project, credential, same ? NULL : k->vault);
        }
        return EXIT_OK;
}

static int find_members(Kickstart *k, ProvisionProject *project) {
        int r = EXIT_OK;

        for (size_t i = 0; i < project->n_members && r == EXIT_OK; i++)
                r = find_user(k, project->members[i].email, &project->members[i].user_id);
        return r;
}

static int find_workflows(Kickstart *k, ProvisionProject *project) {
        int r = EXIT_OK;

        for (size_t i = 0; i < project->n_workflows && r == EXIT_OK; i++) {
                Draft *workflow = &project->workflows[i];

                r = find_or_new(k->ctl, &workflow->id, &SQL_PROVISION_WORKFLOW_FIND,
                                (Param[]) { P_UUID(&project->id), P_TEXT(workflow->name) }, 2);
                if (r == EXIT_OK)
                        provision_workflow_resolve(workflow);
        }
        return r;
}

static int store_project(Kickstart *k, ProvisionProject *project) {
        Batch *batch = batch_new(&k->ctl->arena, 0);
        BatchResult result;
        int r;

        r = find_or_new(k->ctl, &project->id, &SQL_PROVISION_PROJECT_FIND, (Param[]){ P_TEXT(project->name) },
                        1);
        if (r == EXIT_OK)
                r = find_members(k, project);
        if (r == EXIT_OK)
                r = find_workflows(k, project);
        if (r != EXIT_OK)
                return r;

        provision_project_store(batch, project);
        r = store_credentials(k, batch, project);
        if (r != EXIT_OK)
                return r;
        provision_workflows_prune(batch, project);
        provision_paths_release(batch, project);
        for (size_t i = 0; i < project->n_workflows; i++)
                provision_workflow_store(batch, project, &project->workflows[i]);
        provision_credentials_prune(batch, project);

        conn_run(k->ctl->conn, batch, &result);
        r = ctl_report(k->ctl, &result);
        batch_result_deinit(&result);
        return r;
}

/* -- the manifest ----------------------------------------------------------------------------------- */

static void write_workflow(JsonWriter *w, const ProvisionProject *project,
                           const Draft *workflow) {
        const DraftTrigger *trigger = workflow->n_triggers > 0 ? &workflow->triggers[0] : NULL;
        char id[UUID_STRING_SIZE], path[64];

        json_begin(w, NULL);
        json_text(w, "name", workflow->name);
        json_uuid(w, "project_id", &project->id);
        json_uuid(w, "workflow_id", &workflow->id);
        json_uuid(w, "trigger_id", trigger ? &trigger->id : NULL);
        if (trigger && text_is(trigger->type, "webhook")) {
                snprintf(path, sizeof path, "/i/%s", uuid_format(&trigger->id, id));
                json_string(w, "webhook_path", path);
        } else
                json_null(w, "webhook_path");
        json_begin_array(w, "jobs");
        for (size_t i = 0; i < workflow->n_jobs; i++) {
                json_begin(w, NULL);
                json_text(w, "name", workflow->jobs[i].name);
                json_uuid(w, "id", &workflow->jobs[i].id);
                json_end(w);
        }
        json_end_array(w);
        json_end(w);
}

static Text first_token(const Kickstart *k) {
        for (size_t i = 0; i < k->provision.n_users; i++)
                if (k->tokens[i].data)
                        return k->tokens[i];
        return TEXT_NULL;
}

static void write_manifest(const Kickstart *k, Buffer *buffer) {
        const Provision *p = &k->provision;
        JsonWriter w = JSON_WRITER(buffer);

        json_begin(&w, NULL);
        json_text(&w, "api_token", first_token(k));

        json_begin_array(&w, "users");
        for (size_t i = 0; i < p->n_users; i++) {
                json_begin(&w, NULL);
                json_text(&w, "email", p->users[i].email);
                json_text(&w, "api_token", k->tokens[i]);
                json_end(&w);
        }
        json_end_array(&w);

        json_begin_array(&w, "projects");
        for (size_t i = 0; i < p->n_projects; i++) {
                json_begin(&w, NULL);
                json_text(&w, "name", p->projects[i].name);
                json_uuid(&w, "id", &p->projects[i].id);
                json_end(&w);
        }
        json_end_array(&w);

        json_begin_array(&w, "workflows");
        for (size_t i = 0; i < p->n_projects; i++)
                for (size_t j = 0; j < p->projects[i].n_workflows; j++)
                        write_workflow(&w, &p->projects[i], &p->projects[i].workflows[j]);
        json_end_array(&w);
        json_end(&w);
}

/* The manifest holds tokens: only its owner may read the file. */
static int put_manifest(const Kickstart *k, const char *path) {
        Buffer buffer = BUFFER_NULL;
        FILE *file;
        int fd;

        write_manifest(k, &buffer);
        if (!path) {
                ctl_print_json(&buffer);
                return EXIT_OK;
        }

        buffer_append_byte(&buffer, '\n');
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        file = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (!file || fwrite(buffer.data, 1, buffer.length, file) != buffer.length || fclose(file) != 0) {
                buffer_deinit(&buffer);
                return ctl_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
        }
        buffer_deinit(&buffer);
        return EXIT_OK;
}

/* Two at the same time would both find that a project is missing: one waits for the other. Its session ends
 * with us. */
static int take_turn(Kickstart *k) {
        BatchResult result;
        int r;

        r = ctl_query_params(k->ctl, &result, &SQL_CTL_KICKSTART_LOCK, NULL, 0);
        if (r == EXIT_OK)
                batch_result_deinit(&result);
        return r;
}

static int apply(Kickstart *k, const char *path, const char *manifest) {
        _cleanup_(buffer_deinit) Buffer json = BUFFER_NULL;
        int r;

        r = read_document(k, path, &json);
        if (r == EXIT_OK)
                r = open_keys(k);
        if (r == EXIT_OK)
                r = take_turn(k);
        if (r == EXIT_OK)
                r = store_users(k);
        for (size_t i = 0; i < k->provision.n_projects && r == EXIT_OK; i++)
                r = store_project(k, &k->provision.projects[i]);
        if (r == EXIT_OK)
                r = put_manifest(k, manifest);
        return r;
}

int verb_kickstart(Ctl *ctl, int argc, char *argv[]) {
        Kickstart k = { .ctl = ctl };
        const char *path = NULL, *manifest = NULL;
        int r;

        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--manifest") == 0 && i + 1 < argc)
                        manifest = argv[++i];
                else if (!path && (argv[i][0] != '-' || strcmp(argv[i], "-") == 0))
                        path = argv[i];
                else
                        return EXIT_USAGE;
        if (!path)
                return EXIT_USAGE;

        r = apply(&k, path, manifest);
        vault_free(k.vault);
        run_key_free(k.key);
        return r;
}
