/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings: which environments, files and credentials a program starts with, and what is said about those
 * it does not. Each case runs in a child of its own, because loading takes the secrets out of the
 * environment.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/buffer.h"
#include "check.h"
#include "crypto/jwt.h"
#include "crypto/secret.h"
#include "log/log.h"
#include "settings/table.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SESSION "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789"

static char directory[] = "/tmp/test-settings-XXXXXX";

/* -- one case -------------------------------------------------------------------------------------- */

typedef struct Case {
        const char *environment[12];    /* "NAME=value" */
        const char *file;               /* fulgur.env; NULL: none */
        const char *credentials[12];     /* name, content, … */
        unsigned needs;
        bool with_file;                 /* as fulgurctl loads */
} Case;

typedef struct Outcome {
        int status;
        char *said;                     /* stderr */
        char *printed;                  /* settings_print() */
} Outcome;

static char *path_of(const char *name) {
        static char path[256];

        snprintf(path, sizeof path, "%s/%s", directory, name);
        return path;
}

static void write_file(const char *name, const char *content) {
        FILE *file = fopen(path_of(name), "we");

        CHECK(file);
        CHECK(fputs(content, file) >= 0);
        CHECK(fclose(file) == 0);
}

static char *read_file(const char *name) {
        Buffer buffer = BUFFER_NULL;
        char chunk[4096];
        FILE *file = fopen(path_of(name), "re");
        size_t n;

        CHECK(file);
        while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
                buffer_append(&buffer, chunk, n);
        fclose(file);
        return buffer_string(&buffer);
}

static int load(const Case *c, Settings **ret_settings) {
        return c->with_file ? settings_load_with_file(NULL, c->needs, NULL, ret_settings) :
                              settings_load(c->needs, ret_settings);
}

static void in_child(const Case *c, void (*then)(Settings *settings)) {
        Settings *settings = NULL;
        int r;

        clearenv();
        setenv("FULGUR_ENV_FILE", path_of("fulgur.env"), 1);
        if (c->credentials[0])
                setenv("CREDENTIALS_DIRECTORY", directory, 1);
        for (size_t i = 0; i < ELEMENTSOF(c->environment) && c->environment[i]; i++) {
                char *name = xstrdup(c->environment[i]), *equals = strchr(name, '=');

                *equals = '\0';
                setenv(name, equals + 1, 1);
                free(name);
        }

        CHECK(freopen(path_of("stderr"), "we", stderr));
        r = load(c, &settings);
        CHECK(freopen(path_of("stdout"), "we", stdout));
        if (r >= 0 && then)
                then(settings);
        if (r >= 0)
                settings_print(settings, stdout, false);
        settings = settings_free(settings);
        exit(r < 0 ? 1 : 0);
}

static Outcome run(const Case *c, void (*then)(Settings *settings)) {
        Outcome outcome;
        int status;
        pid_t pid;

        if (c->file)
                write_file("fulgur.env", c->file);
        for (size_t i = 0; i < ELEMENTSOF(c->credentials) && c->credentials[i]; i += 2)
                write_file(c->credentials[i], c->credentials[i + 1]);
        write_file("stderr", "");
        write_file("stdout", "");

        fflush(NULL);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
                in_child(c, then);

        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status));
        outcome = (Outcome) { WEXITSTATUS(status), read_file("stderr"), read_file("stdout") };

        (void) unlink(path_of("fulgur.env"));
        for (size_t i = 0; i < ELEMENTSOF(c->credentials) && c->credentials[i]; i += 2)
                (void) unlink(path_of(c->credentials[i]));
        return outcome;
}

static void outcome_free(Outcome *outcome) {
        free(outcome->said);
        free(outcome->printed);
}

static void check_contains(const char *text, const char *part) {
        if (!strstr(text, part))
                fprintf(stderr, "\"%s\" is missing in:\n%s\n", part, text);
        CHECK(strstr(text, part));
}

/* -- values ------------------------------------------------------------------------------------------ */

static void check_defaults(Settings *settings) {
        CHECK_STRING(settings->database_url, "postgresql:///fulgur");
        CHECK_INT(settings->database_pool_size, 10);
        CHECK_INT(settings->database_timeout_msec, 15000);
        CHECK(settings->database_prepare);
        CHECK(!settings->disable_db_ssl);
        CHECK_STRING(settings->url_scheme, "http");
        CHECK_STRING(settings->url_host, "localhost");
        CHECK_INT(settings->url_port, 4000);
        CHECK_STRING(settings->cors_origin, "*");
        CHECK(!settings->origins);
        CHECK_INT(settings->max_dataclip_size_mb, 10);
        CHECK_INT(settings->max_run_duration_seconds, 300);
        CHECK_INT(settings->run_grace_period_seconds, 10);
        CHECK_INT(settings->max_run_memory_mb, 0);
        CHECK_INT(settings->per_workflow_claim_limit, 50);
        CHECK_INT(settings->webhook_response_timeout_msec, 30000);
        CHECK(settings->webhook_retry_backoff_factor == 2.0);
        CHECK(settings->webhook_retry_jitter);
        CHECK(settings->broadcast_work_available);
        CHECK_INT(settings->worker_lease_seconds, 60);
        CHECK_INT(settings->claim_join_seconds, 30);
        CHECK_INT(settings->exit_idle_seconds, 0);
        CHECK_INT(settings->log_level, LOG_INFO);
        CHECK(!settings->production);
        CHECK(!settings->primary_key && !settings->worker_secret && !settings->run_token_key && !settings->session_key);
        CHECK(!settings_is_set(settings, "PORT"));
        CHECK_INT(settings_int(settings, "PORT"), 4000);
        CHECK(settings_bool(settings, "ALLOW_SIGNUP"));
        CHECK(!settings_text(settings, "GITHUB_APP_ID"));
        CHECK(!settings_secret(settings, "SMTP_PASSWORD"));
}

static void check_production(Settings *settings) {
        CHECK(settings->production);
        CHECK_STRING(settings->url_scheme, "https");
        CHECK_STRING(settings->url_host, "example.com");
        CHECK_INT(settings->url_port, 443);
}

static void check_given(Settings *settings) {
        CHECK_INT(settings->url_port, 4444);    /* follows PORT */
        CHECK_INT(settings->log_level, LOG_DEBUG);
        CHECK(settings->webhook_retry_backoff_factor == 1.5);
        CHECK(!settings->webhook_retry_jitter);
        CHECK(settings->disable_db_ssl);
        CHECK_STRING(settings->database_url, "ecto://u@h/d?pool_size=3");
        CHECK_STRING(settings->origins, "https://a.example,https://b.example");
        CHECK_STRING(settings_text(settings, "RTM"), "true");
        CHECK(settings_bool(settings, "RTM"));
        CHECK_INT(settings_int(settings, "PURGE_DELETED_AFTER_DAYS"), -1);
        CHECK(settings_is_set(settings, "EMAIL_ADMIN"));
        CHECK_STRING(settings_text(settings, "CLAIM_WORK_MEM"), "64mb");
}

static void test_values(void) {
        static const struct {
                Case c;
                void (*check)(Settings *settings);
        } cases[] = {
                { { {} }, check_defaults },
                /* Empty is not set. */
                { { { "PORT=", "GITHUB_CERT=", "CLAIM_WORK_MEM=", "MAIL_PROVIDER=" } }, check_defaults },
                { { { "MIX_ENV=prod" } }, check_production },
                { { { "NODE_ENV=production" } }, check_production },
                { { { "MIX_ENV=dev", "NODE_ENV=test" } }, check_defaults },
                { { { "PORT=4444", "LOG_LEVEL=debug", "WEBHOOK_RETRY_BACKOFF_FACTOR=1.5", "WEBHOOK_RETRY_JITTER=no",
                      "DISABLE_DB_SSL=YES", "DATABASE_URL=ecto://u@h/d?pool_size=3", "RTM=1",
                      "ORIGINS=https://a.example,https://b.example", "PURGE_DELETED_AFTER_DAYS=-1",
                      "EMAIL_ADMIN=a@b.example", "CLAIM_WORK_MEM=64mb" } },
                  check_given },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(outcome_free) Outcome outcome = run(&cases[i].c, cases[i].check);

                if (outcome.status != 0)
                        fprintf(stderr, "case %zu: %s", i, outcome.said);
                CHECK_INT(outcome.status, 0);
        }
}

/* -- refusals ------------------------------------------------------------------------------------------ */

static void test_refusals(void) {
        static const struct {
                const char *variable, *message;
        } cases[] = {
                { "PORT=http",                             "PORT is not a whole number"                                  },
                { "PORT=0",                                "PORT is not between 1 and 65535"                             },
                { "PORT=65536",                            "PORT is not between 1 and 65535"                             },
                { "PORT=99999999999999999999999",          "PORT is not between 1 and 65535"                             },
                { "PORT=4000 ",                            "PORT is not a whole number"                                  },
                { "LISTEN_ADDRESS=localhost",              "LISTEN_ADDRESS is not an IPv4 or IPv6 address"                      },
                { "LISTEN_ADDRESS=1.2.3",                  "LISTEN_ADDRESS is not an IPv4 or IPv6 address"                      },
                { "LISTEN_ADDRESS=1.2.3.4.5.6.7.8.9.10",   "LISTEN_ADDRESS is not an IPv4 or IPv6 address"                      },
                { "URL_SCHEME=ftp",                        "URL_SCHEME is neither http nor https"                        },
                { "DISABLE_DB_SSL=maybe",                  "DISABLE_DB_SSL is neither true nor false"                    },
                { "LOG_LEVEL=loud",                        "LOG_LEVEL is not one of debug, info"                         },
                { "LOG_LEVEL=a-very-long-level-name",      "LOG_LEVEL is not one of debug, info"                         },
                { "DATABASE_POOL_SIZE=0",                  "DATABASE_POOL_SIZE is not between 1 and 200"                 },
                { "PER_WORKFLOW_CLAIM_LIMIT=0",            "PER_WORKFLOW_CLAIM_LIMIT is not between 1 and"               },
                { "CLAIM_WORK_MEM=64",                     "CLAIM_WORK_MEM is not an amount of memory"                   },
                { "CLAIM_WORK_MEM=MB",                     "CLAIM_WORK_MEM is not an amount of memory"                   },
                { "CLAIM_WORK_MEM=64 MB",                  "CLAIM_WORK_MEM is not an amount of memory"                   },
                { "WEBHOOK_RETRY_MAX_ATTEMPTS=0",          "WEBHOOK_RETRY_MAX_ATTEMPTS is not between 1 and"             },
                { "WEBHOOK_RETRY_BACKOFF_FACTOR=0.5",      "WEBHOOK_RETRY_BACKOFF_FACTOR is not between 1 and"           },
                { "WEBHOOK_RETRY_BACKOFF_FACTOR=nan",      "WEBHOOK_RETRY_BACKOFF_FACTOR is not"                         },
                { "WEBHOOK_RETRY_INITIAL_DELAY_MS=10001",  "WEBHOOK_RETRY_MAX_DELAY_MS is less than"                     },
                { "SMTP_TLS=maybe",                        "SMTP_TLS is not one of: true false if_available"             },
                { "MAIL_PROVIDER=pigeon",                  "MAIL_PROVIDER is not one of: local mailgun smtp"             },
                { "MAIL_PROVIDER=smtp",                    "SMTP_RELAY is not set, but MAIL_PROVIDER needs it"           },
                { "MAIL_PROVIDER=mailgun",                 "MAILGUN_API_KEY is not set, but MAIL_PROVIDER needs it"      },
                { "STORAGE_BACKEND=gcs",                   "GCS_BUCKET is not set, but STORAGE_BACKEND needs it"         },
                { "LOCAL_ADAPTORS=yes",                    "OPENFN_ADAPTORS_REPO is not set, but LOCAL_ADAPTORS needs it" },
                { "USAGE_TRACKING_UUIDS=all",              "USAGE_TRACKING_UUIDS is not one of"                          },
                { "GITHUB_CERT=???",                       "GITHUB_CERT is not base64"                                   },
                { "GOOGLE_APPLICATION_CREDENTIALS_JSON=e30x", "GOOGLE_APPLICATION_CREDENTIALS_JSON is not base64 of a JSON object" },
                { "SERVICE_ACCOUNT_PUBLIC_KEY=aGVsbG8=",   "SERVICE_ACCOUNT_PUBLIC_KEY is not base64 of a PEM public key" },
                { "PRIMARY_ENCRYPTION_KEY=short",          "PRIMARY_ENCRYPTION_KEY is not base64 of 32 bytes"            },
                { "PRIMARY_ENCRYPTION_KEY=AAECAwQFBgcICQoLDA0ODw==", "PRIMARY_ENCRYPTION_KEY is not base64 of 32 bytes"  },
                { "WORKER_RUNS_PRIVATE_KEY=" KEY,          "WORKER_RUNS_PRIVATE_KEY is not an RSA private key"           },
                { "SECRET_KEY_BASE=0123456789",            "SECRET_KEY_BASE is shorter than 64 bytes"                    },
                { "FULGUR_WORKER_LEASE_SECONDS=1",         "FULGUR_WORKER_LEASE_SECONDS is not between 10 and"           },
                { "DATABASE_PREPARE=x",                    "DATABASE_PREPARE is neither true nor false"                  },
                { "EMAIL_SENDER_NAME=\xff",                "EMAIL_SENDER_NAME is not UTF-8"                              },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Case c = { .environment = { cases[i].variable } };
                _cleanup_(outcome_free) Outcome outcome = run(&c, NULL);

                if (outcome.status != 1)
                        fprintf(stderr, "%s is not refused\n", cases[i].variable);
                CHECK_INT(outcome.status, 1);
                check_contains(outcome.said, cases[i].message);
        }
}

/* Everything that is wrong is said at once. */
static void test_all_at_once(void) {
        Case c = { .environment = { "PORT=x", "LOG_LEVEL=x" }, .needs = NEED_PRIMARY_KEY };
        _cleanup_(outcome_free) Outcome outcome = run(&c, NULL);

        CHECK_INT(outcome.status, 1);
        check_contains(outcome.said, "PORT");
        check_contains(outcome.said, "LOG_LEVEL");
        check_contains(outcome.said, "PRIMARY_ENCRYPTION_KEY is not set: run \"fulgurctl setup\", or give what 'fulgurctl key generate encryption'");
}

/* -- the file -------------------------------------------------------------------------------------------- */

static void check_file_wins_nothing(Settings *settings) {
        CHECK_INT(settings_int(settings, "PORT"), 4001);
}

static void check_from_file(Settings *settings) {
        CHECK_INT(settings_int(settings, "PORT"), 4002);
        CHECK_STRING(settings_text(settings, "EMAIL_SENDER_NAME"), "Two words");
        CHECK_STRING(settings->cors_origin, "https://env.example");
        CHECK_TEXT(secret_text(settings->worker_secret), "from the file");
}

static void test_file(void) {
        static const struct {
                Case c;
                int status;
                const char *said;
                void (*check)(Settings *settings);
        } cases[] = {
                /* systemd has put its values into the environment; for a daemon the file only says where. */
                { { .environment = { "PORT=x" }, .file = "# comment\n\nPORT=x\n" }, 1, "/fulgur.env:3)", NULL },
                { { .environment = { "PORT=y" }, .file = "PORT=4000\n" }, 1, "PORT is not a whole number\n", NULL },
                { { .environment = { "PORT=4001" }, .file = "PORT=4002\n" }, 0, "", check_file_wins_nothing },
                { { .file = "PORTT=4000\n" }, 1, "PORTT is not a setting (", NULL },
                { { .file = "PORT=4000\nOOPS\n" }, 1, "/fulgur.env:2)", NULL },
                { { .file = "the old PRIMARY_ENCRYPTION_KEY=x\n" }, 1, "is not a setting", NULL },
                { { .file = "Database=x\n" }, 1, "Database is not a setting", NULL },
                /* The process environment may hold anything. */
                { { .environment = { "PORTT=4000", "HOME=/" } }, 0, "", check_defaults },

                { { .environment = { "CORS_ORIGIN=https://env.example" },
                    .file = "PORT=4002\nEMAIL_SENDER_NAME=\"Two words\"\nCORS_ORIGIN=https://file.example\n"
                            "WORKER_SECRET='from the file'\n",
                    .with_file = true },
                  0, "", check_from_file },
                { { .file = "\nPORT=zero\n", .with_file = true }, 1, "PORT is not a whole number (", NULL },
                { { .file = "PORTT=1\n", .with_file = true }, 1, "PORTT is not a setting", NULL },
                { { .with_file = true }, 0, "", check_defaults },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(outcome_free) Outcome outcome = run(&cases[i].c, cases[i].check);

                if (outcome.status != cases[i].status)
                        fprintf(stderr, "case %zu: %s", i, outcome.said);
                CHECK_INT(outcome.status, cases[i].status);
                check_contains(outcome.said, cases[i].said);
        }
}

/* -- secrets --------------------------------------------------------------------------------------------- */

static void check_credential_wins(Settings *settings) {
        CHECK_TEXT(secret_text(settings->worker_secret), "the credential's");
        CHECK_STRING(settings->database_url, "postgresql://u:p@h/d");
        CHECK_TEXT(secret_text(settings->primary_key), KEY);
        CHECK(settings->primary_key_old);
        CHECK_TEXT(secret_text(settings_secret(settings, "SMTP_PASSWORD")), "mail");
        CHECK(!settings_text(settings, "SMTP_PASSWORD"));
}

static void check_environment_forgets(Settings *settings) {
        CHECK_TEXT(secret_text(settings->worker_secret), "hush hush");
        CHECK(!getenv("WORKER_SECRET"));
        CHECK(!getenv("DATABASE_URL"));
        CHECK_STRING(settings->database_url, "postgresql://u:hunter2@h/d");
}

static void test_secrets(void) {
        static const Case credentials = {
                .environment = { "WORKER_SECRET=the variable's", "DATABASE_URL=postgresql://other" },
                .credentials = { "fulgur.worker-secret", "the credential's\n", "fulgur.database-url", "postgresql://u:p@h/d\n",
                                 "fulgur.primary-key", KEY "\n", "fulgur.primary-key.old", KEY,
                                 "fulgur.smtp-password", "mail" },
                .needs = NEED_WORKER_SECRET | NEED_PRIMARY_KEY,
        };
        static const Case environment = {
                .environment = { "WORKER_SECRET=hush hush", "DATABASE_URL=postgresql://u:hunter2@h/d",
                                 "SECRET_KEY_BASE=" SESSION },
                .needs = NEED_WORKER_SECRET,
        };

        {
                _cleanup_(outcome_free) Outcome outcome = run(&credentials, check_credential_wins);

                CHECK_INT(outcome.status, 0);
                CHECK(!strstr(outcome.said, "credential"));
                check_contains(outcome.printed, "\nWORKER_SECRET=set\n");
                check_contains(outcome.printed, "DATABASE_URL=set\n");
                check_contains(outcome.printed, "\nSECRET_KEY_BASE=not set\n");
                CHECK(!strstr(outcome.printed, "the credential's"));
                CHECK(!strstr(outcome.printed, "u:p@h"));
        }
        {
                _cleanup_(outcome_free) Outcome outcome = run(&environment, check_environment_forgets);

                CHECK_INT(outcome.status, 0);
                check_contains(outcome.said, "WORKER_SECRET came from the environment");
                check_contains(outcome.said, "fulgur.worker-secret");
                check_contains(outcome.said, "fulgur.database-url");
                CHECK(!strstr(outcome.said, "SECRET_KEY_BASE"));        /* not this program's */
                CHECK(!strstr(outcome.said, "hush hush"));
                CHECK(!strstr(outcome.printed, "hunter2"));
        }
}

static void check_missing(unsigned need, const char *name, const char *command, const char *credential) {
        Case c = { .needs = need };
        _cleanup_(outcome_free) Outcome outcome = run(&c, NULL);

        CHECK_INT(outcome.status, 1);
        check_contains(outcome.said, name);
        check_contains(outcome.said, command);
        check_contains(outcome.said, credential);
}

static void test_missing_secrets(void) {
        check_missing(NEED_PRIMARY_KEY, "PRIMARY_ENCRYPTION_KEY", "fulgurctl key generate encryption", "fulgur.primary-key");
        check_missing(NEED_WORKER_SECRET, "WORKER_SECRET", "fulgurctl key generate worker", "fulgur.worker-secret");
        check_missing(NEED_RUN_TOKEN_KEY, "WORKER_RUNS_PRIVATE_KEY", "fulgurctl key generate worker", "fulgur.run-token-key");
        check_missing(NEED_SESSION_KEY, "SECRET_KEY_BASE", "fulgurctl key generate session", "fulgur.session-key");
}

/* What passes while developing does not in production. */
static void test_placeholders(void) {
        static const struct {
                const char *variable, *message;
        } cases[] = {
                { "PRIMARY_ENCRYPTION_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "PRIMARY_ENCRYPTION_KEY is a placeholder" },
                { "SECRET_KEY_BASE=changemechangemechangemechangemechangemechangemechangemechangeme", "SECRET_KEY_BASE is a placeholder" },
                { "WORKER_SECRET=secret", "WORKER_SECRET is too short or too simple" },
                { "WORKER_SECRET=aaaaaaaaaaaaaaaaaaaaaaaaaaa", "WORKER_SECRET is too short or too simple" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Case c = { .environment = { cases[i].variable } };
                _cleanup_(outcome_free) Outcome here = run(&c, NULL), there = {};

                c.environment[1] = "MIX_ENV=prod";
                there = run(&c, NULL);
                CHECK_INT(here.status, 0);
                CHECK_INT(there.status, 1);
                check_contains(there.said, cases[i].message);
        }
}

static void test_good_secrets(void) {
        _cleanup_(secret_freep) Secret *private_key = NULL;
        _cleanup_(buffer_deinit) Buffer public_key = BUFFER_NULL;
        _cleanup_(freep) char *private_variable = NULL, *public_variable = NULL;
        Case c = { .environment = { "PRIMARY_ENCRYPTION_KEY=" KEY, "SECRET_KEY_BASE=" SESSION, "MIX_ENV=prod",
                                    "WORKER_SECRET=7CyBZGxcY7uiNbXFANo6ih/jIhDv32n8/8briHgDh9Q=" },
                   .needs = NEED_PRIMARY_KEY | NEED_WORKER_SECRET | NEED_RUN_TOKEN_KEY | NEED_SESSION_KEY };
        _cleanup_(outcome_free) Outcome outcome = {};

        CHECK_INT(run_key_generate(&private_key, &public_key), 0);
        CHECK(asprintf(&private_variable, "WORKER_RUNS_PRIVATE_KEY=%s", private_key->data) > 0);
        CHECK(asprintf(&public_variable, "SERVICE_ACCOUNT_PUBLIC_KEY=%s", buffer_string(&public_key)) > 0);
        c.environment[4] = private_variable;
        c.environment[5] = public_variable;

        outcome = run(&c, NULL);
        if (outcome.status != 0)
                fprintf(stderr, "%s", outcome.said);
        CHECK_INT(outcome.status, 0);
}

/* -- the rest
 * --------------------------------------------------------------------------------------------- */

static void reload(Settings *settings) {
        write_file("fulgur.env", "LOG_LEVEL=debug\nPORT=5000\nWORKER_MAX_RUN_DURATION_SECONDS=60\n");
        CHECK_INT(settings_reload(settings), 0);
        CHECK_INT(settings->log_level, LOG_DEBUG);
        CHECK_INT(settings->max_run_duration_seconds, 60);
        CHECK_INT(settings_int(settings, "PORT"), 4000);        /* the sockets stay where they are */
        CHECK_TEXT(secret_text(settings->worker_secret), "hush hush");

        write_file("fulgur.env", "LOG_LEVEL=info\nWORKER_MAX_RUN_DURATION_SECONDS=x\n");
        CHECK(settings_reload(settings) < 0);
        CHECK_INT(settings->log_level, LOG_DEBUG);      /* all or nothing */

        CHECK(unlink(path_of("fulgur.env")) == 0);
        CHECK_INT(settings_reload(settings), 0);
        CHECK_INT(settings->log_level, LOG_DEBUG);
}

static void test_reload(void) {
        static const Case c = { .environment = { "LOG_LEVEL=info", "WORKER_SECRET=hush hush" },
                                .file = "LOG_LEVEL=info\n" };
        _cleanup_(outcome_free) Outcome outcome = run(&c, reload);

        if (outcome.status != 0)
                fprintf(stderr, "%s", outcome.said);
        CHECK_INT(outcome.status, 0);
}

static void test_not_needed(void) {
        static const Case c = { .environment = { "K8S_HEADLESS_SERVICE=lightning" } };
        _cleanup_(outcome_free) Outcome outcome = run(&c, NULL);

        CHECK_INT(outcome.status, 0);
        check_contains(outcome.said, "K8S_HEADLESS_SERVICE is set and not needed");
}

/* The table holds to its own rules. */
static void test_table(void) {
        _cleanup_(freep) char *text = NULL, *roff = NULL;
        size_t length;
        FILE *stream;

        for (const Setting *row = setting_table; row->name; row++) {
                char problem[256];

                if (row->type == SETTING_HEADING)
                        continue;
                CHECK(row->help);
                CHECK((row->flags & SETTING_NO_VARIABLE) || setting_by_name(text_of(row->name)) == row);
                CHECK(!row->need || (row->keygen && row->credential));
                if (row->fallback)
                        CHECK(!setting_check(row, text_of(row->fallback), false, problem));
                if (row->production)
                        CHECK(!setting_check(row, text_of(row->production), true, problem));
                if (row->type == SETTING_INT)
                        CHECK(row->min < row->max);
        }

        stream = open_memstream(&text, &length);
        settings_print_reference(stream, false);
        CHECK(fclose(stream) == 0);
        check_contains(text, "\nDatabase:\n");
        check_contains(text, "  MAX_DATACLIP_SIZE_MB (whole number, default 10)\n");
        check_contains(text, "(secret, credential fulgur.primary-key)");

        stream = open_memstream(&roff, &length);
        settings_print_reference(stream, true);
        CHECK(fclose(stream) == 0);
        check_contains(roff, ".SS Database\n");
        check_contains(roff, ".TP\n\\fBPORT\\fR (whole number, default 4000)\n");
        check_contains(roff, "credential fulgur.primary\\-key");
}

static void print_json(Settings *settings) {
        settings_print(settings, stdout, true);
}

static void test_print(void) {
        static const Case c = { .environment = { "PORT=4001", "WORKER_SECRET=hush hush" } };
        _cleanup_(outcome_free) Outcome outcome = run(&c, print_json);

        CHECK_INT(outcome.status, 0);
        check_contains(outcome.printed, "\nPORT=4001\n");
        check_contains(outcome.printed, "{\"name\":\"PORT\",\"value\":\"4001\",\"set\":true,\"secret\":false,\"credential\":null");
        check_contains(outcome.printed, "{\"name\":\"WORKER_SECRET\",\"value\":null,\"set\":true,\"secret\":true");
        CHECK(!strstr(outcome.printed, "hush hush"));
}

int main(void) {
        CHECK(mkdtemp(directory));
        crypto_start();

        test_values();
        test_refusals();
        test_all_at_once();
        test_file();
        test_secrets();
        test_missing_secrets();
        test_placeholders();
        test_good_secrets();
        test_reload();
        test_not_needed();
        test_table();
        test_print();

        (void) unlink(path_of("stderr"));
        (void) unlink(path_of("stdout"));
        CHECK(rmdir(directory) == 0);
        return 0;
}
