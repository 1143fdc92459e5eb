/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one-shots share: options, settings, the connection, and saying what failed.
 */

#include "tasks/task.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "log/message-id.h"
#include "tasks/sql.h"

static int parse_options(const Task *task, int argc, char *argv[]) {
        if (argc == 1)
                return -1;
        if (argc == 2 && strcmp(argv[1], "--help") == 0) {
                printf("%s [--help] [--version]\n\n%s\nSettings come from the environment, see "
                       "fulgur.env(5).\n",
                       task->name, task->summary);
                return 0;
        }
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("%s %s\n", task->name, FULGUR_VERSION);
                return 0;
        }
        fprintf(stderr, "%s: unknown option \"%s\"; see --help\n", task->name, argv[1]);
        return 64;
}

int task_main(const Task *task, int argc, char *argv[]) {
        _cleanup_(settings_freep) Settings *settings = NULL;
        _cleanup_(conn_freep) Conn *conn = NULL;
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        int r;

        r = parse_options(task, argc, argv);
        if (r >= 0)
                return r;

        prctl(PR_SET_DUMPABLE, 0);      /* no core file with secrets */
        log_open(task->name);
        crypto_start();

        r = settings_load(task->needs, &settings);
        if (r < 0)
                return 78;
        log_set_max_level(settings->log_level);

        r = conn_open(settings->database_url, settings->disable_db_ssl, task->name, &conn);
        if (r < 0)
                return 1;
        return task->run(settings, conn, &arena) < 0 ? 1 : 0;
}

int task_batch(Conn *conn, Batch *batch, BatchResult *ret_result, const char *what, int accept) {
        int r;

        r = conn_run(conn, batch, ret_result);
        if (r == 0 || r == accept)
                return r;
        if (r == -ENOTRECOVERABLE)
                return log_full(LOG_ERR, r, NULL, MSG_MIGRATION_NEEDED,
                                "Failed to %s: the database is not up to date; run \"fulgurctl migrate\"",
                                what);
        return log_error_errno(r, "Failed to %s: %s", what,
                               ret_result->message ? ret_result->message : conn_error(conn));
}

void task_ring(Conn *conn, Arena *arena, const char *channel, const char *payload) {
        Batch *batch = batch_new(arena, 0);
        BatchResult result;

        batch_add(batch, &SQL_TASK_RING, P_STRING(channel), P_STRING(payload));
        task_batch(conn, batch, &result, "wake the daemons", 0);
        batch_result_deinit(&result);
}
