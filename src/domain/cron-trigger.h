/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cron triggers: which there are, what their next run gets as input, and the tick that fires each minute
 * once. Rules: background-and-integrations 2.2 to 2.4.
 */

#include "basic/arena.h"
#include "db/batch.h"

typedef struct CronTrigger {
        Uuid trigger_id, project_id, workflow_id;
        Text cron_expression;
        Uuid dataclip_id; /* the cursor: input of the next run; UUID_NULL: none yet, it gets `{}` */
} CronTrigger;

extern const Column cron_trigger_columns[];

/* Enabled triggers of living workflows. */
void cron_triggers_list(Batch *batch);
/* Its row has one column, dataclip_id: the final output of the workflow's newest successful run, or with a
 * cursor job the output of that job's newest successful step. No row, or null: nothing usable. */
void cron_trigger_find_input(Batch *batch, const CronTrigger *trigger);
/* Takes the minute for this trigger. Fails with -EEXIST, and with it the whole batch, when it has been taken:
 * by another machine, or by a tick before this one. */
void cron_trigger_take_minute(Batch *batch, const CronTrigger *trigger, uint64_t minute_usec);
