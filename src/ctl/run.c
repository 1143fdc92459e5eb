/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl run: list, show, tail, retry, cancel.
 */

#include <errno.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/parse.h"
#include "ctl/ctl.h"
#include "ctl/sql.h"
#include "ctl/table.h"
#include "domain/rerun.h"

#define TAIL_INTERVAL_USEC (250 * USEC_PER_MSEC)

/* -- list ------------------------------------------------------------------------------------------ */

static const Shown list_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "state", SHOW_TEXT, 10 },
        { "inserted_at", SHOW_TIME, 20 },
        { "finished_at", SHOW_TIME, 20 },
        { "project", SHOW_TEXT, 20 },
        { "workflow", SHOW_TEXT, 24 },
        { "error_type", SHOW_TEXT, 0 },
        {}
};

int verb_run_list(Ctl *ctl, int argc, char *argv[]) {
        const char *project = NULL, *state = NULL;
        uint64_t limit = 20;
        BatchResult result;
        int r;

        for (int i = 1; i < argc; i += 2)
                if (i + 1 < argc && strcmp(argv[i], "--project") == 0)
                        project = argv[i + 1];
                else if (i + 1 < argc && strcmp(argv[i], "--state") == 0)
                        state = argv[i + 1];
                else if (i + 1 >= argc || strcmp(argv[i], "--limit") != 0 ||
                         parse_u64(text_of(argv[i + 1]), &limit) < 0 || limit < 1 || limit > 10000)
                        return EXIT_USAGE;

        r = ctl_query(ctl, &result, &SQL_CTL_RUN_LIST, P_STRING(project), P_STRING(state),
                      P_INT((int64_t) limit));
        if (r != EXIT_OK)
                return r;
        table_print(ctl, result.rows[0], list_columns);
        batch_result_deinit(&result);
        return EXIT_OK;
}

/* -- show ------------------------------------------------------------------------------------------ */

static const Shown show_columns[] = {
        { "id", SHOW_UUID },
        { "project", SHOW_TEXT },
        { "workflow", SHOW_TEXT },
        { "work_order_id", SHOW_UUID },
        { "state", SHOW_TEXT },
        { "error_type", SHOW_TEXT },
        { "error_message", SHOW_TEXT },
        { "queue", SHOW_TEXT },
        { "worker_name", SHOW_TEXT },
        { "dataclip_id", SHOW_UUID },
        { "final_dataclip_id", SHOW_UUID },
        { "inserted_at", SHOW_TIME },
        { "claimed_at", SHOW_TIME },
        { "started_at", SHOW_TIME },
        { "finished_at", SHOW_TIME },
        {}
};

static const Shown step_columns[] = {
        { "id", SHOW_UUID, 36 },
        { "exit_reason", SHOW_TEXT, 11 },
        { "duration_ms", SHOW_INT, 11 },
        { "memory_job", SHOW_INT, 12 },
        { "output_too_large", SHOW_BOOL, 16 },
        { "job", SHOW_TEXT, 24 },
        { "error_type", SHOW_TEXT, 0 },
        {}
};

static void print_run(Ctl *ctl, const Rows *run, const Rows *steps) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (!ctl->json) {
                for (const Shown *s = show_columns; s->name; s++) {
                        printf("%-18s", s->name);
                        table_print_value(run, 0, s);
                }
                putchar('\n');
                table_print(ctl, steps, step_columns);
                return;
        }

        json_begin(&w, NULL);
        json_begin_array(&w, "run");
        table_write_row(&w, run, 0, show_columns);
        json_end_array(&w);
        json_begin_array(&w, "steps");
        for (size_t i = 0; i < rows_count(steps); i++)
                table_write_row(&w, steps, i, step_columns);
        json_end_array(&w);
        json_end(&w);
        ctl_print_json(&buffer);
}

int verb_run_show(Ctl *ctl, int argc, char *argv[]) {
        BatchResult run, steps;
        Uuid id;
        int r;

        if (argc != 2 || !ctl_read_uuid(argv[1], "run", &id))
                return EXIT_USAGE;

        r = ctl_query(ctl, &run, &SQL_CTL_RUN_SHOW, P_UUID(&id));
        if (r != EXIT_OK)
                return r;
        if (rows_count(run.rows[0]) == 0) {
                batch_result_deinit(&run);
                return ctl_fail(EXIT_NOT_FOUND, "there is no run %s", argv[1]);
        }
        r = ctl_query(ctl, &steps, &SQL_CTL_RUN_STEPS, P_UUID(&id));
        if (r == EXIT_OK) {
                print_run(ctl, run.rows[0], steps.rows[0]);
                batch_result_deinit(&steps);
        }
        batch_result_deinit(&run);
        return r;
}

/* -- tail ------------------------------------------------------------------------------------------ */

static bool is_final(Text state) {
        return !text_is(state, "available") && !text_is(state, "claimed") && !text_is(state, "started");
}

static const Shown log_columns[] = {
        { "timestamp", SHOW_TIME },
        { "level", SHOW_TEXT },
        { "source", SHOW_TEXT },
        { "message", SHOW_TEXT },
        {}
};

/* What a workflow logs must not steer the terminal. A further line stands under the first. */
static void print_message(Text message) {
        for (size_t i = 0; i < message.length; i++) {
                unsigned char c = (unsigned char) message.data[i];

                if (c == '\n')
                        fputs("\n                              ", stdout);
                else if ((c < 0x20 && c != '\t') || c == 0x7f)
                        printf("\\x%02x", c);
                else
                        putchar(c);
        }
        putchar('\n');
}

static void print_log_line(Ctl *ctl, const Rows *rows, size_t row) {
        Text level = rows_text(rows, row, 2), source = rows_text(rows, row, 3),
             message = rows_text(rows, row, 4);
        char time[CLOCK_ISO_SIZE];
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (ctl->json) {
                table_write_row(&w, rows, row, log_columns);
                ctl_print_json(&buffer);
                return;
        }
        printf("%.15s  %-3s %-7s  ", clock_format_usec(rows_time(rows, row, 1), time) + 11,
               source.data ? source.data : "-", level.data);
        print_message(message);
}

/* Prints what is new. Log lines have increasing ids, so the last one is the place to go on from. */
static int print_new_lines(Ctl *ctl, const Uuid *run_id, Uuid *last) {
        BatchResult result;
        size_t n;
        int r;

        do {
                r = ctl_query(ctl, &result, &SQL_CTL_RUN_LOG, P_UUID(run_id), P_UUID(last));
                if (r != EXIT_OK)
                        return r;
                n = rows_count(result.rows[0]);
                for (size_t i = 0; i < n; i++)
                        print_log_line(ctl, result.rows[0], i);
                if (n > 0)
                        *last = rows_uuid(result.rows[0], n - 1, 0);
                batch_result_deinit(&result);
                fflush(stdout);
        } while (n > 0);
        return EXIT_OK;
}

int verb_run_tail(Ctl *ctl, int argc, char *argv[]) {
        Uuid id, last = UUID_NULL;
        BatchResult result;
        bool final = false, good = false;
        int r;

        if (argc != 2 || !ctl_read_uuid(argv[1], "run", &id))
                return EXIT_USAGE;

        while (!final) {
                arena_deinit(&ctl->arena);

                /* The state first: what was logged before it was final is there when we look afterwards. */
                r = ctl_query(ctl, &result, &SQL_CTL_RUN_SHOW, P_UUID(&id));
                if (r != EXIT_OK)
                        return r;
                if (rows_count(result.rows[0]) == 0) {
                        batch_result_deinit(&result);
                        return ctl_fail(EXIT_NOT_FOUND, "there is no run %s", argv[1]);
                }
                final = is_final(rows_text(result.rows[0], 0, rows_column(result.rows[0], "state")));
                good = text_is(rows_text(result.rows[0], 0, rows_column(result.rows[0], "state")), "success");
                batch_result_deinit(&result);

                r = print_new_lines(ctl, &id, &last);
                if (r != EXIT_OK)
                        return r;
                if (!final)
                        conn_wait_notify(ctl->conn, TAIL_INTERVAL_USEC);
        }
        return good ? EXIT_OK : EXIT_FAILED;
}

/* -- retry, cancel ------------------------------------------------------------------------------------ */

static void ring(Ctl *ctl, const char *channel, const char *payload) {
        BatchResult result;

        if (ctl_query(ctl, &result, &SQL_CTL_RING, P_STRING(channel), P_STRING(payload)) == EXIT_OK)
                batch_result_deinit(&result);
}

/* Runs the batch and says what its outcome means. */
static int run_outcome(Ctl *ctl, Batch *batch, const char *run) {
        BatchResult result;
        Text outcome;
        int r;

        conn_run(ctl->conn, batch, &result);
        r = ctl_report(ctl, &result);
        if (r == EXIT_OK) {
                outcome = rows_text(result.rows[0], 0, 0);
                if (text_is(outcome, "not_found"))
                        r = ctl_fail(EXIT_NOT_FOUND, "there is no run %s", run);
                else if (text_is(outcome, "wiped"))
                        r = ctl_fail(EXIT_FAILED, "cannot retry run using a wiped dataclip");
                else if (text_is(outcome, "not_available"))
                        r = ctl_fail(EXIT_FAILED, "run %s has been claimed by a worker or has ended", run);
        }
        batch_result_deinit(&result);
        return r;
}

int verb_run_retry(Ctl *ctl, int argc, char *argv[]) {
        RetryOptions options;
        Batch *batch = batch_new(&ctl->arena, 0);
        char text[UUID_STRING_SIZE];
        Uuid id, new_id = uuid_new();
        int r;

        if (argc != 2 || !ctl_read_uuid(argv[1], "run", &id))
                return EXIT_USAGE;

        options.run_timeout_msec = ctl->settings->max_run_duration_seconds * 1000;
        options.run_memory_limit_mb = ctl->settings->max_run_memory_mb;
        run_retry(batch, &UUID_NULL, &id, &new_id, &options);
        r = run_outcome(ctl, batch, argv[1]);
        if (r != EXIT_OK)
                return r;
        ring(ctl, "runs", "");
        printf(ctl->json ? "{\"run_id\":\"%s\"}\n" : "%s\n", uuid_format(&new_id, text));
        return EXIT_OK;
}

int verb_run_cancel(Ctl *ctl, int argc, char *argv[]) {
        Batch *batch = batch_new(&ctl->arena, 0);
        Uuid id;
        int r;

        if (argc != 2 || !ctl_read_uuid(argv[1], "run", &id))
                return EXIT_USAGE;

        run_cancel(batch, &UUID_NULL, &id);
        r = run_outcome(ctl, batch, argv[1]);
        if (r != EXIT_OK)
                return r;
        ring(ctl, "run_done", argv[1]);
        printf(ctl->json ? "{\"run_id\":\"%s\",\"state\":\"cancelled\"}\n" : "%s cancelled\n", argv[1]);
        return EXIT_OK;
}
