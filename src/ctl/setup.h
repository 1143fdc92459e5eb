/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fulgurctl setup: what its steps share. Each step looks first and changes only what is not so yet, so that an
 * interrupted set-up is finished by the next one.
 */

#include "basic/env-file.h"
#include "ctl/ctl.h"
#include "ctl/program.h"

/* What became of a step. Exit statuses of children, too: not 1, which a sanitizer may use. */
typedef enum Outcome {
        OUTCOME_SAME = 0,               /* was already so */
        OUTCOME_DONE = 10,
        OUTCOME_SKIPPED = 11,           /* left out: the note says why */
        OUTCOME_FAILED = 12,            /* the note says what mends it */
} Outcome;

typedef struct Setup {
        Ctl *ctl;
        const char *root;               /* before /etc; "" */
        const char *url_file, *superuser;
        bool no_start, plain;
        EnvFile *env;                   /* NULL: there is none */
        const char *note;               /* of the step that runs: what to do, or what was found */
        bool changed_units;             /* systemd has to read its units again */
        Secret *password;               /* the new superuser's */
        Secret *url;                    /* the database; NULL: the local default */
} Setup;

/* A step of set-up or of another verb that works like it. */
typedef struct Step {
        const char *name, *title;
        Outcome (*run)(Setup *setup);
} Step;

/* Runs them in order, a line of report each (with --json an object of "steps", "ok" and "changed"), until one
 * fails. *ret_changed: one of them did something. */
bool setup_run_steps(Setup *setup, const Step *steps, size_t n_steps, bool *ret_changed);

/* A value of fulgur.env; NULL: not there or empty. */
const char *setup_env(const Setup *setup, const char *name);
/* ROOT/path, as long as the program. */
const char *setup_path(Setup *setup, const char *format, ...) _printf_(2, 3);
Outcome setup_fail(Setup *setup, const char *format, ...) _printf_(2, 3);

/* One credential: the value is written for the units, encrypted where the machine can. */
int setup_store_credential(Setup *setup, const char *name, Text value);
/* In the form that `plain` says and in no other: units go on reading the other one if it is there. */
int setup_replace_credential(Setup *setup, const char *name, Text value);
bool setup_has_credential(Setup *setup, const char *name);
bool setup_is_encrypted(Setup *setup, const char *name);
/* In both forms: services read the encrypted one. */
bool setup_is_ambiguous(Setup *setup, const char *name);
/* Gone for good, plain or encrypted; also when it was not there. */
int setup_remove_credential(Setup *setup, const char *name);
/* Base64 of 32 random bytes; wipe it. */
int setup_random_key(Buffer *ret_key);
/* Read back, decrypted where it has to be. */
int setup_read_credential(Setup *setup, const char *name, Secret **ret_value);

Outcome setup_primary_key(Setup *setup);
Outcome setup_worker_secret(Setup *setup);
Outcome setup_run_token_key(Setup *setup);
Outcome setup_session_key(Setup *setup);
Outcome setup_encrypted(Setup *setup);

Outcome setup_url(Setup *setup);
Outcome setup_roles(Setup *setup);
Outcome setup_migrate(Setup *setup);
Outcome setup_grants(Setup *setup);
Outcome setup_first_user(Setup *setup);

Outcome setup_start(Setup *setup);
Outcome setup_check(Setup *setup);
Outcome setup_doctor(Setup *setup);

/* Where the public socket listens. */
const char *setup_host(const Setup *setup);
const char *setup_port(const Setup *setup);
