/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of one connection of the pool: connecting, idle, busy, full, and broken when it could not be had.
 *
 * A connection that has worked and is lost is simply given up: whoever needs one opens another. One that
 * never worked is a sign that the database is away. Then a single one stays behind, CONN_BROKEN, and tries
 * for all of them, ever more slowly; nobody else tries meanwhile.
 */

#include <errno.h>

#include "basic/clock.h"
#include "db/pool-private.h"
#include "db/wire.h"
#include "log/log.h"
#include "log/message-id.h"

/* One that was open for so long was a good one, even if nobody asked it anything. */
#define WORKED_USEC (10 * USEC_PER_SEC)
#define LOST_TOGETHER_USEC (1 * USEC_PER_SEC)
#define MAX_LOSSES 3

#define LARGE_BYTES (1024 * 1024)

static void on_ready(Watch *watch, unsigned events, void *userdata);
static void connect_failed(PoolConn *conn, const char *why);

static bool is_ready(ConnState state) {
        return state == CONN_IDLE || state == CONN_BUSY || state == CONN_FULL;
}

size_t pool_n_ready(const Pool *pool) {
        size_t n = 0;

        for (ConnState state = 0; state < _CONN_STATE_MAX; state++)
                if (is_ready(state))
                        list_for_each(link, &pool->conns[state])
                                n++;

        return n;
}

static void pool_conn_move(PoolConn *conn, ConnState state) {
        list_unlink(&conn->link);
        conn->state = state;
        list_append(&conn->pool->conns[state], &conn->link);
        soon_call(&conn->pool->turn);
}

/* The state that follows from what is under way. */
static void settle(PoolConn *conn) {
        if (conn->retiring || conn->slow || conn->n_in_flight >= conn->pool->depth)
                pool_conn_move(conn, CONN_FULL);
        else
                pool_conn_move(conn, conn->n_in_flight > 0 ? CONN_BUSY : CONN_IDLE);
}

static void hang_up(PoolConn *conn) {
        timer_stop(&conn->timer);
        conn->dial = dial_free(conn->dial);
        conn->watch = watch_free(conn->watch);
        PQfinish(conn->pg);
        conn->pg = NULL;
        prepared_deinit(&conn->prepared);
        if (conn->slow)
                conn->pool->n_slow--;
        conn->slow = conn->unflushed = false;
}

PoolConn *pool_conn_free(PoolConn *conn) {
        if (!conn)
                return NULL;

        hang_up(conn);
        list_unlink(&conn->link);
        conn->pool->n_conns--;
        soon_call(&conn->pool->turn);
        free(conn);
        return NULL;
}

/* -- connecting -------------------------------------------------------------------------------- */

static void connect_succeeded(PoolConn *conn, PGconn *pg) {
        conn->pg = pg;
        if (!PQenterPipelineMode(pg) ||
            watch_new(conn->pool->loop, PQsocket(pg), WATCH_READ, on_ready, conn, &conn->watch) < 0)
                return connect_failed(conn, "the connection could not be set up");

        conn->ready_usec = clock_monotonic_usec();
        settle(conn);
        if (conn->pool->lost_usec > 0) {
                log_full(LOG_NOTICE, 0, NULL, MSG_DATABASE_BACK, "The database is back after %.1f s",
                         (double) (conn->ready_usec - conn->pool->lost_usec) / USEC_PER_SEC);
                conn->pool->lost_usec = 0;
        }
}

static void on_dialed(PGconn *pg, const char *message, void *userdata) {
        PoolConn *conn = userdata;

        if (!pg)
                return connect_failed(conn, message);

        conn->dial = dial_free(conn->dial);
        connect_succeeded(conn, pg);
}

static void start_dial(PoolConn *conn) {
        conn->worked = false;
        conn->dial = dial_new(conn->pool->loop, conn->pool->conninfo, on_dialed, conn);
        pool_conn_move(conn, CONN_CONNECTING);
}

static void on_timer(Timer *timer) {
        PoolConn *conn = container_of(timer, PoolConn, timer);

        start_dial(conn);
}

void pool_conn_new(Pool *pool) {
        PoolConn *conn = xnew(PoolConn, 1);

        conn->pool = pool;
        list_init(&conn->link);
        list_init(&conn->in_flight);
        timer_init(&conn->timer, pool->loop, on_timer);
        pool->n_conns++;
        start_dial(conn);
}

/* -- losing it --------------------------------------------------------------------------------- */

/* Stays behind as the one that tries for all, unless there is one. */
static void try_later(PoolConn *conn) {
        Pool *pool = conn->pool;

        hang_up(conn);
        if (!list_is_empty(&pool->conns[CONN_BROKEN])) {
                (void) pool_conn_free(conn);
                return;
        }

        pool_conn_move(conn, CONN_BROKEN);
        timer_start(&conn->timer, backoff_next(&pool->backoff));
}

static bool is_last_hope(const PoolConn *conn) {
        const List *connecting = &conn->pool->conns[CONN_CONNECTING];

        return pool_n_ready(conn->pool) == 0 && connecting->next == connecting->previous;
}

/* An outage is told once, when it is certain: nothing works and nothing else could be had. */
static void connect_failed(PoolConn *conn, const char *why) {
        Pool *pool = conn->pool;

        log_debug("Failed to open a connection to the database: %s", why);
        if (pool->lost_usec == 0 && is_last_hope(conn)) {
                pool->lost_usec = clock_monotonic_usec();
                log_full(LOG_ERR, 0, NULL, MSG_DATABASE_LOST, "The database cannot be reached: %s", why);
        }
        try_later(conn);
}

/* A server that stops takes all its connections along, one after the other, and a batch may meet each of them. */
static unsigned count_loss(Submission *submission) {
        uint64_t now = clock_monotonic_usec();

        if (submission->n_lost == 0 || now - submission->lost_usec > LOST_TOGETHER_USEC) {
                submission->lost_usec = now;
                submission->n_lost++;
        }
        return submission->n_lost;
}

/*
 * Did the server commit before the connection broke? Nobody knows. What may be done twice is done again; the
 * others are told. What takes the connection down with it each time is not tried for ever.
 */
static void return_submission(Pool *pool, Submission *submission) {
        if (!submission->done)
                (void) submission_free(submission);
        else if ((submission->flags & (BATCH_READ | BATCH_IDEMPOTENT)) && count_loss(submission) <= MAX_LOSSES)
                pool_put_back(pool, submission);
        else
                pool_answer_errno(pool, submission, -ENOTCONN, "connection lost before the answer came");
}

void pool_conn_lost(PoolConn *conn, const char *why) {
        Pool *pool = conn->pool;
        bool worked = conn->worked || clock_monotonic_usec() - conn->ready_usec > WORKED_USEC;

        log_info("A connection to the database was lost: %s", why);

        /* From the last to the first: each is put in front of what waits. */
        while (!list_is_empty(&conn->in_flight))
                return_submission(pool, list_entry(conn->in_flight.previous, Submission, link));
        conn->n_in_flight = 0;

        if (worked)
                (void) pool_conn_free(conn);
        else
                try_later(conn);
}

/* -- batches ----------------------------------------------------------------------------------- */

void pool_conn_send(PoolConn *conn, Submission *submission) {
        Travel travel = pool_travel(conn->pool, conn);

        list_unlink(&submission->link);
        list_append(&conn->in_flight, &submission->link);
        conn->n_in_flight++;
        submission->sent_usec = clock_monotonic_usec();
        if ((submission->flags & BATCH_SLOW) && !conn->slow) {
                conn->slow = true;
                conn->pool->n_slow++;
        }

        if (!submission_send(submission, conn->pg, &travel))
                return pool_conn_lost(conn, dial_error(conn->pg));

        conn->unflushed = true;
        settle(conn);
}

void pool_conn_flush(PoolConn *conn) {
        int r;

        if (!conn->unflushed)
                return;

        r = PQflush(conn->pg);
        if (r < 0)
                return pool_conn_lost(conn, dial_error(conn->pg));

        conn->unflushed = r > 0;
        watch_set(conn->watch, conn->unflushed ? WATCH_READ | WATCH_WRITE : WATCH_READ);
}

static bool may_go_again(const Submission *submission) {
        return submission->done && !submission->retried &&
               (submission->result.error == -EAGAIN || submission_blames_connection(submission));
}

static void finish(PoolConn *conn, Submission *submission) {
        Pool *pool = conn->pool;

        list_unlink(&submission->link);
        conn->n_in_flight--;
        conn->worked = true;
        backoff_reset(&pool->backoff);
        if (conn->slow) {
                conn->slow = false;
                pool->n_slow--;
        }
        /* libpq's buffers grow to the largest message and stay so: a new connection is cheaper to keep. */
        if (submission_blames_connection(submission) || submission->n_bytes > LARGE_BYTES)
                conn->retiring = true;

        if (may_go_again(submission)) {
                /* It was rolled back whole, so a second go is the first one. Once: two that meet twice may
                 * meet for ever. */
                submission->retried = true;
                pool_put_back(pool, submission);
        } else if (submission->done)
                pool_answer(pool, submission);
        else
                (void) submission_free(submission);

        settle(conn);
}

/* False: the connection is gone. */
static bool read_results(PoolConn *conn) {
        Travel travel = pool_travel(conn->pool, conn);

        while (!list_is_empty(&conn->in_flight) && !PQisBusy(conn->pg)) {
                Submission *submission = list_entry(conn->in_flight.next, Submission, link);

                switch (submission_take(submission, PQgetResult(conn->pg), &travel)) {
                case TAKEN_MORE:
                        if (PQstatus(conn->pg) == CONNECTION_OK)
                                break;
                        pool_conn_lost(conn, dial_error(conn->pg));
                        return false;
                case TAKEN_ALL:
                        finish(conn, submission);
                        break;
                case TAKEN_NONSENSE:
                        pool_conn_lost(conn, "the server's answers do not match the questions");
                        return false;
                }
        }

        return true;
}

static void on_ready(_unused_ Watch *watch, unsigned events, void *userdata) {
        PoolConn *conn = userdata;

        if (events & WATCH_WRITE)
                return pool_conn_flush(conn);

        if (!PQconsumeInput(conn->pg))
                return pool_conn_lost(conn, dial_error(conn->pg));
        if (!read_results(conn))
                return;

        if (conn->retiring && conn->n_in_flight == 0)
                (void) pool_conn_free(conn);
}
