/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fulgurctl: what its verbs share. A verb is a row of the table in main.c and a function in the file named
 * after its group; it prints for people, or JSON with --json, and returns one of the exit codes below
 * (fulgurctl(1)).
 */

#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>

#include "basic/arena.h"
#include "db/conn.h"
#include "json/writer.h"
#include "settings/settings.h"

enum {
        EXIT_OK = 0,
        EXIT_FAILED = 1,                /* it was tried and did not work */
        EXIT_USAGE = EX_USAGE,          /* 64: the command line is wrong */
        EXIT_DATA = EX_DATAERR,         /* 65: a file's content is wrong */
        EXIT_NOT_FOUND = EX_NOINPUT,    /* 66: no such file, run … */
        EXIT_DATABASE = EX_UNAVAILABLE, /* 69: the database cannot be reached */
        EXIT_CONFIG = EX_CONFIG,        /* 78: a setting is wrong or missing */
};

typedef struct Ctl {
        bool json;
        const char *env_file;           /* NULL: the default */
        Settings *settings;             /* loaded before a verb runs, with the verb's needs */
        Conn *conn;                     /* open for verbs that want the database */
        Arena arena;                    /* as long as the program */
} Ctl;

typedef struct Verb {
        const char *words;              /* "key generate" */
        const char *arguments;          /* for the usage line; "" for none */
        const char *summary;
        unsigned needs;                 /* SettingsNeed */
        enum { VERB_ALONE, VERB_SETTINGS, VERB_DATABASE } wants;
        int (*run)(Ctl *ctl, int argc, char *argv[]);   /* argv[0] is the last of `words` */
} Verb;

int verb_audit_list(Ctl *ctl, int argc, char *argv[]);
int verb_bug_report(Ctl *ctl, int argc, char *argv[]);
int verb_config_check(Ctl *ctl, int argc, char *argv[]);
int verb_config_show(Ctl *ctl, int argc, char *argv[]);
int verb_config_reference(Ctl *ctl, int argc, char *argv[]);
int verb_credential_list(Ctl *ctl, int argc, char *argv[]);
int verb_doctor(Ctl *ctl, int argc, char *argv[]);
int verb_key_generate(Ctl *ctl, int argc, char *argv[]);
int verb_key_rotate(Ctl *ctl, int argc, char *argv[]);
int verb_kickstart(Ctl *ctl, int argc, char *argv[]);
int verb_log_level(Ctl *ctl, int argc, char *argv[]);
int verb_migrate(Ctl *ctl, int argc, char *argv[]);
int verb_project_list(Ctl *ctl, int argc, char *argv[]);
int verb_run_cancel(Ctl *ctl, int argc, char *argv[]);
int verb_run_list(Ctl *ctl, int argc, char *argv[]);
int verb_run_retry(Ctl *ctl, int argc, char *argv[]);
int verb_run_show(Ctl *ctl, int argc, char *argv[]);
int verb_run_tail(Ctl *ctl, int argc, char *argv[]);
int verb_setup(Ctl *ctl, int argc, char *argv[]);
int verb_status(Ctl *ctl, int argc, char *argv[]);
int verb_token_create(Ctl *ctl, int argc, char *argv[]);
int verb_user_disable(Ctl *ctl, int argc, char *argv[]);
int verb_user_drop_factor(Ctl *ctl, int argc, char *argv[]);
int verb_user_enable(Ctl *ctl, int argc, char *argv[]);
int verb_user_list(Ctl *ctl, int argc, char *argv[]);
int verb_worker_list(Ctl *ctl, int argc, char *argv[]);
int verb_workflow_list(Ctl *ctl, int argc, char *argv[]);

/* root.c: a credential out of the credstores of /etc, -ENOENT without one; the database as user fulgur. Who is not
 * root finds no credential, and connects as who he is. As conn_open(). */
int root_read_credential(const char *name, Secret **ret_value);
int root_open_database(const Settings *settings, Conn **ret_conn);

/* help.c: the help of --help, or with a form, "--list" for completions or "--roff" for the manual, the verbs
 * in that form. Returns an exit code. */
void help_print(FILE *stream, const Verb *verbs, size_t n_verbs);
int help_run(const Verb *verbs, size_t n_verbs, const char *form);

/* Says on stderr what went wrong and returns the code: `return ctl_fail(EXIT_USAGE, "…")`. */
int ctl_fail(int code, const char *format, ...) _printf_(2, 3);
/* Prints what a writer gathered and a newline; frees the buffer. */
void ctl_print_json(Buffer *buffer);

/* One statement; -errno after it was reported. The rows are the result's: batch_result_deinit(). */
int ctl_query_params(Ctl *ctl, BatchResult *ret_result, const Query *query, const Param *params,
                     size_t n_params);
#define ctl_query(ctl, result, query, ...)                                                         \
        ({                                                                                         \
                const Param _params[] = { __VA_ARGS__ };                                           \
                ctl_query_params((ctl), (result), (query), _params, ELEMENTSOF(_params));          \
        })
/* The exit code for a failed batch, after saying what it was. */
int ctl_report(Ctl *ctl, const BatchResult *result);
/* A uuid argument; reports and returns false when it is none. */
bool ctl_read_uuid(const char *text, const char *what, Uuid *ret_uuid);
/* The whole of a file ("-": standard input), at most `max` bytes. */
int ctl_read_file(const char *path, size_t max, Buffer *ret_content);
