/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl migrate: brings the database up to date, or tells whether it is.
 */

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "db/migrate.h"

static int fail(Ctl *ctl, int error) {
        if (error == -ENOTRECOVERABLE)
                return ctl_fail(EXIT_FAILED, "the database is newer than this program");
        return ctl_fail(error == -ENOTCONN ? EXIT_DATABASE : EXIT_FAILED, "the migration stopped: %s",
                        conn_error(ctl->conn));
}

static int check(Ctl *ctl) {
        unsigned n_missing;
        int r;

        r = migrate_missing(ctl->conn, &n_missing);
        if (r < 0)
                return fail(ctl, r);
        if (ctl->json)
                printf("{\"missing\":%u}\n", n_missing);
        else if (n_missing == 0)
                puts("The database is up to date.");
        else
                printf("%u migrations are missing: run \"fulgurctl migrate\".\n", n_missing);
        return n_missing == 0 ? EXIT_OK : EXIT_FAILED;
}

int verb_migrate(Ctl *ctl, int argc, char *argv[]) {
        unsigned n_applied;
        int r;

        if (argc == 2 && strcmp(argv[1], "--check") == 0)
                return check(ctl);
        if (argc > 1)
                return EXIT_USAGE;

        r = migrate_run(ctl->conn, &n_applied);
        if (r < 0)
                return fail(ctl, r);
        if (ctl->json)
                printf("{\"applied\":%u}\n", n_applied);
        else if (n_applied == 0)
                puts("The database is up to date.");
        else
                printf("%u migrations applied.\n", n_applied);
        return EXIT_OK;
}
