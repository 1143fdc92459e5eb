/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Migrations: files NNNN-name.sql embedded in order, forward only, one transaction each, under an advisory
 * lock; a killed run is taken up where it stopped. `schema_migrations(version, name, sha256, applied_at)`
 * records them; a file changed after it was applied is refused.
 */

#include <stdbool.h>
#include "db/conn.h"

typedef struct Migration {
        unsigned version;
        const char *name;
        const char *sql;
} Migration;

extern const Migration migrations[];    /* generated; ends with {} */

/* Applies what is missing. *ret_n_applied may be NULL. Logs each. */
int migrate_run(Conn *conn, unsigned *ret_n_applied);
/* How many are missing; a database that was never migrated misses all. -ENOTRECOVERABLE: the database is
 * newer than this program. */
int migrate_missing(Conn *conn, unsigned *ret_n_missing);
