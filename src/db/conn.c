/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The synchronous connection: what the pool does on the loop, in straight code.
 *
 * Batches travel through libpq's pipeline here, too: between two Syncs lies one transaction, so no BEGIN and
 * no COMMIT are needed, and the number of statements does not change the number of round trips. Nothing is
 * prepared: a one-shot runs most statements once.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "basic/buffer.h"
#include "basic/clock.h"
#include "db/conn.h"
#include "db/conninfo.h"
#include "db/wire.h"
#include "log/log.h"

struct Conn {
        PGconn *pg;
        Buffer error;
};

static void note_error(Conn *conn, const char *message) {
        buffer_clear(&conn->error);
        buffer_append(&conn->error, message, strcspn(message, "\n"));
}

const char *conn_error(const Conn *conn) {
        return buffer_string((Buffer *) &conn->error);
}

Conn *conn_free(Conn *conn) {
        if (!conn)
                return NULL;

        PQfinish(conn->pg);
        buffer_deinit(&conn->error);
        free(conn);
        return NULL;
}

int conn_open(const char *url, bool disable_ssl, const char *application_name, Conn **ret_conn) {
        _cleanup_(conninfo_wipe) Buffer conninfo = BUFFER_NULL;
        _cleanup_(conn_freep) Conn *conn = xnew(Conn, 1);
        int r;

        r = db_conninfo(text_of(url), disable_ssl, application_name, &conninfo);
        if (r < 0)
                return r;

        conn->pg = PQconnectdb(buffer_string(&conninfo));
        wire_quiet(conn->pg);
        /* Not an option of the connection: a proxy may refuse those, but passes this setting on. */
        r = PQstatus(conn->pg) == CONNECTION_OK ? conn_script(conn, "SET timezone = 'UTC'", NULL) : -ENOTCONN;
        if (r < 0) {
                note_error(conn, PQerrorMessage(conn->pg));
                return log_error_errno(-ENOTCONN, "Failed to connect to the database: %s", conn_error(conn));
        }

        *ret_conn = TAKE_PTR(conn);
        return 0;
}

/* -- batches ----------------------------------------------------------------------------------- */

static bool send_all(Conn *conn, const Batch *batch) {
        if (!PQenterPipelineMode(conn->pg))
                return false;

        for (size_t i = 0; i < batch->n_statements; i++)
                if (!wire_send(conn->pg, &batch->statements[i], false))
                        return false;

        return PQpipelineSync(conn->pg);
}

static void take_result(BatchResult *result, size_t i, PGresult *pg_result) {
        if (wire_is_success(pg_result) && result->error == 0) {
                result->rows[i] = rows_new(pg_result);
                return;
        }

        /* The statements behind one that failed are answered "aborted", which is not why. */
        if (PQresultStatus(pg_result) == PGRES_FATAL_ERROR)
                batch_result_fail(result, pg_result);
        PQclear(pg_result);
}

/* One result and one NULL per statement, then the Sync's: that is where a deferred constraint speaks up. */
static bool read_all(Conn *conn, BatchResult *result) {
        for (size_t i = 0; i < result->n_rows; i++)
                for (PGresult *pg_result; (pg_result = PQgetResult(conn->pg));)
                        take_result(result, i, pg_result);

        for (PGresult *pg_result; (pg_result = PQgetResult(conn->pg));) {
                bool end = PQresultStatus(pg_result) == PGRES_PIPELINE_SYNC;

                if (PQresultStatus(pg_result) == PGRES_FATAL_ERROR)
                        batch_result_fail(result, pg_result);
                PQclear(pg_result);
                if (end)
                        return PQexitPipelineMode(conn->pg);
        }

        return false;
}

static void run_once(Conn *conn, const Batch *batch, BatchResult *result) {
        batch_result_init(result, batch->n_statements);
        if (!send_all(conn, batch) || !read_all(conn, result))
                batch_result_fail_errno(result, -ENOTCONN, "connection lost");
}

int conn_run(Conn *conn, Batch *batch, BatchResult *ret_result) {
        run_once(conn, batch, ret_result);
        if (ret_result->error == -EAGAIN && PQtransactionStatus(conn->pg) == PQTRANS_IDLE) {
                /* Two transactions met (serialization, deadlock) and this one was rolled back: the second
                 * go meets a finished one. Inside a transaction of the caller's only the caller can start
                 * again. */
                batch_result_deinit(ret_result);
                run_once(conn, batch, ret_result);
        }

        if (ret_result->error < 0)
                note_error(conn, ret_result->message);
        return ret_result->error;
}

/* -- scripts ----------------------------------------------------------------------------------- */

static void note_script_error(Conn *conn, const char *sql, const PGresult *pg_result) {
        const char *position = PQresultErrorField(pg_result, PG_DIAG_STATEMENT_POSITION);
        const char *detail = PQresultErrorField(pg_result, PG_DIAG_MESSAGE_DETAIL);
        const char *message = PQresultErrorField(pg_result, PG_DIAG_MESSAGE_PRIMARY);
        unsigned line = 1;

        note_error(conn, message ? message : PQerrorMessage(conn->pg));
        if (position) {
                /* In characters; bytes that only continue one do not count. */
                for (long left = strtol(position, NULL, 10); *sql && left > 1; sql++) {
                        line += *sql == '\n';
                        left -= (sql[1] & 0xc0) != 0x80;
                }
                buffer_printf(&conn->error, ", line %u", line);
        }
        if (detail)
                buffer_printf(&conn->error, " (%.*s)", (int) strcspn(detail, "\n"), detail);
}

int conn_script(Conn *conn, const char *sql, const char **ret_message) {
        PGresult *pg_result = PQexec(conn->pg, sql);
        const char *sqlstate;
        int r = 0;

        if (PQresultStatus(pg_result) != PGRES_EMPTY_QUERY && !wire_is_success(pg_result)) {
                sqlstate = PQresultErrorField(pg_result, PG_DIAG_SQLSTATE);
                r = sqlstate ? db_error_from_sqlstate(sqlstate) : -ENOTCONN;
                note_script_error(conn, sql, pg_result);
        }

        PQclear(pg_result);
        if (r < 0 && ret_message)
                *ret_message = conn_error(conn);
        return r;
}

/* -- notifications ----------------------------------------------------------------------------- */

static bool take_notifications(Conn *conn) {
        bool any = false;

        for (PGnotify *notify; (notify = PQnotifies(conn->pg));) {
                any = true;
                PQfreemem(notify);
        }

        return any;
}

int conn_wait_notify(Conn *conn, uint64_t timeout_usec) {
        uint64_t now = clock_monotonic_usec();
        uint64_t end = timeout_usec > UINT64_MAX - now ? UINT64_MAX : now + timeout_usec;

        while (!take_notifications(conn)) {
                struct pollfd fd = { .fd = PQsocket(conn->pg), .events = POLLIN };
                uint64_t left;

                now = clock_monotonic_usec();
                left = now < end ? MIN((end - now + 999) / USEC_PER_MSEC, (uint64_t) INT32_MAX) : 0;
                if (poll(&fd, 1, (int) left) < 0 && errno != EINTR)
                        return -errno;
                if (!PQconsumeInput(conn->pg)) {
                        note_error(conn, PQerrorMessage(conn->pg));
                        return -ENOTCONN;
                }
                if (left == 0)
                        return take_notifications(conn);
        }

        return 1;
}
