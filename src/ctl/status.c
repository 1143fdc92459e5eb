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

typedef struct WorkerRow {
        Text worker, version;
        int64_t n_sockets, capacity, n_runs;
        uint64_t connected_at, oldest_claim;
} WorkerRow;

static const Column worker_columns[] = {
        { "worker",       COLUMN_TEXT, offsetof(WorkerRow, worker)       },
        { "version",      COLUMN_TEXT, offsetof(WorkerRow, version)      },
        { "n_sockets",    COLUMN_INT,  offsetof(WorkerRow, n_sockets)    },
        { "capacity",     COLUMN_INT,  offsetof(WorkerRow, capacity)     },
        { "n_runs",       COLUMN_INT,  offsetof(WorkerRow, n_runs)       },
        { "connected_at", COLUMN_TIME, offsetof(WorkerRow, connected_at) },
        { "oldest_claim", COLUMN_TIME, offsetof(WorkerRow, oldest_claim) },
        {}
};

static void write_worker(JsonWriter *w, const WorkerRow *row) {
        json_begin(w, NULL);
        json_text(w, "worker", row->worker);
        json_bool(w, "connected", row->n_sockets > 0);
        json_int(w, "capacity", row->capacity);
        json_text(w, "version", row->version);
        json_time_usec(w, "connected_at", row->connected_at);
        json_int(w, "runs", row->n_runs);
        json_time_usec(w, "oldest_claim", row->oldest_claim);
        json_end(w);
}

static const char *time_or_dash(uint64_t usec, char buffer[static CLOCK_ISO_SIZE]) {
        return usec ? clock_format_sec(usec, buffer) : "-";
}

static void print_worker(const WorkerRow *row) {
        char connected[CLOCK_ISO_SIZE], claimed[CLOCK_ISO_SIZE];

        printf("%-28.*s %-12.*s %-20s %4lld of %-4lld %s\n", (int) row->worker.length, row->worker.data,
               (int) row->version.length, row->version.data ? row->version.data : "",
               time_or_dash(row->connected_at, connected), (long long) row->n_runs, (long long) row->capacity,
               time_or_dash(row->oldest_claim, claimed));
}

int verb_worker_list(Ctl *ctl, int argc, char *argv[]) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        BatchResult result;
        int r;

        if (argc > 1)
                return EXIT_USAGE;
        r = ctl_query_params(ctl, &result, &SQL_CTL_WORKER_LIST, NULL, 0);
        if (r != EXIT_OK)
                return r;

        json_begin_array(&w, NULL);
        if (!ctl->json)
                printf("%-28s %-12s %-20s %-12s %s\n", "worker", "version", "connected", "runs", "oldest claim");
        for (size_t i = 0; i < rows_count(result.rows[0]); i++) {
                WorkerRow row = {};

                row_read(result.rows[0], i, worker_columns, &ctl->arena, &row);
                if (ctl->json)
                        write_worker(&w, &row);
                else
                        print_worker(&row);
        }
        json_end_array(&w);

        if (ctl->json)
                ctl_print_json(&buffer);
        buffer_deinit(&buffer);
        batch_result_deinit(&result);
        return EXIT_OK;
}
