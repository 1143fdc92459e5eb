/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-cron: one tick. Each enabled cron trigger whose expression matches this minute (UTC) gets a work
 * order. The minute is taken in the same transaction, so several machines, or two ticks in one minute, fire
 * it once. A trigger that fails does not stop the others.
 */

#include "basic/clock.h"
#include "domain/cron-trigger.h"
#include "domain/cron.h"
#include "domain/work-order.h"
#include "log/message-id.h"
#include "tasks/task.h"

static int find_input(Conn *conn, Arena *arena, CronTrigger *trigger) {
        Batch *batch = batch_new(arena, BATCH_READ);
        BatchResult result;
        int r;

        cron_trigger_find_input(batch, trigger);
        r = task_batch(conn, batch, &result, "find the input of a cron trigger", 0);
        if (r == 0)
                trigger->dataclip_id =
                        rows_count(result.rows[0]) > 0 ? rows_uuid(result.rows[0], 0, 0) : UUID_NULL;
        batch_result_deinit(&result);
        return r;
}

/* The newest output is shared, not copied; without one the run starts from `{}`. */
static NewWorkOrder make_order(const CronTrigger *trigger) {
        bool has_input = !uuid_is_null(&trigger->dataclip_id);

        return (NewWorkOrder) {
                .work_order_id = uuid_new(),
                .run_id = uuid_new(),
                .project_id = trigger->project_id,
                .trigger_id = trigger->trigger_id,
                .dataclip_id = has_input ? trigger->dataclip_id : uuid_new(),
                .dataclip_type = has_input ? NULL : "global",
                .body = has_input ? TEXT_NULL : TEXT("{}"),
                .queue = RUN_QUEUE_DEFAULT,
                .priority = RUN_PRIORITY_NORMAL,
        };
}

static int fire(Settings *settings, Conn *conn, Arena *arena, CronTrigger *trigger, uint64_t minute_usec) {
        const WorkOrderTerms terms = {
                .trigger_type = "cron",
                .run_timeout_msec = settings->max_run_duration_seconds * 1000,
                .run_memory_limit_mb = settings->max_run_memory_mb,
        };
        _cleanup_(work_order_rows_freep) WorkOrderRows *rows = NULL;
        Batch *batch = batch_new(arena, 0);
        NewWorkOrder order;
        BatchResult result;
        int r;

        r = find_input(conn, arena, trigger);
        if (r < 0)
                return r;

        order = make_order(trigger);
        rows = work_order_rows_new(2);
        work_order_rows_add(rows, &order);
        cron_trigger_take_minute(batch, trigger, minute_usec);
        work_order_enqueue(batch, rows, &terms);
        r = task_batch(conn, batch, &result, "start the run of a cron trigger", -EEXIST);
        batch_result_deinit(&result);
        return r;
}

static bool matches(const CronTrigger *trigger, uint64_t minute_usec) {
        const char *message;
        Cron cron;

        if (cron_parse(trigger->cron_expression, &cron, &message) >= 0)
                return cron_matches(&cron, minute_usec);

        char id[UUID_STRING_SIZE];
        LogContext context = {};

        log_context_set(&context, "FULGUR_TRIGGER_ID", uuid_format(&trigger->trigger_id, id));
        log_full(LOG_WARNING, 0, &context, MSG_CRON_FAILED, "Cron trigger %s never fires: its expression %s",
                 id, message);
        return false;
}

static int run(Settings *settings, Conn *conn, Arena *arena) {
        uint64_t minute_usec = clock_now_usec() / USEC_PER_MINUTE * USEC_PER_MINUTE;
        Batch *batch = batch_new(arena, BATCH_READ);
        BatchResult result;
        size_t n_fired = 0, n_failed = 0;
        int r;

        cron_triggers_list(batch);
        r = task_batch(conn, batch, &result, "list the cron triggers", 0);
        for (size_t i = 0; r == 0 && i < rows_count(result.rows[0]); i++) {
                CronTrigger trigger = {};
                int f;

                row_read(result.rows[0], i, cron_trigger_columns, arena, &trigger);
                if (!matches(&trigger, minute_usec))
                        continue;
                f = fire(settings, conn, arena, &trigger, minute_usec);
                n_fired += f == 0;
                n_failed += f < 0 && f != -EEXIST;
        }
        batch_result_deinit(&result);

        if (n_fired > 0)
                task_ring(conn, arena, "runs", "");
        return n_failed > 0 ? -EIO : r;
}

int main(int argc, char *argv[]) {
        static const Task task = { "fulgur-cron",
                                   "Starts the workflows whose cron trigger is due this minute.", 0, run };

        return task_main(&task, argc, argv);
}
