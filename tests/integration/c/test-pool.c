/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pool against a real PostgreSQL that is asked too much, restarted, killed and shot at.
 */

#include <inttypes.h>

#include "basic/clock.h"
#include "db.h"
#include "db/pool.h"

/* One batch that was submitted, and what came of it. */
typedef struct Asked {
        Arena arena;
        Batch *batch;
        BatchResult result;
        size_t place;           /* in the order of the answers, from 1; 0: none yet */
} Asked;

static Conn *aside;
static Loop *loop;
static Pool *pool;
static size_t n_asked, n_answered;
static bool submitting, waiting;

static const Query one = { "one", "SELECT 1::bigint", 0 };
static const Query echo = { "echo", "SELECT $1::bigint", 1 };
static const Query fail = { "fail", "SELECT 1 / ($1::bigint - $1::bigint)", 1 };
static const Query insert = { "insert_mark", "INSERT INTO marks (n) VALUES ($1)", 1 };
static const Query sleep_msec = { "sleep_msec", "SELECT pg_sleep($1::bigint / 1000.0)", 1 };

/* -- asking ------------------------------------------------------------------------------------ */

static void open_pool(PoolConfig config) {
        n_asked = n_answered = 0;
        config.url = test_url();
        config.application_name = "test-pool";
        CHECK_INT(pool_new(loop, &config, &pool), 0);
}

static void close_pool(void) {
        pool = pool_free(pool);
        CHECK_INT(n_answered, n_asked);
}

static void ask_init(Asked *asked, unsigned flags) {
        *asked = (Asked) {};
        asked->batch = batch_new(&asked->arena, flags);
}

static void on_answer(void *userdata, BatchResult *result) {
        Asked *asked = userdata;

        CHECK(!submitting);
        CHECK_INT(asked->place, 0);
        asked->place = ++n_answered;
        asked->result = *result;
        *result = (BatchResult) {};
        if (waiting && n_answered == n_asked)
                loop_exit(loop, 0);
}

static void submit(Asked *asked) {
        n_asked++;
        submitting = true;
        pool_submit(pool, asked->batch, on_answer, asked);
        submitting = false;
}

static void ask(Asked *asked, unsigned flags, const Query *query, int64_t n) {
        ask_init(asked, flags);
        batch_add_params(asked->batch, query, &P_INT(n), query->n_params);
        submit(asked);
}

static void wait_all(void) {
        waiting = true;
        if (n_answered < n_asked)
                CHECK_INT(loop_run(loop), 0);
        waiting = false;
        CHECK_INT(n_answered, n_asked);
}

static void forget(Asked *asked) {
        batch_result_deinit(&asked->result);
        arena_deinit(&asked->arena);
}

static void check_answer(Asked *asked, int error) {
        if (asked->result.error != error)
                fprintf(stderr, "%s\n", asked->result.message ? asked->result.message : "(no message)");
        CHECK_INT(asked->result.error, error);
        forget(asked);
}

static void ask_one(void) {
        Asked asked;

        ask(&asked, BATCH_READ, &one, 0);
        wait_all();
        check_answer(&asked, 0);
}

static int64_t backend_pid(void) {
        static const Query query = { "backend_pid", "SELECT pg_backend_pid()", 0 };
        Asked asked;
        int64_t pid;

        ask(&asked, BATCH_READ, &query, 0);
        wait_all();
        pid = rows_int(asked.result.rows[0], 0, 0);
        check_answer(&asked, 0);
        return pid;
}

/* Lets the loop go until the condition holds, looked at every 10 ms. */
typedef struct Until {
        Timer timer;
        bool (*holds)(void);
} Until;

static void on_until(Timer *timer) {
        Until *until = container_of(timer, Until, timer);

        if (until->holds())
                loop_exit(loop, 0);
        else
                timer_start(timer, 10 * USEC_PER_MSEC);
}

static void run_until(bool (*holds)(void)) {
        Until until = { .holds = holds };

        timer_init(&until.timer, loop, on_until);
        timer_start(&until.timer, 0);
        CHECK_INT(loop_run(loop), 0);
        CHECK(holds());
}

/* A lock of ours: what asks for it waits until we say so. */
#define GATE 4711

static const Query pass_gate = { "pass_gate", "SELECT pg_advisory_xact_lock_shared($1)", 1 };

static void gate_close(void) {
        test_script(aside, "SELECT pg_advisory_lock(4711)");
}

static void gate_open(void) {
        test_script(aside, "SELECT pg_advisory_unlock(4711)");
}

static int64_t n_waiting_at_gate(void) {
        return test_number(aside, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
}

/* -- plenty ------------------------------------------------------------------------------------ */

static void check_many(size_t n, PoolConfig config) {
        Asked *asked = xnew(Asked, n);

        config.n_queue_max = n;
        open_pool(config);
        for (size_t i = 0; i < n; i++)
                ask(&asked[i], 0, &echo, (int64_t) i);
        for (size_t i = 0; i < n; i++)
                CHECK_INT(asked[i].place, 0);

        wait_all();
        for (size_t i = 0; i < n; i++) {
                CHECK_INT(rows_int(asked[i].result.rows[0], 0, 0), i);
                check_answer(&asked[i], 0);
        }
        close_pool();
        free(asked);
}

static void test_many(void) {
        check_many(10000, (PoolConfig) { .n_connections = 1, .prepare = true });
        check_many(10000, (PoolConfig) { .n_connections = 4, .prepare = true });
        check_many(10000, (PoolConfig) { .n_connections = 1, .prepare = true, .depth = 64 });
        check_many(1000, (PoolConfig) { .n_connections = 1, .depth = 1 });
}

/* Both directions full at once: a pool that only reads or only writes would never end. */
static void test_large_values(void) {
        static const Query mirror = { "mirror", "SELECT $1::text", 1 };
        const size_t length = 8 * 1024 * 1024;
        char *text = xmalloc(length);
        Asked asked[6];

        memset(text, 'x', length);
        open_pool((PoolConfig) {
                .n_connections = 1,
                .depth = 6,
                .prepare = true,
                .timeout_usec = 60 * USEC_PER_SEC,
        });
        for (size_t i = 0; i < ELEMENTSOF(asked); i++) {
                ask_init(&asked[i], 0);
                batch_add(asked[i].batch, &mirror, P_TEXT(text_make(text, length)));
                submit(&asked[i]);
        }

        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++) {
                CHECK_INT(rows_text(asked[i].result.rows[0], 0, 0).length, length);
                check_answer(&asked[i], 0);
        }
        close_pool();
        free(text);
}

static void test_bounded_queue(void) {
        Asked asked[5];

        open_pool((PoolConfig) { .n_connections = 1, .n_queue_max = 3, .prepare = true });
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                ask(&asked[i], 0, &one, 0);
        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                check_answer(&asked[i], i < 3 ? 0 : -EBUSY);

        /* There is room again. */
        ask_one();
        close_pool();
}

static void test_cancelled(void) {
        Asked asked[3];

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true });
        ask_one();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                ask(&asked[i], 0, &one, 0);
        CHECK_INT(n_answered, 1);
        close_pool();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                check_answer(&asked[i], -ECANCELED);
}

/* Who is answered asks again, from the answer: the pool must be ready for that. */
typedef struct Chain {
        Asked asked;
        unsigned left;
} Chain;

static void chain_ask(Chain *chain);

static void on_chain_answer(void *userdata, BatchResult *result) {
        Chain *chain = userdata;

        CHECK_INT(result->error, 0);
        CHECK(!submitting);
        forget(&chain->asked);
        if (--chain->left > 0)
                chain_ask(chain);
        else
                loop_exit(loop, 0);
}

static void chain_ask(Chain *chain) {
        ask_init(&chain->asked, 0);
        batch_add(chain->asked.batch, &one);
        submitting = true;
        pool_submit(pool, chain->asked.batch, on_chain_answer, chain);
        submitting = false;
}

static void test_ask_from_answer(void) {
        Chain chain = { .left = 100 };

        open_pool((PoolConfig) { .n_connections = 2, .prepare = true });
        chain_ask(&chain);
        CHECK_INT(loop_run(loop), 0);
        CHECK_INT(chain.left, 0);
        close_pool();
}

/* -- transactions ------------------------------------------------------------------------------ */

/*
 * On one connection, in one turn: the first batch fails before the query it was to prepare, the others need
 * that query as well. Each must have its own outcome, and the connection must know
 * what it knows: it is not replaced.
 */
static void test_neighbours(void) {
        Asked failing, needing[3];
        int64_t pid;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true, .depth = 8 });
        pid = backend_pid();

        ask_init(&failing, 0);
        batch_add(failing.batch, &insert, P_INT(1));
        batch_add(failing.batch, &fail, P_INT(1));
        batch_add(failing.batch, &echo, P_INT(1));
        submit(&failing);
        for (size_t i = 0; i < ELEMENTSOF(needing); i++) {
                ask_init(&needing[i], 0);
                batch_add(needing[i].batch, &echo, P_INT(7));
                batch_add(needing[i].batch, &insert, P_INT(100));
                batch_add(needing[i].batch, &echo, P_INT(8));
                submit(&needing[i]);
        }

        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(needing); i++) {
                CHECK_INT(rows_int(needing[i].result.rows[0], 0, 0), 7);
                CHECK_INT(rows_int(needing[i].result.rows[2], 0, 0), 8);
                check_answer(&needing[i], 0);
        }
        CHECK_STRING(failing.result.sqlstate, "22012");
        CHECK(failing.result.rows[0] == NULL);
        check_answer(&failing, -EINVAL);
        CHECK_INT(test_number(aside, "SELECT count(*) FROM marks WHERE n = 1"), 0);
        CHECK_INT(test_number(aside, "SELECT count(*) FROM marks WHERE n = 100"), 3);

        ask(&failing, 0, &echo, 3);
        wait_all();
        check_answer(&failing, 0);
        CHECK_INT(backend_pid(), pid);
        close_pool();
}

static void test_empty_batch(void) {
        Asked asked;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true });
        ask_init(&asked, 0);
        submit(&asked);
        wait_all();
        check_answer(&asked, 0);
        close_pool();
}

static void test_failing_commit(void) {
        static const Query late = { "late", "INSERT INTO late_marks (n) VALUES ($1)", 1 };
        Asked failing, next;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true });
        ask_one();
        ask(&failing, 0, &late, 12345);
        ask(&next, 0, &echo, 1);
        wait_all();
        CHECK_STRING(failing.result.constraint, "late_marks_n_fkey");
        check_answer(&failing, -ENOENT);
        check_answer(&next, 0);
        close_pool();
}

/* Rolled back because of somebody else's transaction: sent again, once. */
static void test_second_go(void) {
        static const Query unlucky = { "unlucky", "SELECT unlucky($1)", 1 };
        Asked once, twice, write;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true });
        ask(&once, 0, &unlucky, 1);
        wait_all();
        check_answer(&once, 0);

        test_script(aside, "ALTER SEQUENCE tries RESTART");
        ask(&twice, 0, &unlucky, 2);
        wait_all();
        CHECK_STRING(twice.result.sqlstate, "40001");
        check_answer(&twice, -EAGAIN);

        test_script(aside, "ALTER SEQUENCE tries RESTART");
        ask_init(&write, 0);
        batch_add(write.batch, &insert, P_INT(500));
        batch_add(write.batch, &unlucky, P_INT(1));
        submit(&write);
        wait_all();
        check_answer(&write, 0);
        CHECK_INT(test_number(aside, "SELECT count(*) FROM marks WHERE n = 500"), 1);
        close_pool();
}

/* A migration changes what a prepared statement returns: that connection cannot run it any more, another
 * one can. */
static void test_changed_plan(void) {
        static const Query all = { "all", "SELECT * FROM shape", 0 };
        Asked asked;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true });
        ask(&asked, 0, &all, 0);
        wait_all();
        check_answer(&asked, 0);

        test_script(aside, "ALTER TABLE shape ADD COLUMN more text");
        ask(&asked, 0, &all, 0);
        wait_all();
        CHECK_INT(rows_column(asked.result.rows[0], "more"), 1);
        check_answer(&asked, 0);
        close_pool();
}

static void test_prepare_or_not(void) {
        static const Query count = {
                "count", "SELECT count(*), current_setting('statement_timeout'), current_setting('timezone')"
                         " FROM pg_prepared_statements", 0
        };
        Asked asked;

        for (int prepare = 0; prepare < 2; prepare++) {
                open_pool((PoolConfig) {
                        .n_connections = 1,
                        .prepare = prepare,
                        .timeout_usec = 7 * USEC_PER_SEC,
                });
                ask_one();
                ask_one();
                ask(&asked, 0, &count, 0);
                wait_all();
                CHECK_INT(rows_int(asked.result.rows[0], 0, 0), prepare ? 2 : 0);
                CHECK_TEXT(rows_text(asked.result.rows[0], 0, 1), "7s");
                CHECK_TEXT(rows_text(asked.result.rows[0], 0, 2), "UTC");
                check_answer(&asked, 0);
                close_pool();
        }
}

/* -- the slow lane ----------------------------------------------------------------------------- */

#define N_QUICK 20

static bool two_wait_and_the_quick_are_done(void) {
        return n_waiting_at_gate() == 2 && n_answered == N_QUICK;
}

static void test_slow_lane(void) {
        Asked slow[6], quick[N_QUICK];
        PoolStatus status;

        gate_close();
        open_pool((PoolConfig) { .n_connections = 4, .prepare = true });
        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                ask(&slow[i], BATCH_SLOW, &pass_gate, GATE);
        for (size_t i = 0; i < ELEMENTSOF(quick); i++)
                ask(&quick[i], 0, &one, 0);

        /* Two of four connections are slow, the other slow ones wait, and nobody else waited for them. */
        run_until(two_wait_and_the_quick_are_done);
        pool_status(pool, &status);
        CHECK_INT(status.n_in_flight, 2);
        CHECK_INT(status.n_waiting, 4);

        gate_open();
        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(quick); i++)
                check_answer(&quick[i], 0);
        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                check_answer(&slow[i], 0);
        close_pool();
}

/* -- time -------------------------------------------------------------------------------------- */

static void test_timeout(void) {
        Asked sleeping, behind;

        open_pool((PoolConfig) {
                .n_connections = 1,
                .depth = 1,
                .prepare = true,
                .timeout_usec = 1 * USEC_PER_SEC,
        });
        ask_one();
        ask(&sleeping, 0, &sleep_msec, 60000);
        ask(&behind, 0, &sleep_msec, 60000);
        wait_all();
        check_answer(&sleeping, -ETIMEDOUT);
        check_answer(&behind, -ETIMEDOUT);

        /* What was answered late is read and thrown away, and the connection serves again. */
        ask_one();
        close_pool();
}

/* Each statement is in time, the batch is not: the server does not stop it, the answer must come all the
 * same. */
static void test_late_answer(void) {
        Asked late, next;

        open_pool((PoolConfig) { .n_connections = 1, .prepare = true, .timeout_usec = 1 * USEC_PER_SEC });
        ask_one();
        ask_init(&late, 0);
        for (size_t i = 0; i < 2; i++)
                batch_add(late.batch, &sleep_msec, P_INT(700));
        submit(&late);
        wait_all();
        check_answer(&late, -ETIMEDOUT);

        ask(&next, 0, &one, 0);
        wait_all();
        check_answer(&next, 0);
        close_pool();
}

/* -- lost connections -------------------------------------------------------------------------- */

static bool one_waits(void) {
        return n_waiting_at_gate() == 1;
}

static void test_lost_in_flight(void) {
        Asked asked[4];

        gate_close();
        open_pool((PoolConfig) { .n_connections = 1, .depth = 4, .prepare = true });
        ask_one();
        ask(&asked[0], BATCH_READ, &pass_gate, GATE);
        ask(&asked[1], 0, &insert, 300);
        ask(&asked[2], BATCH_IDEMPOTENT, &insert, 301);
        ask(&asked[3], BATCH_READ, &echo, 5);
        run_until(one_waits);
        test_script(aside, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE application_name = 'test-pool'");
        gate_open();

        wait_all();
        check_answer(&asked[1], -ENOTCONN);
        /* In the order they were sent first. */
        CHECK(asked[0].place < asked[2].place && asked[2].place < asked[3].place);
        check_answer(&asked[0], 0);
        check_answer(&asked[2], 0);
        CHECK_INT(rows_int(asked[3].result.rows[0], 0, 0), 5);
        check_answer(&asked[3], 0);
        CHECK_INT(test_number(aside, "SELECT count(*) FROM marks WHERE n = 300"), 0);
        CHECK_INT(test_number(aside, "SELECT count(*) FROM marks WHERE n = 301"), 1);
        close_pool();
}

/* As a server does that is restarted: whichever connection the batch is sent on next is ended, too. */
static void test_lost_one_after_the_other(void) {
        Asked asked;

        gate_close();
        open_pool((PoolConfig) { .n_connections = 4, .prepare = true });
        ask_one();
        ask(&asked, BATCH_READ, &pass_gate, GATE);
        for (unsigned i = 0; i < 3; i++) {
                run_until(one_waits);
                /* Gone when it returns: who waits then is the next one. */
                test_script(aside, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                                   " WHERE application_name = 'test-pool'");
        }
        gate_open();

        wait_all();
        check_answer(&asked, 0);
        close_pool();
}

/* A batch that takes its connection with it is not tried for ever. */
static void test_deadly_batch(void) {
        static const Query suicide = { "suicide", "SELECT pg_terminate_backend(pg_backend_pid())", 0 };
        Asked asked;

        open_pool((PoolConfig) { .n_connections = 2, .prepare = true });
        ask(&asked, BATCH_READ, &suicide, 0);
        wait_all();
        check_answer(&asked, -ENOTCONN);
        ask_one();
        close_pool();
}

static unsigned n_ups, n_downs;

static void on_change(bool up, _unused_ void *userdata) {
        CHECK(up == pool_is_up(pool));
        if (up)
                n_ups++;
        else
                n_downs++;
}

static bool is_up(void) {
        return pool_is_up(pool);
}

static bool is_down(void) {
        return !pool_is_up(pool);
}

static void check_outage(const char *stop) {
        Asked asked[3];
        PoolStatus status;

        n_ups = n_downs = 0;
        open_pool((PoolConfig) { .n_connections = 3, .prepare = true });
        pool_on_change(pool, on_change, NULL);
        run_until(is_up);
        ask_one();

        test_server(stop);
        run_until(is_down);
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                ask(&asked[i], 0, &insert, 400);
        pool_status(pool, &status);
        CHECK_INT(status.n_ready, 0);
        CHECK_INT(status.n_waiting, 3);
        CHECK_INT(status.n_connections, 3);

        test_server("start");
        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                check_answer(&asked[i], 0);
        CHECK_INT(n_ups, 2);
        CHECK_INT(n_downs, 1);
        close_pool();
}

static void test_outage(void) {
        conn_free(aside);
        check_outage("stop");
        check_outage("kill");
        aside = test_open(test_url());
}

static void test_timeout_in_outage(void) {
        Asked asked;

        conn_free(aside);
        test_server("stop");
        open_pool((PoolConfig) { .n_connections = 2, .prepare = true, .timeout_usec = 200 * USEC_PER_MSEC });
        ask(&asked, BATCH_READ, &one, 0);
        wait_all();
        check_answer(&asked, -ETIMEDOUT);
        close_pool();
        test_server("start");
        aside = test_open(test_url());
}

/* No connection is free for the second one: it comes when there is one, and the first works on. */
static void test_too_many_connections(void) {
        Asked asked[8];

        test_script(aside, "CREATE ROLE narrow LOGIN CONNECTION LIMIT 2");
        n_asked = n_answered = 0;
        {
                char url[512];
                PoolConfig config = { .n_connections = 8, .prepare = true, .url = url };

                snprintf(url, sizeof url, "%s user=narrow", test_url());
                CHECK_INT(pool_new(loop, &config, &pool), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                ask(&asked[i], 0, &sleep_msec, 50);
        wait_all();
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                check_answer(&asked[i], 0);
        close_pool();
}

static void test_bad_url(void) {
        PoolConfig config = { .url = "http://example.org", .n_connections = 1 };

        CHECK_INT(pool_new(loop, &config, &pool), -EINVAL);
}

int main(void) {
        aside = test_open(test_url());
        test_script(aside, "CREATE TABLE marks (n bigint); CREATE TABLE shape (id bigint);"
                           "CREATE TABLE keys (n bigint PRIMARY KEY);"
                           "CREATE SEQUENCE tries;"
                           "CREATE FUNCTION unlucky(n bigint) RETURNS void LANGUAGE plpgsql AS"
                           " $$ BEGIN IF nextval('tries') <= n THEN"
                           "    RAISE EXCEPTION 'somebody else' USING ERRCODE = '40001'; END IF; END $$;"
                           "CREATE TABLE late_marks (n bigint REFERENCES keys DEFERRABLE INITIALLY DEFERRED)");
        CHECK_INT(loop_new(&loop), 0);

        test_many();
        test_large_values();
        test_bounded_queue();
        test_cancelled();
        test_ask_from_answer();
        test_neighbours();
        test_empty_batch();
        test_failing_commit();
        test_second_go();
        test_changed_plan();
        test_prepare_or_not();
        test_slow_lane();
        test_timeout();
        test_late_answer();
        test_lost_in_flight();
        test_lost_one_after_the_other();
        test_deadly_batch();
        test_outage();
        test_timeout_in_outage();
        test_too_many_connections();
        test_bad_url();

        loop_free(loop);
        conn_free(aside);
        return 0;
}
