/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Migrations: compare what the database has with what the program carries, apply the rest in order.
 *
 * The lock is the session's, not the transaction's: it has to hold over all of them, and it goes when the
 * session goes, so a killed migration locks nobody out. A file and its record are committed together: a
 * killed run has either both or neither, and the next one takes up where it stopped. The lock needs a session
 * of its own: not through a transaction-pooling proxy.
 */

#include <errno.h>
#include <inttypes.h>

#include "basic/clock.h"
#include "crypto/password.h"
#include "db/migrate.h"
#include "db/sql.h"
#include "log/log.h"
#include "log/message-id.h"

static int ask(Conn *conn, const Query *query, Arena *arena, BatchResult *ret_result) {
        Batch *batch = batch_new(arena, 0);
        int r;

        batch_add_params(batch, query, NULL, 0);
        r = conn_run(conn, batch, ret_result);
        if (r < 0)
                return log_error_errno(r, "Failed to read the database's migrations: %s", conn_error(conn));

        return 0;
}

static int ask_bool(Conn *conn, const Query *query, Arena *arena, bool *ret_answer) {
        _cleanup_(batch_result_deinit) BatchResult result = {};
        int r;

        r = ask(conn, query, arena, &result);
        if (r < 0)
                return r;

        *ret_answer = rows_bool(result.rows[0], 0, 0);
        return 0;
}

static size_t n_migrations(void) {
        size_t n = 0;

        while (migrations[n].name)
                n++;
        return n;
}

/* -- the lock ---------------------------------------------------------------------------------- */

static int lock(Conn *conn, Arena *arena) {
        _cleanup_(batch_result_deinit) BatchResult result = {};
        const char *message;
        bool locked;
        int r;

        /* A server notices at once, not at the end of a long statement, that a migrating client was
         * killed. */
        r = conn_script(conn, "SET client_connection_check_interval = '1s'", &message);
        if (r < 0)
                return log_error_errno(r, "Failed to prepare for migrating: %s", message);

        r = ask_bool(conn, &SQL_MIGRATION_TRY_LOCK, arena, &locked);
        if (r < 0 || locked)
                return r;

        log_notice("The database is being migrated by another program: waiting for it");
        return ask(conn, &SQL_MIGRATION_LOCK, arena, &result);
}

static void unlock(Conn *conn, Arena *arena) {
        _cleanup_(batch_result_deinit) BatchResult result = {};

        (void) ask(conn, &SQL_MIGRATION_UNLOCK, arena, &result);
}

/* -- what is there ----------------------------------------------------------------------------- */

static int check_record(const Rows *rows, size_t row, bool *applied) {
        int64_t version = rows_int(rows, row, 0);
        Text name = rows_text(rows, row, 1), recorded = rows_text(rows, row, 2);
        uint8_t digest[DIGEST_SIZE];

        for (size_t i = 0; migrations[i].name; i++) {
                if (migrations[i].version != version)
                        continue;

                applied[i] = true;
                digest_sha256(text_of(migrations[i].sql), digest);
                if (text_equal(recorded, text_make(digest, sizeof digest)))
                        return 0;

                log_error("Migration %04u-%s is not what was applied to this database as %04u-%.*s: "
                          "a migration must not change once it is published", migrations[i].version,
                          migrations[i].name, migrations[i].version, (int) name.length, name.data);
                return -EBADMSG;
        }

        log_error("The database has migration %04" PRIi64 "-%.*s, which this program does not know: "
                  "it is older than the database", version, (int) name.length, name.data);
        return -ENOTRECOVERABLE;
}

static int check_applied(const Rows *rows, bool *applied) {
        int r;

        for (size_t row = 0; row < rows_count(rows); row++) {
                r = check_record(rows, row, applied);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int find_applied(Conn *conn, Arena *arena, bool **ret_applied) {
        _cleanup_(batch_result_deinit) BatchResult result = {};
        bool *applied = arena_new(arena, bool, n_migrations() + 1);
        bool there;
        int r;

        r = ask_bool(conn, &SQL_MIGRATION_TABLE_EXISTS, arena, &there);
        if (r < 0)
                return r;

        if (there) {
                r = ask(conn, &SQL_MIGRATION_LIST, arena, &result);
                if (r < 0)
                        return r;

                r = check_applied(result.rows[0], applied);
                if (r < 0)
                        return r;
        }

        *ret_applied = applied;
        return 0;
}

int migrate_missing(Conn *conn, unsigned *ret_n_missing) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        unsigned n_missing = 0;
        bool *applied;
        int r;

        r = find_applied(conn, &arena, &applied);
        if (r < 0)
                return r;

        for (size_t i = 0; migrations[i].name; i++)
                n_missing += !applied[i];
        *ret_n_missing = n_missing;
        return 0;
}

/* -- applying ---------------------------------------------------------------------------------- */

static int record(Conn *conn, const Migration *migration) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(batch_result_deinit) BatchResult result = {};
        Batch *batch = batch_new(&arena, 0);
        uint8_t digest[DIGEST_SIZE];

        digest_sha256(text_of(migration->sql), digest);
        batch_add(batch, &SQL_MIGRATION_RECORD, P_INT(migration->version), P_STRING(migration->name),
                  P_BYTES(text_make(digest, sizeof digest)));
        return conn_run(conn, batch, &result);
}

static int apply(Conn *conn, const Migration *migration) {
        uint64_t started = clock_monotonic_usec();
        const char *message;
        int r;

        r = conn_script(conn, "BEGIN", &message);
        if (r >= 0)
                r = conn_script(conn, migration->sql, &message);
        if (r >= 0)
                r = record(conn, migration);
        if (r >= 0)
                r = conn_script(conn, "COMMIT", &message);
        if (r < 0) {
                log_error_errno(r, "Failed to apply migration %04u-%s: %s", migration->version,
                                migration->name, conn_error(conn));
                (void) conn_script(conn, "ROLLBACK", NULL);
                return r;
        }

        log_full(LOG_NOTICE, 0, NULL, MSG_MIGRATED, "Applied migration %04u-%s in %llu ms",
                 migration->version, migration->name, (clock_monotonic_usec() - started) / USEC_PER_MSEC);
        return 0;
}

static int apply_missing(Conn *conn, const bool *applied, unsigned *n_applied) {
        int r;

        for (size_t i = 0; migrations[i].name; i++) {
                if (applied[i])
                        continue;

                r = apply(conn, &migrations[i]);
                if (r < 0)
                        return r;
                (*n_applied)++;
        }

        return 0;
}

static int run_locked(Conn *conn, Arena *arena, unsigned *n_applied) {
        const char *message;
        bool *applied;
        int r;

        r = conn_script(conn,
                        "CREATE TABLE IF NOT EXISTS schema_migrations ("
                        " version bigint PRIMARY KEY,"
                        " name text NOT NULL,"
                        " sha256 bytea NOT NULL,"
                        " applied_at timestamptz NOT NULL DEFAULT now())",
                        &message);
        if (r < 0)
                return log_error_errno(r, "Failed to make the table of migrations: %s", message);

        r = find_applied(conn, arena, &applied);
        if (r < 0)
                return r;

        return apply_missing(conn, applied, n_applied);
}

int migrate_run(Conn *conn, unsigned *ret_n_applied) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        unsigned n_applied = 0;
        int r;

        r = lock(conn, &arena);
        if (r < 0)
                return r;

        r = run_locked(conn, &arena, &n_applied);
        unlock(conn, &arena);
        if (r < 0)
                return r;

        if (ret_n_applied)
                *ret_n_applied = n_applied;
        return 0;
}
