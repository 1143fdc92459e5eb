/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What people do with runs (http-api 5.6): start one by hand, run one again, cancel one that waits.
 */

#include "domain/work-order.h"
#include "serve/call.h"

#define MAX_BULK 100                    /* work orders of one request */

typedef struct RunControl {
        Call call;
        Uuid user_id, project_id;
        Uuid id;                        /* of the path: a workflow's or a run's */
        Uuid run_id;                    /* of the run that is made */
        size_t outcome;                 /* the statement that says what came of it */
        NewWorkOrder order;             /* of a run by hand */
        Uuid *work_order_ids, *run_ids; /* of many at once: theirs, and those of the runs that are made */
        size_t n_work_orders;
} RunControl;

extern const Stage post_run[], post_run_retry[], post_run_cancel[], get_run_steps[];
extern const Stage post_work_orders_retry[], post_work_orders_cancel[];
