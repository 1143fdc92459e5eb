/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Batches, parameters and rows against a real PostgreSQL, through the synchronous connection.
 */

#include <inttypes.h>

#include "basic/clock.h"
#include "db.h"

static Conn *conn;
static Arena arena = ARENA_NULL;

static const Query insert_thing = {
        "insert_thing", "INSERT INTO things (id, name, n) VALUES ($1, $2, $3)", 3
};
static const Query insert_part = {
        "insert_part", "INSERT INTO parts (thing_id, late_thing_id) VALUES ($1, $2)", 2
};
static const Query list_things = { "list_things", "SELECT name, n FROM things ORDER BY n", 0 };

static void setup(void) {
        test_script(conn,
                    "CREATE TABLE things (id uuid PRIMARY KEY, name text NOT NULL UNIQUE,"
                    "                     n bigint CONSTRAINT n_is_small CHECK (n < 1000));"
                    "CREATE TABLE parts (thing_id uuid REFERENCES things,"
                    "                    late_thing_id uuid CONSTRAINT late REFERENCES things"
                    "                                       DEFERRABLE INITIALLY DEFERRED);"
                    "CREATE FUNCTION refuse(code text) RETURNS void LANGUAGE plpgsql AS"
                    " $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = code; END $$");
}

static void add_thing(Batch *batch, const char *name, int64_t n) {
        Uuid id = uuid_new();

        batch_add(batch, &insert_thing, P_UUID(&id), P_STRING(name), P_INT(n));
}

static void check_run(Batch *batch, int error) {
        BatchResult result;

        CHECK_INT(conn_run(conn, batch, &result), error);
        batch_result_deinit(&result);
}

/* -- transactions ------------------------------------------------------------------------------ */

static void test_statements_in_order(void) {
        Batch *batch = batch_new(&arena, 0);
        BatchResult result;

        add_thing(batch, "a", 1);
        CHECK_INT(batch_add(batch, &list_things), 1);
        add_thing(batch, "b", 2);
        CHECK_INT(batch_add(batch, &list_things), 3);

        CHECK_INT(conn_run(conn, batch, &result), 0);
        CHECK_INT(result.n_rows, 4);
        CHECK_INT(rows_affected(result.rows[0]), 1);
        CHECK_INT(rows_count(result.rows[0]), 0);
        CHECK_INT(rows_count(result.rows[1]), 1);
        CHECK_INT(rows_count(result.rows[3]), 2);
        CHECK_TEXT(rows_text(result.rows[3], 1, rows_column(result.rows[3], "name")), "b");
        batch_result_deinit(&result);
}

static void test_failure_leaves_nothing(void) {
        Batch *batch = batch_new(&arena, 0);
        BatchResult result;

        add_thing(batch, "c", 3);
        add_thing(batch, "a", 4);       /* is there */
        add_thing(batch, "d", 5);

        CHECK_INT(conn_run(conn, batch, &result), -EEXIST);
        CHECK_STRING(result.sqlstate, "23505");
        CHECK_STRING(result.constraint, "things_name_key");
        CHECK(strstr(result.message, "duplicate key"));
        for (size_t i = 0; i < result.n_rows; i++)
                CHECK(result.rows[i] == NULL);
        batch_result_deinit(&result);

        CHECK_INT(test_number(conn, "SELECT count(*) FROM things"), 2);
}

static void test_empty_batch(void) {
        check_run(batch_new(&arena, 0), 0);
}

static void test_errors(void) {
        static const Query refuse = { "refuse", "SELECT refuse($1)", 1 };
        static const Query nowhere = { "nowhere", "SELECT 1 FROM nowhere", 0 };
        static const struct {
                const char *code;
                int error;
        } cases[] = {
                { "FX403", -EACCES },  { "FX404", -ENOENT }, { "FX409", -EEXIST }, { "FX410", -ESTALE },
                { "FX422", -EINVAL },  { "FX429", -EBUSY },  { "53100", -ENOSPC }, { "57P01", -ENOTCONN },
                { "57014", -ETIMEDOUT }, { "XX000", -EIO },
        };
        Batch *batch;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                batch = batch_new(&arena, 0);
                batch_add(batch, &refuse, P_STRING(cases[i].code));
                check_run(batch, cases[i].error);
        }

        batch = batch_new(&arena, 0);
        batch_add(batch, &nowhere);
        check_run(batch, -ENOTRECOVERABLE);

        batch = batch_new(&arena, 0);
        batch_add(batch, &refuse, P_TEXT(TEXT("a\0b")));        /* PostgreSQL's text has no NUL */
        check_run(batch, -EINVAL);
}

static void check_constraint(Batch *batch, int error, const char *constraint) {
        BatchResult result;

        CHECK_INT(conn_run(conn, batch, &result), error);
        CHECK_STRING(result.constraint, constraint);
        batch_result_deinit(&result);
}

static void test_constraints(void) {
        Uuid id = uuid_new(), stranger = uuid_new();
        Batch *batch;

        batch = batch_new(&arena, 0);
        add_thing(batch, "big", 1000);
        check_constraint(batch, -EINVAL, "n_is_small");

        batch = batch_new(&arena, 0);
        batch_add(batch, &insert_thing, P_UUID(&id), P_NULL, P_INT(1));
        check_run(batch, -EINVAL);

        batch = batch_new(&arena, 0);
        batch_add(batch, &insert_part, P_UUID(&stranger), P_NULL);
        check_constraint(batch, -ENOENT, "parts_thing_id_fkey");

        /* Deferred: all statements succeed, the commit does not. */
        batch = batch_new(&arena, 0);
        add_thing(batch, "late", 9);
        batch_add(batch, &insert_part, P_NULL, P_UUID(&stranger));
        check_constraint(batch, -ENOENT, "late");
        CHECK_INT(test_number(conn, "SELECT count(*) FROM things WHERE name = 'late'"), 0);
}

/* -- values ------------------------------------------------------------------------------------ */

static void test_values(void) {
        static const Query echo = {
                "echo",
                "SELECT $1::uuid AS u, $2::text AS t, $3::bytea AS b, $4::bigint AS i, $5::timestamptz AS at,"
                " $6::bool AS yes, $4::integer AS i4, $4::smallint AS i2, 0.5::double precision AS d, 0.25::real AS r,"
                " '{\"a\": 1}'::jsonb AS j, '[1]'::json AS js, $5::timestamptz::text AS said", 6
        };
        Batch *batch = batch_new(&arena, 0);
        Uuid id = uuid_new();
        uint64_t at = 1700000000123456;
        char bytes[256];
        BatchResult result;
        const Rows *rows;

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (char) i;

        batch_add(batch, &echo, P_UUID(&id), P_STRING("Grüße, 世界"), P_BYTES(text_make(bytes, sizeof bytes)),
                  P_INT(-7), P_TIME(at), P_BOOL(true));
        batch_add(batch, &echo, P_UUID(&UUID_NULL), P_TEXT(TEXT_NULL), P_BYTES(TEXT_NULL), P_NULL, P_TIME(0),
                  P_NULL);
        batch_add(batch, &echo, P_NULL, P_TEXT(TEXT("")), P_BYTES(TEXT("")), P_INT(0), P_TIME(1),
                  P_BOOL(false));

        CHECK_INT(conn_run(conn, batch, &result), 0);
        rows = result.rows[0];
        CHECK(uuid_equal(&(Uuid[]) { rows_uuid(rows, 0, 0) }[0], &id));
        CHECK_TEXT(rows_text(rows, 0, 1), "Grüße, 世界");
        CHECK(text_equal(rows_text(rows, 0, 2), text_make(bytes, sizeof bytes)));
        CHECK_INT(rows_int(rows, 0, 3), -7);
        CHECK_INT(rows_time(rows, 0, 4), at);
        CHECK(rows_bool(rows, 0, 5));
        CHECK_INT(rows_int(rows, 0, 6), -7);
        CHECK_INT(rows_int(rows, 0, 7), -7);
        CHECK(rows_double(rows, 0, 8) == 0.5);
        CHECK(rows_double(rows, 0, 9) == 0.25);
        CHECK_TEXT(rows_text(rows, 0, 10), "{\"a\": 1}");
        CHECK_TEXT(rows_text(rows, 0, 11), "[1]");
        /* The server lives in another zone; the session must not. */
        CHECK_TEXT(rows_text(rows, 0, 12), "2023-11-14 22:13:20.123456+00");

        rows = result.rows[1];
        for (int i = 0; i < 8; i++)
                CHECK(rows_is_null(rows, 0, i));
        CHECK(uuid_is_null(&(Uuid[]) { rows_uuid(rows, 0, 0) }[0]));
        CHECK(rows_text(rows, 0, 1).data == NULL);
        CHECK_INT(rows_int(rows, 0, 3), 0);
        CHECK_INT(rows_time(rows, 0, 4), 0);
        CHECK(!rows_bool(rows, 0, 5));

        rows = result.rows[2];
        CHECK(!rows_is_null(rows, 0, 1) && rows_text(rows, 0, 1).length == 0 && rows_text(rows, 0, 1).data);
        CHECK(!rows_is_null(rows, 0, 2) && rows_text(rows, 0, 2).length == 0);
        CHECK_INT(rows_time(rows, 0, 4), 1);
        CHECK(!rows_is_null(rows, 0, 5) && !rows_bool(rows, 0, 5));
        batch_result_deinit(&result);
}

static void test_number_limits(void) {
        static const Query limits = {
                "limits",
                "SELECT $1::bigint, $2::bigint, 'infinity'::timestamptz, '-infinity'::timestamptz,"
                " '1960-01-01'::timestamptz, (-2147483648)::integer, $3::timestamptz = 'infinity'::timestamptz", 3
        };
        Batch *batch = batch_new(&arena, 0);
        BatchResult result;

        batch_add(batch, &limits, P_INT(INT64_MIN), P_INT(INT64_MAX), P_TIME(USEC_INFINITY));
        CHECK_INT(conn_run(conn, batch, &result), 0);
        CHECK(rows_int(result.rows[0], 0, 0) == INT64_MIN);
        CHECK(rows_int(result.rows[0], 0, 1) == INT64_MAX);
        CHECK(rows_time(result.rows[0], 0, 2) == USEC_INFINITY);
        CHECK_INT(rows_time(result.rows[0], 0, 3), 1);
        CHECK_INT(rows_time(result.rows[0], 0, 4), 1);
        CHECK_INT(rows_int(result.rows[0], 0, 5), INT32_MIN);
        CHECK(rows_bool(result.rows[0], 0, 6));
        batch_result_deinit(&result);
}

static void test_row_read(void) {
        static const Query query = {
                "row",
                "SELECT 'x' AS label, true AS on, 12::bigint AS n, now() AS at, gen_random_uuid() AS id", 0
        };
        typedef struct Row {
                Text label;
                bool on;
                int64_t n;
                uint64_t at;
                Uuid id;
        } Row;
        static const Column columns[] = {
                { "id", COLUMN_UUID, offsetof(Row, id) },   { "label", COLUMN_TEXT, offsetof(Row, label) },
                { "n", COLUMN_INT, offsetof(Row, n) },      { "on", COLUMN_BOOL, offsetof(Row, on) },
                { "at", COLUMN_TIME, offsetof(Row, at) },   {},
        };
        Batch *batch = batch_new(&arena, 0);
        BatchResult result;
        Row row = {};

        batch_add(batch, &query);
        CHECK_INT(conn_run(conn, batch, &result), 0);
        row_read(result.rows[0], 0, columns, &arena, &row);
        batch_result_deinit(&result);

        CHECK_TEXT(row.label, "x");
        CHECK(row.on && row.n == 12 && !uuid_is_null(&row.id));
        CHECK(row.at > clock_now_usec() - USEC_PER_MINUTE && row.at < clock_now_usec() + USEC_PER_MINUTE);
}

/* -- arrays ------------------------------------------------------------------------------------ */

static void test_arrays(void) {
        static const Query unnest = {
                "unnest",
                "SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bigint[], $5::bool[],"
                "                     $6::timestamptz[]) WITH ORDINALITY AS x (u, t, b, i, yes, at, place) ORDER BY place", 6
        };
        const size_t big = 1024 * 1024;
        char *large = xmalloc(big);
        Batch *batch = batch_new(&arena, 0);
        Array u, t, b, i, yes, at;
        Uuid id = uuid_new();
        BatchResult result;
        const Rows *rows;

        memset(large, 'x', big);
        array_init(&u, ARRAY_UUID);
        array_init(&t, ARRAY_TEXT);
        array_init(&b, ARRAY_BYTES);
        array_init(&i, ARRAY_BIGINT);
        array_init(&yes, ARRAY_BOOL);
        array_init(&at, ARRAY_TIME);

        array_add_uuid(&u, &id);
        array_add_text(&t, text_make(large, big));
        array_add_text(&b, TEXT("\0\1"));
        array_add_int(&i, INT64_MIN);
        array_add_bool(&yes, true);
        array_add_time(&at, 1700000000000001);

        array_add_uuid(&u, &UUID_NULL);
        array_add_text(&t, TEXT_NULL);
        array_add_null(&b);
        array_add_null(&i);
        array_add_null(&yes);
        array_add_time(&at, 0);

        array_add_uuid(&u, &id);
        array_add_text(&t, TEXT(""));
        array_add_text(&b, TEXT(""));
        array_add_int(&i, 3);
        array_add_bool(&yes, false);
        array_add_time(&at, USEC_INFINITY);

        batch_add(batch, &unnest, array_param(&u), array_param(&t), array_param(&b), array_param(&i),
                  array_param(&yes), array_param(&at));
        CHECK_INT(conn_run(conn, batch, &result), 0);
        rows = result.rows[0];
        CHECK_INT(rows_count(rows), 3);

        CHECK(uuid_equal(&(Uuid[]) { rows_uuid(rows, 0, 0) }[0], &id));
        CHECK(text_equal(rows_text(rows, 0, 1), text_make(large, big)));
        CHECK(text_equal(rows_text(rows, 0, 2), TEXT("\0\1")));
        CHECK(rows_int(rows, 0, 3) == INT64_MIN);
        CHECK(rows_bool(rows, 0, 4));
        CHECK_INT(rows_time(rows, 0, 5), 1700000000000001);
        for (int column = 0; column < 6; column++)
                CHECK(rows_is_null(rows, 1, column));
        for (int column = 0; column < 6; column++)
                CHECK(!rows_is_null(rows, 2, column));
        CHECK_INT(rows_text(rows, 2, 1).length, 0);
        CHECK(rows_time(rows, 2, 5) == USEC_INFINITY);

        batch_result_deinit(&result);
        array_deinit(&u);
        array_deinit(&t);
        array_deinit(&b);
        array_deinit(&i);
        array_deinit(&yes);
        array_deinit(&at);
        free(large);
}

static void test_array_sizes(void) {
        static const Query measure = {
                "measure",
                "SELECT coalesce(cardinality($1::bigint[]), -1)::bigint, (SELECT sum(x)::bigint FROM unnest($1) x)", 1
        };
        static const size_t sizes[] = { 0, 1, 2, 100000 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                Batch *batch = batch_new(&arena, 0);
                BatchResult result;
                Array array;

                array_init(&array, ARRAY_BIGINT);
                for (size_t n = 0; n < sizes[i]; n++)
                        array_add_int(&array, 3);
                batch_add(batch, &measure, array_param(&array));

                CHECK_INT(conn_run(conn, batch, &result), 0);
                CHECK_INT(rows_int(result.rows[0], 0, 0), sizes[i]);
                CHECK_INT(rows_int(result.rows[0], 0, 1), 3 * sizes[i]);
                batch_result_deinit(&result);
                array_deinit(&array);
        }
}

/* -- the connection ---------------------------------------------------------------------------- */

static void test_large_batch(void) {
        static const Query query = { "large", "SELECT $1::text || repeat('y', 1000)", 1 };
        const size_t n = 5000, length = 2000;
        char *text = xmalloc(length);
        Batch *batch = batch_new(&arena, 0);
        BatchResult result;

        /* More than fits into the buffers of both sides: whoever only writes, or only reads, would stop
         * here for ever. */
        memset(text, 'x', length);
        for (size_t i = 0; i < n; i++)
                batch_add(batch, &query, P_TEXT(text_make(text, length)));

        CHECK_INT(conn_run(conn, batch, &result), 0);
        for (size_t i = 0; i < n; i++)
                CHECK_INT(rows_text(result.rows[i], 0, 0).length, length + 1000);
        batch_result_deinit(&result);
        free(text);
}

static void test_script_errors(void) {
        const char *message;

        CHECK_INT(conn_script(conn, "SELECT 1;\n-- ü\nSELECT nothing;", &message), -ENOTRECOVERABLE);
        CHECK(strstr(message, "nothing") && strstr(message, "line 3"));
        CHECK_INT(conn_script(conn, "CREATE TABLE half (); SELECT 1/0", &message), -EINVAL);
        CHECK_INT(test_number(conn, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
        CHECK_INT(conn_script(conn, "", &message), 0);
}

static void test_notifications(void) {
        _cleanup_(conn_freep) Conn *other = test_open(test_url());

        test_script(conn, "LISTEN test");
        CHECK_INT(conn_wait_notify(conn, 0), 0);
        test_script(other, "NOTIFY test");
        CHECK_INT(conn_wait_notify(conn, 10 * USEC_PER_SEC), 1);
        CHECK_INT(conn_wait_notify(conn, 1000), 0);
        test_script(conn, "UNLISTEN test");
}

static void test_lost(void) {
        _cleanup_(conn_freep) Conn *victim = test_open(test_url());
        Batch *batch = batch_new(&arena, 0);
        char sql[128];
        BatchResult result;

        snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%" PRIi64 ", 10000)",
                 test_number(victim, "SELECT pg_backend_pid()"));
        test_script(conn, sql);

        batch_add(batch, &list_things);
        CHECK_INT(conn_run(victim, batch, &result), -ENOTCONN);
        batch_result_deinit(&result);
        CHECK_INT(conn_wait_notify(victim, 1000), -ENOTCONN);
        CHECK_INT(conn_script(victim, "SELECT 1", NULL), -ENOTCONN);
        CHECK(*conn_error(victim));
}

static void test_no_server(void) {
        Conn *none;

        CHECK_INT(conn_open("host=/nowhere", false, "test", &none), -ENOTCONN);
        CHECK_INT(conn_open("this is no url", false, "test", &none), -EINVAL);
        CHECK_INT(conn_open("postgres://somewhere/x?sslmode=disable", false, "test", &none), -EINVAL);
}

int main(void) {
        conn = test_open(test_url());
        setup();

        test_statements_in_order();
        test_failure_leaves_nothing();
        test_empty_batch();
        test_errors();
        test_constraints();
        test_values();
        test_number_limits();
        test_row_read();
        test_arrays();
        test_array_sizes();
        test_large_batch();
        test_script_errors();
        test_notifications();
        test_lost();
        test_no_server();

        arena_deinit(&arena);
        conn_free(conn);
        return 0;
}
