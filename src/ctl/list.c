/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl user, project, workflow, credential and audit: what there is; and users that may no longer come in.
 */

#include <string.h>

#include "basic/parse.h"
#include "ctl/sql.h"
#include "ctl/table.h"

#define MAX_LIMIT 10000

/* What a list can be narrowed by. */
typedef struct ListOptions {
        const char *project;            /* NULL: all */
        uint64_t limit;
} ListOptions;

static bool read_options(int argc, char *argv[], bool has_project, ListOptions *options) {
        for (int i = 1; i < argc; i += 2)
                if (has_project && i + 1 < argc && strcmp(argv[i], "--project") == 0)
                        options->project = argv[i + 1];
                else if (i + 1 >= argc || strcmp(argv[i], "--limit") != 0 ||
                         parse_u64(text_of(argv[i + 1]), &options->limit) < 0 || options->limit < 1 ||
                         options->limit > MAX_LIMIT)
                        return false;
        return true;
}

static int print_list(Ctl *ctl, const Query *query, const ListOptions *options, const Shown *columns) {
        BatchResult result;
        int r;

        r = ctl_query(ctl, &result, query, P_STRING(options->project), P_INT((int64_t) options->limit));
        if (r != EXIT_OK)
                return r;
        table_print(ctl, result.rows[0], columns);
        batch_result_deinit(&result);
        return EXIT_OK;
}

/* -- lists ------------------------------------------------------------------------------------------ */

static const Shown user_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "email", SHOW_TEXT, 32 },
        { "role", SHOW_TEXT, 9 },
        { "disabled", SHOW_BOOL, 8 },
        { "mfa_enabled", SHOW_BOOL, 11 },
        { "projects", SHOW_INT, 8 },
        { "inserted_at", SHOW_TIME, 20 },
        { "name", SHOW_TEXT, 0 },
        {}
};

int verb_user_list(Ctl *ctl, int argc, char *argv[]) {
        ListOptions options = { .limit = MAX_LIMIT };

        return read_options(argc, argv, true, &options) ? print_list(ctl, &SQL_CTL_USER_LIST, &options, user_columns)
                                                        : EXIT_USAGE;
}

static const Shown project_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "name", SHOW_TEXT, 24 },
        { "members", SHOW_INT, 7 },
        { "workflows", SHOW_INT, 9 },
        { "concurrency", SHOW_INT, 11 },
        { "retention_policy", SHOW_TEXT, 18 },
        { "scheduled_deletion", SHOW_TIME, 20 },
        { "owner", SHOW_TEXT, 0 },
        {}
};

int verb_project_list(Ctl *ctl, int argc, char *argv[]) {
        ListOptions options = { .limit = MAX_LIMIT };

        return read_options(argc, argv, false, &options) ? print_list(ctl, &SQL_CTL_PROJECT_LIST, &options, project_columns)
                                                         : EXIT_USAGE;
}

static const Shown workflow_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "project", SHOW_TEXT, 24 },
        { "enabled", SHOW_BOOL, 7 },
        { "jobs", SHOW_INT, 4 },
        { "lock_version", SHOW_INT, 12 },
        { "updated_at", SHOW_TIME, 20 },
        { "name", SHOW_TEXT, 0 },
        {}
};

int verb_workflow_list(Ctl *ctl, int argc, char *argv[]) {
        ListOptions options = { .limit = MAX_LIMIT };

        return read_options(argc, argv, true, &options) ? print_list(ctl, &SQL_CTL_WORKFLOW_LIST, &options, workflow_columns)
                                                        : EXIT_USAGE;
}

static const Shown credential_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "owner", SHOW_TEXT, 32 },
        { "schema", SHOW_TEXT, 12 },
        { "environments", SHOW_TEXT, 16 },
        { "projects", SHOW_INT, 8 },
        { "updated_at", SHOW_TIME, 20 },
        { "name", SHOW_TEXT, 0 },
        {}
};

int verb_credential_list(Ctl *ctl, int argc, char *argv[]) {
        ListOptions options = { .limit = MAX_LIMIT };

        return read_options(argc, argv, true, &options)
                       ? print_list(ctl, &SQL_CTL_CREDENTIAL_LIST, &options, credential_columns)
                       : EXIT_USAGE;
}

/* A line has no room for what changed. */
static const Shown audit_line[] = {
        { "inserted_at", SHOW_TIME, 20 },
        { "actor", SHOW_TEXT, 28 },
        { "item_type", SHOW_TEXT, 19 },
        { "item_id", SHOW_UUID, 36 },
        { "event", SHOW_TEXT, 0 },
        {}
};

static const Shown audit_columns[] = {
        { "inserted_at", SHOW_TIME },
        { "actor", SHOW_TEXT },
        { "item_type", SHOW_TEXT },
        { "item_id", SHOW_UUID },
        { "event", SHOW_TEXT },
        { "before", SHOW_JSON },
        { "after", SHOW_JSON },
        {}
};

int verb_audit_list(Ctl *ctl, int argc, char *argv[]) {
        ListOptions options = { .limit = 20 };

        if (!read_options(argc, argv, true, &options))
                return EXIT_USAGE;
        return print_list(ctl, &SQL_CTL_AUDIT_LIST, &options, ctl->json ? audit_columns : audit_line);
}

/* -- how users come in -------------------------------------------------------------------------------- */

/* The query has a row for who was changed. */
static int change_user(Ctl *ctl, int argc, char *argv[], const Query *query, const char *what) {
        BatchResult result;
        int r;

        if (argc != 2)
                return EXIT_USAGE;
        r = ctl_query(ctl, &result, query, P_STRING(argv[1]));
        if (r != EXIT_OK)
                return r;
        if (rows_count(result.rows[0]) == 0)
                r = ctl_fail(EXIT_NOT_FOUND, "no user has the e-mail address \"%s\"", argv[1]);
        else if (!ctl->json)
                printf("%s %s\n", argv[1], what);
        batch_result_deinit(&result);
        return r;
}

int verb_user_disable(Ctl *ctl, int argc, char *argv[]) {
        return change_user(ctl, argc, argv, &SQL_CTL_USER_DISABLE,
                           "is disabled: neither the password nor API tokens work, sessions have ended");
}

int verb_user_enable(Ctl *ctl, int argc, char *argv[]) {
        return change_user(ctl, argc, argv, &SQL_CTL_USER_ENABLE, "is enabled");
}

int verb_user_drop_factor(Ctl *ctl, int argc, char *argv[]) {
        return change_user(ctl, argc, argv, &SQL_CTL_USER_DROP_FACTOR, "logs in with the password alone");
}
