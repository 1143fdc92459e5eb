/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of db/ share: the database they were given, and straight code to look into it from aside.
 */

#include <errno.h>
#include <stdarg.h>

#include "../../unit/check.h"
#include "db/array.h"
#include "db/batch.h"
#include "db/conn.h"

static inline const char *test_url(void) {
        const char *url = getenv("FULGUR_TEST_DATABASE");

        if (!url) {
                fputs("Run this by tests/integration/with-postgres\n", stderr);
                exit(77);
        }
        return url;
}

static inline Conn *test_open(const char *url) {
        Conn *conn;

        CHECK_INT(conn_open(url, false, "test-aside", &conn), 0);
        return conn;
}

static inline void test_script(Conn *conn, const char *sql) {
        const char *message = NULL;

        if (conn_script(conn, sql, &message) < 0) {
                fprintf(stderr, "%s: %s\n", sql, message);
                exit(1);
        }
}

/* One number out of the database. */
static inline int64_t test_number(Conn *conn, const char *sql) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Query query = { .sql = sql };
        Batch *batch = batch_new(&arena, BATCH_READ);
        BatchResult result;
        int64_t number;

        batch_add_params(batch, &query, NULL, 0);
        if (conn_run(conn, batch, &result) < 0) {
                fprintf(stderr, "%s: %s\n", sql, conn_error(conn));
                exit(1);
        }
        CHECK_INT(rows_count(result.rows[0]), 1);
        number = rows_int(result.rows[0], 0, 0);
        batch_result_deinit(&result);
        return number;
}

/* What with-postgres --server can do. */
static inline void test_server(const char *action) {
        char command[128];

        snprintf(command, sizeof command, "\"$FULGUR_TEST_WITH_POSTGRES\" --server %s", action);
        CHECK_INT(system(command), 0);
}
