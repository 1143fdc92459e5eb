/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Migrations: fresh, again, killed in the middle, two at once, changed, and a database that is ahead.
 */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db.h"
#include "db/migrate.h"

/* The second one waits until somebody lets it go, if anybody holds it: the table `gate` is its database's. */
const Migration migrations[] = {
        { 1, "first", "CREATE TABLE first (id bigint); INSERT INTO first VALUES (1);" },
        { 2, "second",
          "CREATE TABLE second (id bigint);\n"
          "INSERT INTO second VALUES (1);\n"
          "SELECT pg_advisory_xact_lock(4711);\n" },
        { 7, "third", "ALTER TABLE second ADD COLUMN name text;" },
        {}
};

static Conn *aside;

/* A database of its own for each case. */
static const char *fresh(const char *name) {
        static char url[512];

        snprintf(url, sizeof url, "CREATE DATABASE %s", name);
        test_script(aside, url);
        snprintf(url, sizeof url, "%s dbname=%s", test_url(), name);
        return url;
}

static int run(const char *url, unsigned *ret_n_applied) {
        _cleanup_(conn_freep) Conn *conn = test_open(url);

        return migrate_run(conn, ret_n_applied);
}

static int missing(const char *url, unsigned *ret_n_missing) {
        _cleanup_(conn_freep) Conn *conn = test_open(url);

        return migrate_missing(conn, ret_n_missing);
}

static int64_t number(const char *url, const char *sql) {
        _cleanup_(conn_freep) Conn *conn = test_open(url);

        return test_number(conn, sql);
}

static void script(const char *url, const char *sql) {
        _cleanup_(conn_freep) Conn *conn = test_open(url);

        test_script(conn, sql);
}

static void check_complete(const char *url) {
        unsigned n = 99;

        CHECK_INT(missing(url, &n), 0);
        CHECK_INT(n, 0);
        CHECK_INT(number(url, "SELECT count(*) FROM schema_migrations"), 3);
        CHECK_INT(number(url, "SELECT count(*) FROM first"), 1);
        CHECK_INT(number(url, "SELECT count(*) FROM second WHERE name IS NULL"), 1);
}

static void test_fresh_and_again(void) {
        const char *url = fresh("again");
        unsigned n = 99;

        CHECK_INT(missing(url, &n), 0);
        CHECK_INT(n, 3);
        CHECK_INT(number(url, "SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations'"), 0);

        CHECK_INT(run(url, &n), 0);
        CHECK_INT(n, 3);
        check_complete(url);

        CHECK_INT(run(url, &n), 0);
        CHECK_INT(n, 0);
        CHECK_INT(run(url, NULL), 0);
}

/* Runs the migrations in a process of its own. */
static pid_t start(const char *url) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0)
                _exit(run(url, NULL) == 0 ? 0 : 1);
        return pid;
}

static void wait_for(const char *what) {
        char sql[256];

        snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND %s", what);
        while (test_number(aside, sql) == 0)
                usleep(10000);
}

#define GATE_HAS_A_WAITER "NOT granted AND objid = 4711"
#define LOCK_HAS_A_WAITER "NOT granted AND objid <> 4711"

static void test_killed_in_the_middle(void) {
        const char *url = fresh("killed");
        Conn *gate = test_open(url);
        int status;
        unsigned n;
        pid_t pid;

        test_script(gate, "SELECT pg_advisory_lock(4711)");
        pid = start(url);
        wait_for(GATE_HAS_A_WAITER);
        kill(pid, SIGKILL);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK(WIFSIGNALED(status));

        /* The second migration had made its table and waited; nothing of that is to be seen. */
        CHECK_INT(missing(url, &n), 0);
        CHECK_INT(n, 2);
        CHECK_INT(test_number(gate, "SELECT count(*) FROM pg_class WHERE relname = 'second'"), 0);
        conn_free(gate);

        CHECK_INT(run(url, &n), 0);
        CHECK_INT(n, 2);
        check_complete(url);
}

static void test_two_at_once(void) {
        const char *url = fresh("two");
        Conn *gate = test_open(url);
        int statuses[2];
        pid_t pids[2];

        test_script(gate, "SELECT pg_advisory_lock(4711)");
        pids[0] = start(url);
        pids[1] = start(url);
        wait_for(GATE_HAS_A_WAITER);
        wait_for(LOCK_HAS_A_WAITER);
        conn_free(gate);

        for (size_t i = 0; i < 2; i++) {
                CHECK_INT(waitpid(pids[i], &statuses[i], 0), pids[i]);
                CHECK(WIFEXITED(statuses[i]) && WEXITSTATUS(statuses[i]) == 0);
        }
        check_complete(url);
}

static void test_changed(void) {
        const char *url = fresh("changed");
        unsigned n;

        CHECK_INT(run(url, NULL), 0);
        script(url, "UPDATE schema_migrations SET sha256 = sha256('other'::bytea) WHERE version = 2;"
                    "DELETE FROM schema_migrations WHERE version = 7");
        CHECK_INT(run(url, NULL), -EBADMSG);
        CHECK_INT(missing(url, &n), -EBADMSG);
        CHECK_INT(number(url, "SELECT count(*) FROM schema_migrations"), 2);
}

static void test_newer_database(void) {
        const char *url = fresh("newer");
        unsigned n;

        CHECK_INT(run(url, NULL), 0);
        script(url, "INSERT INTO schema_migrations (version, name, sha256) VALUES (8, 'future', '')");
        CHECK_INT(run(url, NULL), -ENOTRECOVERABLE);
        CHECK_INT(missing(url, &n), -ENOTRECOVERABLE);
}

/* What fails leaves nothing, and what stood before it stays. */
static void test_failing(void) {
        const char *url = fresh("failing");
        unsigned n;

        script(url, "CREATE TABLE second (of int)");
        CHECK(run(url, NULL) < 0);
        CHECK_INT(missing(url, &n), 0);
        CHECK_INT(n, 2);
        script(url, "DROP TABLE second");
        CHECK_INT(run(url, &n), 0);
        CHECK_INT(n, 2);
        check_complete(url);
}

int main(void) {
        aside = test_open(test_url());

        test_fresh_and_again();
        test_killed_in_the_middle();
        test_two_at_once();
        test_changed();
        test_newer_database();
        test_failing();

        conn_free(aside);
        return 0;
}
