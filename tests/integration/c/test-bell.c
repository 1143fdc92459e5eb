/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bell across restarts, and the ringer that gathers.
 */

#include "basic/clock.h"
#include "db.h"
#include "db/bell.h"

static Loop *loop;
static Pool *pool;

/* What was heard since the last look, and when that is enough. */
static Buffer heard;
static const char *enough;

static void hear(const char *channel, const char *payload, void *userdata) {
        CHECK(userdata == &heard);
        buffer_printf(&heard, "%s%s%s ", channel ? channel : "again", payload ? "=" : "",
                      payload ? payload : "");
        if (enough && strstr(buffer_string(&heard), enough))
                loop_exit(loop, 0);
}

/* Runs until something with that end was heard; what came before it is there, too. */
static void listen_until(const char *text) {
        enough = text;
        if (!strstr(buffer_string(&heard), text))
                CHECK_INT(loop_run(loop), 0);
        enough = NULL;
}

static void check_heard(const char *text) {
        CHECK_STRING(buffer_string(&heard), text);
        buffer_clear(&heard);
}

static void run_for(uint64_t usec);

static Bell *bell_open(void) {
        static const char *const channels[] = { "runs", "run_done", NULL };
        Bell *bell;

        CHECK_INT(bell_new(loop, test_url(), false, channels, hear, &heard, &bell), 0);
        CHECK(!bell_is_listening(bell));
        return bell;
}

static void on_timer(_unused_ Timer *timer) {
        loop_exit(loop, 0);
}

static void run_for(uint64_t usec) {
        Timer timer;

        timer_init(&timer, loop, on_timer);
        timer_start(&timer, usec);
        CHECK_INT(loop_run(loop), 0);
}

static void notify(const char *sql) {
        _cleanup_(conn_freep) Conn *conn = test_open(test_url());

        test_script(conn, sql);
}

static void test_listen(void) {
        _cleanup_(bell_freep) Bell *bell = bell_open();

        listen_until("again");
        CHECK(bell_is_listening(bell));
        check_heard("again ");

        notify("NOTIFY runs; NOTIFY other; NOTIFY run_done, 'some id'; NOTIFY runs");
        listen_until("some id");
        check_heard("runs run_done=some id ");
}

static void check_outage(const char *stop) {
        _cleanup_(bell_freep) Bell *bell = bell_open();

        listen_until("again");
        buffer_clear(&heard);

        test_server(stop);
        while (bell_is_listening(bell))
                run_for(10 * USEC_PER_MSEC);
        test_server("start");
        /* Not heard by anybody: that is why "again" has to come. */
        notify("NOTIFY runs");
        listen_until("again");
        CHECK(bell_is_listening(bell));
        notify("NOTIFY run_done, 'x'");
        listen_until("run_done=x");
        CHECK(strstr(buffer_string(&heard), "again "));
        buffer_clear(&heard);
}

static void open_pool(void) {
        PoolConfig config = {
                .url = test_url(),
                .n_connections = 1,
                .prepare = true,
                .timeout_usec = 300 * USEC_PER_MSEC,
        };

        CHECK_INT(pool_new(loop, &config, &pool), 0);
}

static void test_ringer_merges(void) {
        _cleanup_(bell_freep) Bell *bell = bell_open();
        Ringer *ringer;

        listen_until("again");
        buffer_clear(&heard);
        open_pool();
        CHECK_INT(ringer_new(loop, pool, 5 * USEC_PER_MSEC, &ringer), 0);

        for (size_t i = 0; i < 100; i++)
                ringer_ring(ringer, "runs", NULL);
        ringer_ring(ringer, "run_done", "a");
        ringer_ring(ringer, "run_done", "b");
        ringer_ring(ringer, "run_done", "a");
        ringer_ring(ringer, "run_done", "end");
        listen_until("end");
        check_heard("runs run_done=a run_done=b run_done=end ");

        /* Equal to one that has left already: it is a new one. */
        ringer_ring(ringer, "runs", NULL);
        listen_until("runs");
        check_heard("runs ");

        ringer_free(ringer);
        pool = pool_free(pool);
}

/* Rings of an outage arrive behind it; a ringer may go while its batch is under way. */
static void test_ringer_outage(void) {
        Ringer *ringer;
        Conn *listener;

        test_server("stop");
        open_pool();
        CHECK_INT(ringer_new(loop, pool, 5 * USEC_PER_MSEC, &ringer), 0);
        ringer_ring(ringer, "run_done", "1");
        run_for(500 * USEC_PER_MSEC);   /* longer than a batch may wait */

        /* Not a bell: it needs the loop to connect, and might come too late to hear it. */
        test_server("start");
        listener = test_open(test_url());
        test_script(listener, "LISTEN run_done");
        while (conn_wait_notify(listener, 0) == 0)
                run_for(10 * USEC_PER_MSEC);

        ringer_ring(ringer, "run_done", "last");
        run_for(10 * USEC_PER_MSEC);
        ringer_free(ringer);
        pool = pool_free(pool);
        conn_free(listener);
}

int main(void) {
        CHECK_INT(loop_new(&loop), 0);

        test_listen();
        check_outage("stop");
        check_outage("kill");
        test_ringer_merges();
        test_ringer_outage();

        buffer_deinit(&heard);
        loop_free(loop);
        return 0;
}
