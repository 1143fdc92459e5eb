/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl status and worker list: what the database says of the queue, the daemons and the workers.
 */

#include <string.h>

#include "basic/clock.h"
#include "ctl/ctl.h"
#include "ctl/sql.h"
#include "db/migrate.h"

typedef struct Status {
        BatchResult result;             /* rows: queue, services, database */
        unsigned n_missing;             /* migrations */
} Status;

enum { STATUS_QUEUE, STATUS_SERVICES, STATUS_DATABASE };

static void print_status(const Status *status) {
        const Rows *queue = status->result.rows[STATUS_QUEUE],
                   *services = status->result.rows[STATUS_SERVICES];
        const Rows *database = status->result.rows[STATUS_DATABASE];
        char time[CLOCK_ISO_SIZE];

        printf("database    PostgreSQL %s, %.1f MiB, %s\n", rows_text(database, 0, 0).data,
               (double) rows_int(database, 0, 1) / 1048576,
               status->n_missing ? "migrations missing: run \"fulgurctl migrate\"" : "up to date");
        if (rows_count(queue) == 0)
                puts("queue       empty");
        for (size_t i = 0; i < rows_count(queue); i++)
                printf("queue       %lld %s, oldest from %s\n", (long long) rows_int(queue, i, 1),
                       rows_text(queue, i, 0).data, clock_format_sec(rows_time(queue, i, 2), time));
        for (size_t i = 0; i < rows_count(services); i++)
                printf("daemon      %s on %s since %s\n", rows_text(services, i, 0).data,
                       rows_text(services, i, 1).data, clock_format_sec(rows_time(services, i, 2), time));
}

static void print_status_json(const Status *status) {
        const Rows *queue = status->result.rows[STATUS_QUEUE],
                   *services = status->result.rows[STATUS_SERVICES];
        const Rows *database = status->result.rows[STATUS_DATABASE];
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin(&w, NULL);
        json_begin(&w, "database");
        json_text(&w, "server_version", rows_text(database, 0, 0));
        json_int(&w, "bytes", rows_int(database, 0, 1));
        json_int(&w, "migrations_missing", status->n_missing);
        json_end(&w);
        json_begin_array(&w, "queue");
        for (size_t i = 0; i < rows_count(queue); i++) {
                json_begin(&w, NULL);
                json_text(&w, "state", rows_text(queue, i, 0));
                json_int(&w, "n", rows_int(queue, i, 1));
                json_time_usec(&w, "oldest", rows_time(queue, i, 2));
                json_end(&w);
        }
        json_end_array(&w);
        json_begin_array(&w, "services");
        for (size_t i = 0; i < rows_count(services); i++) {
                json_begin(&w, NULL);
                json_text(&w, "service", rows_text(services, i, 0));
                json_text(&w, "host", rows_text(services, i, 1));
                json_time_usec(&w, "started_at", rows_time(services, i, 2));
                json_time_usec(&w, "seen_at", rows_time(services, i, 3));
                json_end(&w);
        }
        json_end_array(&w);
        json_end(&w);
        ctl_print_json(&buffer);
}

int verb_status(Ctl *ctl, int argc, char *argv[]) {
        Batch *batch = batch_new(&ctl->arena, BATCH_READ);
        Status status = {};
        int r;

        if (argc > 1)
                return EXIT_USAGE;
        if (migrate_missing(ctl->conn, &status.n_missing) < 0)
                return ctl_fail(EXIT_FAILED, "the database is newer than this program, or cannot be read");
        if (status.n_missing > 0)
                return ctl_fail(EXIT_FAILED, "%u migrations are missing: run \"fulgurctl migrate\"",
                                status.n_missing);

        batch_add_params(batch, &SQL_CTL_STATUS_QUEUE, NULL, 0);
        batch_add_params(batch, &SQL_CTL_STATUS_SERVICES, NULL, 0);
        batch_add_params(batch, &SQL_CTL_STATUS_DATABASE, NULL, 0);
        conn_run(ctl->conn, batch, &status.result);
        r = ctl_report(ctl, &status.result);
        if (r == EXIT_OK && ctl->json)
                print_status_json(&status);
        else if (r == EXIT_OK)
                print_status(&status);
        batch_result_deinit(&status.result);
        return r;
}

int verb_worker_list(Ctl *ctl, int argc, char *argv[]) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        char time[CLOCK_ISO_SIZE];
        BatchResult result;
        const Rows *rows;
        int r;

        if (argc > 1)
                return EXIT_USAGE;
        r = ctl_query_params(ctl, &result, &SQL_CTL_WORKER_LIST, NULL, 0);
        if (r != EXIT_OK)
                return r;
        rows = result.rows[0];

        json_begin_array(&w, NULL);
        if (!ctl->json)
                printf("%-32s %6s  %-20s %s\n", "worker", "runs", "oldest claim", "lease until");
        for (size_t i = 0; i < rows_count(rows); i++) {
                json_begin(&w, NULL);
                json_text(&w, "worker", rows_text(rows, i, 0));
                json_int(&w, "runs", rows_int(rows, i, 1));
                json_time_usec(&w, "oldest_claim", rows_time(rows, i, 2));
                json_time_usec(&w, "lease_expires_at", rows_time(rows, i, 3));
                json_end(&w);
                if (!ctl->json) {
                        printf("%-32s %6lld  %-20s ", rows_text(rows, i, 0).data,
                               (long long) rows_int(rows, i, 1),
                               clock_format_sec(rows_time(rows, i, 2), time));
                        printf("%s\n", clock_format_sec(rows_time(rows, i, 3), time));
                }
        }
        json_end_array(&w);
        if (ctl->json)
                ctl_print_json(&buffer);
        buffer_deinit(&buffer);
        batch_result_deinit(&result);
        return EXIT_OK;
}
