/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-janitor: finds runs whose worker has gone, says so, and keeps the database's house.
 */

#include "domain/lost.h"
#include "log/message-id.h"
#include "tasks/task.h"

#define RUNS_AT_ONCE 500

static void tell_lost(Conn *conn, Arena *arena, const LostRun *run) {
        char run_id[UUID_STRING_SIZE], project_id[UUID_STRING_SIZE];
        LogContext context = {};

        log_context_set(&context, "FULGUR_RUN_ID", uuid_format(&run->run_id, run_id));
        log_context_set(&context, "FULGUR_PROJECT_ID", uuid_format(&run->project_id, project_id));
        log_context_set(&context, "FULGUR_WORKER", run->worker_name.data);
        log_full(LOG_NOTICE, 0, &context, MSG_RUN_LOST, "Run %s lost (%.*s): worker \"%.*s\" went silent",
                 run_id, (int) run->error_type.length, run->error_type.data, (int) run->worker_name.length,
                 run->worker_name.data);

        if (run->reply_after_completion)
                task_ring(conn, arena, "run_done", run_id);
}

static int mark_lost(Conn *conn, Arena *arena, const LostRules *rules) {
        BatchResult result;
        size_t n;
        int r;

        do {
                Batch *batch = batch_new(arena, 0);

                lost_runs_mark(batch, rules);
                r = task_batch(conn, batch, &result, "mark lost runs", 0);
                n = r < 0 ? 0 : rows_count(result.rows[0]);
                for (size_t i = 0; i < n; i++) {
                        LostRun run;

                        row_read(result.rows[0], i, lost_run_columns, arena, &run);
                        tell_lost(conn, arena, &run);
                }
                batch_result_deinit(&result);
        } while (n == rules->limit);
        return r;
}

static int keep_house(Conn *conn, Arena *arena, const LostRules *rules) {
        Batch *batch = batch_new(arena, 0);
        BatchResult result;
        int r;

        lost_steps_mark(batch, rules);
        housekeeping(batch);
        r = task_batch(conn, batch, &result, "keep house", 0);
        batch_result_deinit(&result);
        return r;
}

static int run(Settings *settings, Conn *conn, Arena *arena) {
        const LostRules rules = {
                .grace_seconds = settings->run_grace_period_seconds,
                .lease_seconds = settings->worker_lease_seconds,
                .limit = RUNS_AT_ONCE,
        };
        int r, h;

        r = mark_lost(conn, arena, &rules);
        h = keep_house(conn, arena, &rules);
        return r < 0 ? r : h;
}

int main(int argc, char *argv[]) {
        static const Task task = { "fulgur-janitor",
                                   "Marks lost runs and steps, and makes partitions for the months to come.",
                                   0, run };

        return task_main(&task, argc, argv);
}
