/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings: the original's environment variables under their own names (fulgur.env(5)), and the secrets,
 * which come as systemd credentials first and from a variable of the same meaning second.
 *
 * One table (settings/table.c) describes each variable: name, type, default, range, what it does. The man
 * page, `fulgurctl config show|check` and the refusal to start all come from that table.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "basic/macros.h"
#include "crypto/secret.h"

typedef struct SettingValue SettingValue;

typedef struct Settings {
        /* database */
        char *database_url;             /* never logged: may hold a password */
        uint64_t database_pool_size;
        uint64_t database_timeout_msec;
        bool disable_db_ssl;            /* db/conninfo.h says what it does */
        bool database_prepare;          /* DATABASE_PREPARE=no: for transaction-pooling proxies */

        /* addresses */
        char *url_scheme, *url_host;
        uint64_t url_port;
        char *cors_origin;              /* "*" or a comma list */
        char *origins;                  /* comma list or NULL */

        /* limits */
        uint64_t max_dataclip_size_mb;
        uint64_t max_run_duration_seconds;
        uint64_t run_grace_period_seconds;
        uint64_t max_run_memory_mb;     /* 0: not sent */
        uint64_t per_workflow_claim_limit;
        uint64_t webhook_response_timeout_msec;
        uint64_t webhook_retry_max_attempts;
        uint64_t webhook_retry_initial_delay_msec;
        uint64_t webhook_retry_max_delay_msec;
        double webhook_retry_backoff_factor;
        uint64_t webhook_retry_timeout_msec;
        bool webhook_retry_jitter;
        uint64_t max_credential_sensitive_values;

        /* workers */
        bool broadcast_work_available;
        uint64_t worker_lease_seconds;  /* how long a silent worker keeps its run */
        uint64_t claim_join_seconds;    /* how long a claimed run may wait for its worker to join */
        uint64_t exit_idle_seconds;     /* 0: never */

        int log_level;
        bool production;                /* MIX_ENV=prod or NODE_ENV=production */

        /* secrets; NULL when neither credential nor variable is there */
        Secret *primary_key;            /* fulgur.primary-key, PRIMARY_ENCRYPTION_KEY */
        Secret *primary_key_old;        /* fulgur.primary-key.old */
        Secret *worker_secret;          /* fulgur.worker-secret, WORKER_SECRET */
        Secret *run_token_key;          /* fulgur.run-token-key, WORKER_RUNS_PRIVATE_KEY */
        Secret *session_key;            /* fulgur.session-key, SECRET_KEY_BASE */

        /* One per row of the table: owns every text and secret above. */
        SettingValue *values;
} Settings;

/* Which secrets the program cannot do without. */
typedef enum SettingsNeed {
        NEED_PRIMARY_KEY = 1 << 0,
        NEED_WORKER_SECRET = 1 << 1,
        NEED_RUN_TOKEN_KEY = 1 << 2,
        NEED_SESSION_KEY = 1 << 3,
        WANT_ALL_SECRETS = 1 << 4,      /* reads also those it can do without */
} SettingsNeed;

/* Reads environment and $CREDENTIALS_DIRECTORY. Everything wrong is logged (variable, what is wrong, and
 * the line of fulgur.env when it stands there) before -EINVAL is returned. A line of fulgur.env
 * ($FULGUR_ENV_FILE, else /etc/fulgur/fulgur.env, when we may read it) whose name no row knows is wrong
 * too. The secrets' variables are wiped and removed from the environment, so this works once per process. */
int settings_load(unsigned needs, Settings **ret_settings);
/* Reads a credential for who is given none by systemd. -ENOENT: not there; else an errno that is reported. */
typedef int (*SettingsCredential)(const char *name, Secret **ret_value);
/* The same, with the file read first by us, for fulgurctl, which systemd does not start: the environment
 * wins over it. `path` NULL: as above, and it need not be there. `credential` (or NULL) is asked when there
 * is no $CREDENTIALS_DIRECTORY, for keys that are needed and for secrets that are nobody's need. */
int settings_load_with_file(const char *path, unsigned needs, SettingsCredential credential,
                            Settings **ret_settings);
/* Reads the file again and takes over what may change while a daemon runs: the log level and the limits.
 * What is wrong is logged, nothing is changed and -EINVAL returned. Without a readable file nothing
 * changes. */
int settings_reload(Settings *settings);
Settings *settings_free(Settings *settings);
DEFINE_CLEANUP(Settings, settings_free);

/* Any variable of the table by name, also those without a member above: its value or default, NULL without
 * either. A name that is not in the table aborts (a programming error). Secrets only come from
 * settings_secret(). */
const char *settings_text(const Settings *settings, const char *name);
bool settings_bool(const Settings *settings, const char *name);
int64_t settings_int(const Settings *settings, const char *name);
const Secret *settings_secret(const Settings *settings, const char *name);
/* Is it set, rather than left to its default? */
bool settings_is_set(const Settings *settings, const char *name);

/* A variable of the table whose value may be shown? */
bool settings_is_public(const char *name);

/* One line per variable, "NAME=value" (secrets as "set" or "not set"), or a JSON array of objects. */
void settings_print(const Settings *settings, FILE *stream, bool json);
/* The table itself as text for `--help` and fulgur.env(5) (roff). */
void settings_print_reference(FILE *stream, bool roff);
