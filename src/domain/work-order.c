/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Work orders travel as arrays, a column each: one statement for any number of them.
 */

#include <errno.h>

#include "db/array.h"
#include "domain/sql.h"
#include "domain/work-order.h"

typedef enum WorkOrderColumn {
        WORK_ORDER_ID,
        RUN_ID,
        PROJECT_ID,
        TRIGGER_ID,
        JOB_ID,
        CREATED_BY_ID,
        DATACLIP_ID,
        DATACLIP_TYPE,
        BODY,
        REQUEST,
        QUEUE,
        PRIORITY,
        REPLY_AFTER_COMPLETION,
        _WORK_ORDER_COLUMN_MAX,
} WorkOrderColumn;

/* In the order of SQL_WORK_ORDER_INSERT's parameters. */
static const ArrayType column_types[_WORK_ORDER_COLUMN_MAX] = {
        [WORK_ORDER_ID] = ARRAY_UUID,
        [RUN_ID] = ARRAY_UUID,
        [PROJECT_ID] = ARRAY_UUID,
        [TRIGGER_ID] = ARRAY_UUID,
        [JOB_ID] = ARRAY_UUID,
        [CREATED_BY_ID] = ARRAY_UUID,
        [DATACLIP_ID] = ARRAY_UUID,
        [DATACLIP_TYPE] = ARRAY_TEXT,
        [BODY] = ARRAY_BYTES,
        [REQUEST] = ARRAY_BYTES,
        [QUEUE] = ARRAY_TEXT,
        [PRIORITY] = ARRAY_BIGINT,
        [REPLY_AFTER_COMPLETION] = ARRAY_BOOL,
};

struct WorkOrderRows {
        Array columns[_WORK_ORDER_COLUMN_MAX];
};

WorkOrderRows *work_order_rows_new(size_t n_bytes) {
        WorkOrderRows *rows = xnew(WorkOrderRows, 1);

        for (size_t i = 0; i < _WORK_ORDER_COLUMN_MAX; i++)
                array_init(&rows->columns[i], column_types[i]);
        buffer_reserve(&rows->columns[BODY].buffer, n_bytes);
        return rows;
}

WorkOrderRows *work_order_rows_free(WorkOrderRows *rows) {
        if (!rows)
                return NULL;

        for (size_t i = 0; i < _WORK_ORDER_COLUMN_MAX; i++)
                array_deinit(&rows->columns[i]);
        free(rows);
        return NULL;
}

void work_order_rows_add(WorkOrderRows *rows, const NewWorkOrder *order) {
        Array *columns = rows->columns;

        array_add_uuid(&columns[WORK_ORDER_ID], &order->work_order_id);
        array_add_uuid(&columns[RUN_ID], &order->run_id);
        array_add_uuid(&columns[PROJECT_ID], &order->project_id);
        array_add_uuid(&columns[TRIGGER_ID], &order->trigger_id);
        array_add_uuid(&columns[JOB_ID], &order->job_id);
        array_add_uuid(&columns[CREATED_BY_ID], &order->created_by_id);
        array_add_uuid(&columns[DATACLIP_ID], &order->dataclip_id);
        array_add_text(&columns[DATACLIP_TYPE], text_of(order->dataclip_type));
        array_add_text(&columns[BODY], order->body);
        array_add_text(&columns[REQUEST], order->request);
        array_add_text(&columns[QUEUE], text_of(order->queue));
        array_add_int(&columns[PRIORITY], order->priority);
        array_add_bool(&columns[REPLY_AFTER_COMPLETION], order->reply_after_completion);
}

static size_t enqueue(Batch *batch, Param params[static _WORK_ORDER_COLUMN_MAX + 3], const WorkOrderTerms *terms) {
        params[_WORK_ORDER_COLUMN_MAX] = P_STRING(terms->trigger_type);
        params[_WORK_ORDER_COLUMN_MAX + 1] = P_INT((int64_t) terms->run_timeout_msec);
        params[_WORK_ORDER_COLUMN_MAX + 2] =
                terms->run_memory_limit_mb > 0 ? P_INT((int64_t) terms->run_memory_limit_mb) : P_NULL;
        return batch_add_params(batch, &SQL_WORK_ORDER_INSERT, params, _WORK_ORDER_COLUMN_MAX + 3);
}

size_t work_order_enqueue(Batch *batch, WorkOrderRows *rows, const WorkOrderTerms *terms) {
        Param params[_WORK_ORDER_COLUMN_MAX + 3];

        for (size_t i = 0; i < _WORK_ORDER_COLUMN_MAX; i++)
                params[i] = array_param(&rows->columns[i]);
        return enqueue(batch, params, terms);
}

size_t work_order_enqueue_one(Batch *batch, const NewWorkOrder *order, const WorkOrderTerms *terms) {
        _cleanup_(work_order_rows_freep) WorkOrderRows *rows = work_order_rows_new(order->body.length);
        Param params[_WORK_ORDER_COLUMN_MAX + 3];

        work_order_rows_add(rows, order);
        for (size_t i = 0; i < _WORK_ORDER_COLUMN_MAX; i++)
                params[i] = array_move(&rows->columns[i], batch->arena);
        return enqueue(batch, params, terms);
}

void work_order_read_stored(const Rows *result, bool stored[], size_t n) {
        size_t n_rows = rows_count(result);
        int column = n_rows > 0 ? rows_column(result, "n") : 0;

        for (size_t i = 0; i < n_rows; i++) {
                size_t place = (size_t) rows_int(result, i, column);

                /* PostgreSQL counts from 1. */
                if (place >= 1 && place <= n)
                        stored[place - 1] = true;
        }
}

size_t work_order_find_present(Batch *batch, WorkOrderRows *rows) {
        return batch_add(batch, &SQL_WORK_ORDER_PRESENT, array_param(&rows->columns[WORK_ORDER_ID]),
                         array_param(&rows->columns[PROJECT_ID]));
}
