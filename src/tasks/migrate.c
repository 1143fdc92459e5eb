/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-migrate: brings the database up to date before anything else starts.
 */

#include "db/migrate.h"
#include "log/message-id.h"
#include "tasks/task.h"

static int run(Settings *settings, Conn *conn, Arena *arena) {
        unsigned n_applied;
        int r;

        r = migrate_run(conn, &n_applied);
        if (r < 0)
                return r;
        if (n_applied > 0)
                log_full(LOG_NOTICE, 0, NULL, MSG_MIGRATED, "Database brought up to date by %u migrations",
                         n_applied);
        return 0;
}

int main(int argc, char *argv[]) {
        static const Task task = { "fulgur-migrate", "Brings the database up to date.", 0, run };

        return task_main(&task, argc, argv);
}
