/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pool: what is submitted waits in a queue until the turn ends, then travels, then is answered at the end
 * of the turn its result came in. So nobody is called from inside pool_submit(), and what one turn submitted
 * leaves together.
 *
 * Which connection? An idle one. Else another is opened, as long as there may be more, and the batch waits
 * for whichever comes first. Only when all are at work a batch is sent behind others on the same connection
 * (`depth`): that saves the pause in which the server has nothing to do, a round trip and a turn of our loop,
 * but it ties the batch to what runs before it, while in the queue it would get the first connection that
 * becomes free. So it is done only behind batches that are young (BEHIND_USEC): most take about a
 * millisecond, and one that does not should make nobody else wait. With 64 callers and short reads on four
 * connections a depth of 4 did 33,100 batches/s, a depth of 1 14,700; commits, which wait for the disk, gain
 * little (1,340 to 1,080).
 *
 * A slow batch (BATCH_SLOW) has a connection for itself, and no more than half of the connections are taken
 * by such: a search over years of history does not keep a webhook waiting.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "basic/clock.h"
#include "db/conninfo.h"
#include "db/pool-private.h"
#include "db/wire.h"
#include "log/log.h"

#define BEHIND_USEC (10 * USEC_PER_MSEC)

static void on_turn(Soon *soon);
static void on_deadline(Timer *timer);

/* -- life -------------------------------------------------------------------------------------- */

static int make_conninfo(const PoolConfig *config, uint64_t timeout_usec, char **ret_conninfo) {
        _cleanup_(conninfo_wipe) Buffer conninfo = BUFFER_NULL;
        char options[96] = "";
        int r;

        /* A proxy may not know this parameter, and would not keep to it: submission.c sends the settings
         * there. */
        if (config->prepare)
                /* Our statements look rows up by their keys. At its default cost of a page PostgreSQL rather reads a
                 * small table through for each of them: 40 µs instead of 3 with 200 triggers. */
                snprintf(options, sizeof options,
                         "-c statement_timeout=%llu -c timezone=UTC -c random_page_cost=1.1",
                         (unsigned long long) timeout_usec / USEC_PER_MSEC);

        r = conninfo_build(text_of(config->url), config->disable_ssl, config->application_name, options,
                           &conninfo);
        if (r < 0)
                return r;

        *ret_conninfo = xstrdup(buffer_string(&conninfo));
        return 0;
}

int pool_new(Loop *loop, const PoolConfig *config, Pool **ret_pool) {
        uint64_t timeout_usec = config->timeout_usec > 0 ? config->timeout_usec : 15 * USEC_PER_SEC;
        char *conninfo;
        Pool *pool;
        int r;

        r = make_conninfo(config, timeout_usec, &conninfo);
        if (r < 0)
                return r;

        pool = xnew(Pool, 1);
        *pool = (Pool) {
                .loop = loop,
                .conninfo = conninfo,
                .n_connections = MAX(config->n_connections, (size_t) 1),
                .n_queue_max = config->n_queue_max > 0 ? config->n_queue_max : 1024,
                .timeout_usec = timeout_usec,
                .depth = config->depth > 0 ? config->depth : 4,
                .prepare = config->prepare,
        };
        for (ConnState state = 0; state < _CONN_STATE_MAX; state++)
                list_init(&pool->conns[state]);
        list_init(&pool->waiting);
        list_init(&pool->slow);
        list_init(&pool->finished);
        soon_init(&pool->turn, loop, on_turn);
        timer_init(&pool->deadline, loop, on_deadline);
        pool_conn_new(pool);

        *ret_pool = pool;
        return 0;
}

static void answer_all(Pool *pool) {
        List *link;

        while ((link = list_pop(&pool->finished))) {
                Submission *submission = list_entry(link, Submission, link);

                submission->done(submission->userdata, &submission->result);
                (void) submission_free(submission);
        }
}

static void cancel_all(Pool *pool, List *submissions) {
        list_for_each(link, submissions) {
                Submission *submission = list_entry(link, Submission, link);

                if (submission->done)
                        pool_answer_errno(pool, submission, -ECANCELED, "the program ends");
                else
                        (void) submission_free(submission);
        }
}

Pool *pool_free(Pool *pool) {
        if (!pool)
                return NULL;

        pool->closing = true;
        cancel_all(pool, &pool->waiting);
        cancel_all(pool, &pool->slow);
        for (ConnState state = 0; state < _CONN_STATE_MAX; state++)
                list_for_each(link, &pool->conns[state]) {
                        PoolConn *conn = list_entry(link, PoolConn, link);

                        cancel_all(pool, &conn->in_flight);
                        (void) pool_conn_free(conn);
                }

        answer_all(pool);
        soon_cancel(&pool->turn);
        timer_stop(&pool->deadline);
        explicit_bzero(pool->conninfo, strlen(pool->conninfo));
        free(pool->conninfo);
        free(pool);
        return NULL;
}

/* -- in and out -------------------------------------------------------------------------------- */

void pool_answer(Pool *pool, Submission *submission) {
        list_unlink(&submission->link);
        list_append(&pool->finished, &submission->link);
        /* Whoever asked may free it together with its arena. */
        submission->batch = NULL;
        soon_call(&pool->turn);
}

void pool_answer_errno(Pool *pool, Submission *submission, int error, const char *message) {
        submission_rewind(submission);
        batch_result_fail_errno(&submission->result, error, message);
        pool_answer(pool, submission);
}

static List *queue_of(Pool *pool, const Submission *submission) {
        return submission->flags & BATCH_SLOW ? &pool->slow : &pool->waiting;
}

void pool_put_back(Pool *pool, Submission *submission) {
        submission_rewind(submission);
        list_unlink(&submission->link);
        list_prepend(queue_of(pool, submission), &submission->link);
        pool->n_waiting++;
        soon_call(&pool->turn);
}

void pool_submit(Pool *pool, Batch *batch, PoolDone done, void *userdata) {
        Submission *submission = submission_new(batch, done, userdata);

        if (pool->closing)
                return pool_answer_errno(pool, submission, -ECANCELED, "the program ends");
        if (pool->n_waiting >= pool->n_queue_max)
                return pool_answer_errno(pool, submission, -EBUSY, "too many batches wait for the database");

        /* Not the loop's time: a turn in which somebody computed for long would take that from the batch. */
        submission->due_usec = clock_monotonic_usec() + pool->timeout_usec;
        if (!timer_is_running(&pool->deadline))
                timer_start(&pool->deadline, pool->timeout_usec);

        list_append(queue_of(pool, submission), &submission->link);
        pool->n_waiting++;
        soon_call(&pool->turn);
}

/* -- the turn ---------------------------------------------------------------------------------- */

Travel pool_travel(Pool *pool, PoolConn *conn) {
        return (Travel) {
                .prepared = pool->prepare ? &conn->prepared : NULL,
                .statement_timeout_usec = pool->prepare ? 0 : pool->timeout_usec,
        };
}

static PoolConn *first_conn(const Pool *pool, ConnState state) {
        const List *head = &pool->conns[state];

        return list_is_empty(head) ? NULL : list_entry(head->next, PoolConn, link);
}

static bool may_open(const Pool *pool) {
        return pool->n_conns < pool->n_connections && list_is_empty(&pool->conns[CONN_BROKEN]);
}

/* The one with the fewest batches, all of them young. */
static PoolConn *conn_to_follow(const Pool *pool) {
        uint64_t now = clock_monotonic_usec();
        PoolConn *best = NULL;

        list_for_each(link, &pool->conns[CONN_BUSY]) {
                PoolConn *conn = list_entry(link, PoolConn, link);
                const Submission *oldest = list_entry(conn->in_flight.next, Submission, link);

                if (now - oldest->sent_usec < BEHIND_USEC && (!best || conn->n_in_flight < best->n_in_flight))
                        best = conn;
        }

        return best;
}

static void send_from(Pool *pool, List *queue, PoolConn *conn) {
        pool->n_waiting--;
        pool_conn_send(conn, list_entry(queue->next, Submission, link));
}

static size_t slow_room(const Pool *pool) {
        return MAX(pool->n_connections / 2, (size_t) 1) - pool->n_slow;
}

static void send_waiting(Pool *pool) {
        PoolConn *conn;

        while (!list_is_empty(&pool->slow) && slow_room(pool) > 0 && (conn = first_conn(pool, CONN_IDLE)))
                send_from(pool, &pool->slow, conn);

        while (!list_is_empty(&pool->waiting)) {
                conn = first_conn(pool, CONN_IDLE);
                if (!conn && !may_open(pool))
                        conn = conn_to_follow(pool);
                if (!conn)
                        return;

                send_from(pool, &pool->waiting, conn);
        }
}

static size_t list_count(const List *head, size_t max) {
        size_t n = 0;

        for (const List *link = head->next; link != head && n < max; link = link->next)
                n++;
        return n;
}

/* One for each batch that could go, and one in any case: so the program knows whether the database is
 * there. */
static void open_more(Pool *pool) {
        size_t n_wanted = list_count(&pool->waiting, pool->n_connections) +
                          list_count(&pool->slow, slow_room(pool)) + (pool->n_conns == 0);
        size_t n_connecting = list_count(&pool->conns[CONN_CONNECTING], pool->n_connections);

        for (; may_open(pool) && n_connecting < n_wanted; n_connecting++)
                pool_conn_new(pool);
}

static void flush_all(Pool *pool) {
        list_for_each(link, &pool->conns[CONN_BUSY])
                pool_conn_flush(list_entry(link, PoolConn, link));
        list_for_each(link, &pool->conns[CONN_FULL])
                pool_conn_flush(list_entry(link, PoolConn, link));
}

static void tell_change(Pool *pool) {
        bool up = pool_n_ready(pool) > 0;

        if (up == pool->up)
                return;

        pool->up = up;
        if (pool->on_change)
                pool->on_change(up, pool->on_change_userdata);
}

static void work(Pool *pool) {
        send_waiting(pool);
        open_more(pool);
        flush_all(pool);
}

static void on_turn(Soon *soon) {
        Pool *pool = container_of(soon, Pool, turn);

        /* First what waits is sent, so that the server works while the answers are handed out; then once
         * more, because who was answered often has the next question. */
        work(pool);
        tell_change(pool);
        answer_all(pool);
        work(pool);
}

/* -- deadlines --------------------------------------------------------------------------------- */

static void expire(Pool *pool, List *queue, uint64_t now, uint64_t *next) {
        list_for_each(link, queue) {
                Submission *submission = list_entry(link, Submission, link);

                if (submission->due_usec <= now) {
                        pool->n_waiting--;
                        pool_answer_errno(pool, submission, -ETIMEDOUT, "no connection became free in time");
                } else
                        *next = MIN(*next, submission->due_usec);
        }
}

/*
 * What was sent cannot be taken back: cancelling would need a connection of its own, and blocks. The server
 * stops each statement by itself (statement_timeout); the answer is thrown away when it comes. The connection
 * stays with its batch until then, and is given up when it does not come at all.
 */
static void answer_late(Pool *pool, Submission *submission) {
        Submission *husk = submission, *late = submission_new(husk->batch, husk->done, husk->userdata);

        husk->batch = NULL;
        husk->done = NULL;
        batch_result_deinit(&husk->result);
        pool_answer_errno(pool, late, -ETIMEDOUT, "the answer did not come in time");
}

static uint64_t due(const Pool *pool, const Submission *submission) {
        return submission->done ? submission->due_usec : submission->due_usec + pool->timeout_usec;
}

static void expire_in_flight(PoolConn *conn, uint64_t now, uint64_t *next) {
        Pool *pool = conn->pool;

        list_for_each(link, &conn->in_flight) {
                Submission *submission = list_entry(link, Submission, link);

                if (submission->done && submission->due_usec <= now)
                        answer_late(pool, submission);
        }

        list_for_each(link, &conn->in_flight) {
                Submission *submission = list_entry(link, Submission, link);

                if (due(pool, submission) <= now)
                        return pool_conn_lost(conn, "no answer");
                *next = MIN(*next, due(pool, submission));
        }
}

static void on_deadline(Timer *timer) {
        Pool *pool = container_of(timer, Pool, deadline);
        uint64_t now = clock_monotonic_usec(), next = USEC_INFINITY;

        list_for_each(link, &pool->conns[CONN_BUSY])
                expire_in_flight(list_entry(link, PoolConn, link), now, &next);
        list_for_each(link, &pool->conns[CONN_FULL])
                expire_in_flight(list_entry(link, PoolConn, link), now, &next);

        /* Behind the connections, because what a lost one gave back waits again. */
        expire(pool, &pool->waiting, now, &next);
        expire(pool, &pool->slow, now, &next);

        if (next != USEC_INFINITY)
                timer_start(timer, next - now);
}

/* -- how it is --------------------------------------------------------------------------------- */

void pool_status(const Pool *pool, PoolStatus *ret_status) {
        PoolStatus status = {
                .n_ready = pool_n_ready(pool),
                .n_connections = pool->n_connections,
                .n_waiting = pool->n_waiting,
        };

        for (ConnState state = CONN_BUSY; state <= CONN_FULL; state++)
                list_for_each(link, &pool->conns[state])
                        status.n_in_flight += list_entry(link, PoolConn, link)->n_in_flight;

        *ret_status = status;
}

bool pool_is_up(const Pool *pool) {
        return pool_n_ready(pool) > 0;
}

void pool_on_change(Pool *pool, void (*handler)(bool up, void *userdata), void *userdata) {
        pool->on_change = handler;
        pool->on_change_userdata = userdata;
}
