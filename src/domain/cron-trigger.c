/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cron triggers in the database: see cron-trigger.h.
 */

#include "domain/cron-trigger.h"

#include "domain/sql.h"

const Column cron_trigger_columns[] = {
        { "trigger_id", COLUMN_UUID, offsetof(CronTrigger, trigger_id) },
        { "project_id", COLUMN_UUID, offsetof(CronTrigger, project_id) },
        { "workflow_id", COLUMN_UUID, offsetof(CronTrigger, workflow_id) },
        { "cron_expression", COLUMN_TEXT, offsetof(CronTrigger, cron_expression) },
        {}
};

void cron_triggers_list(Batch *batch) {
        batch_add_params(batch, &SQL_CRON_TRIGGERS_LIST, NULL, 0);
}

void cron_trigger_find_input(Batch *batch, const CronTrigger *trigger) {
        batch_add(batch, &SQL_CRON_TRIGGER_INPUT, P_UUID(&trigger->trigger_id), P_UUID(&trigger->project_id));
}

void cron_trigger_take_minute(Batch *batch, const CronTrigger *trigger, uint64_t minute_usec) {
        batch_add(batch, &SQL_CRON_TAKE_MINUTE, P_UUID(&trigger->project_id), P_UUID(&trigger->trigger_id),
                  P_TIME(minute_usec));
}
