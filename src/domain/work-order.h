/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work orders: what a webhook, a clock or a person starts. Each is stored with its dataclip, its first run
 * and the run's place in the queue, many in one transaction.
 *
 *      WorkOrderRows *rows = work_order_rows_new(n_bytes);
 *      work_order_rows_add(rows, &order);              for each
 *      work_order_enqueue(batch, rows, &terms);
 *      …the batch is run, then rows are freed
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/macros.h"
#include "basic/text.h"
#include "basic/uuid.h"
#include "db/batch.h"

/* Which workers serve a run first (data-model, runs.queue). */
#define RUN_QUEUE_DEFAULT "default"
#define RUN_QUEUE_FAST_LANE "fast_lane"         /* somebody waits for the answer */
#define RUN_QUEUE_MANUAL "manual"

enum {
        RUN_PRIORITY_IMMEDIATE = 0,
        RUN_PRIORITY_NORMAL = 1,
};

typedef struct NewWorkOrder {
        /* uuid_new() of the caller: a second try of a batch is recognised by them. */
        Uuid work_order_id, run_id;
        Uuid project_id;
        Uuid trigger_id, job_id;                /* where the run starts: one of them */
        Uuid created_by_id;                     /* UUID_NULL: nobody pressed a button */
        Uuid dataclip_id;
        const char *dataclip_type;              /* of a new dataclip; NULL: dataclip_id is there already, or null */
        Text body;                              /* JSON */
        Text request;                           /* JSON; TEXT_NULL: not from a request */
        const char *queue;
        int64_t priority;
        bool reply_after_completion;            /* the webhook's caller waits for the run */
} NewWorkOrder;

/* What holds for all of a batch. */
typedef struct WorkOrderTerms {
        const char *trigger_type;               /* they must be enabled and of this type; NULL: a person starts them */
        uint64_t run_timeout_msec;
        uint64_t run_memory_limit_mb;           /* 0: none */
} WorkOrderTerms;

typedef struct WorkOrderRows WorkOrderRows;

/* `n_bytes`: of all bodies and requests to come, so that they are copied once. */
WorkOrderRows *work_order_rows_new(size_t n_bytes);
WorkOrderRows *work_order_rows_free(WorkOrderRows *rows);
DEFINE_CLEANUP(WorkOrderRows, work_order_rows_free);
/* Copies everything. */
void work_order_rows_add(WorkOrderRows *rows, const NewWorkOrder *order);

/* Returns the statement's number. `rows` must live until the batch is done. A batch whose first try was
 * committed fails with -EEXIST when it is tried again: ask work_order_find_present(). */
size_t work_order_enqueue(Batch *batch, WorkOrderRows *rows, const WorkOrderTerms *terms);
/* The same for a single one, which lives in the batch's arena. */
size_t work_order_enqueue_one(Batch *batch, const NewWorkOrder *order, const WorkOrderTerms *terms);
/* Of the statement's result: which orders are stored, by their place in `rows`. The others were refused:
 * their trigger or job has gone, is disabled, or its workflow or project is being deleted. `stored`: one
 * per order, false before. */
void work_order_read_stored(const Rows *result, bool stored[], size_t n);

/* Which of these are stored? The result has a column `n`, read by work_order_read_stored() too. */
size_t work_order_find_present(Batch *batch, WorkOrderRows *rows);
