/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs, work orders and log lines as members of the project read them. See history.h.
 */

#include "domain/history.h"

#include "basic/clock.h"
#include "domain/sql.h"

/* An id is made before its row is inserted: a webhook is tried again for a minute while the database is
 * away. And a worker's clock may differ from ours. So times bound ids with this much to spare; rows are
 * held to the exact time. */
#define SPARE_USEC (60 * USEC_PER_MINUTE)

/* For this long at most a run waits and works; then nothing happens to it any more. */
#define LIFE_USEC (31 * 24 * 60 * USEC_PER_MINUTE)

static uint64_t a_life_before(uint64_t usec) {
        return usec > LIFE_USEC ? usec - LIFE_USEC : 0;
}

static uint64_t a_little_before(uint64_t usec) {
        return usec > SPARE_USEC ? usec - SPARE_USEC : 0;
}

static uint64_t a_little_after(uint64_t usec) {
        return usec > 0 ? usec + SPARE_USEC : 0;
}

/* 0 is none. */
static uint64_t earlier(uint64_t a, uint64_t b) {
        return a == 0 ? b : b == 0 ? a : MIN(a, b);
}

/* What changed later than that belongs to a younger run. */
static uint64_t ids_after(const HistoryFilter *filter) {
        return MAX(a_little_before(filter->inserted_after_usec), a_life_before(filter->updated_after_usec));
}

/* What was updated before was inserted before. */
static uint64_t ids_before(const HistoryFilter *filter) {
        return a_little_after(earlier(filter->inserted_before_usec, filter->updated_before_usec));
}

#define FILTER_PARAMS(f)                                                                           \
        P_UUID(&(f)->user_id), P_UUID(&(f)->project_id), P_TIME(ids_after(f)),                     \
        P_TIME(ids_before(f)), P_TIME((f)->inserted_after_usec),                                   \
        P_TIME((f)->inserted_before_usec), P_TIME((f)->updated_after_usec),                        \
        P_TIME((f)->updated_before_usec)

void history_begin(Batch *batch, const HistoryFilter *filter) {
        /* Of few runs: planning would be the dearer part. */
        if (uuid_is_null(&filter->run_id) && uuid_is_null(&filter->work_order_id))
                batch_add_params(batch, &SQL_HISTORY_PLAN, NULL, 0);
}

size_t history_run_access(Batch *batch, const Uuid *user_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_HISTORY_RUN_ACCESS, P_UUID(user_id), P_UUID(run_id));
}

size_t history_run_list(Batch *batch, const HistoryFilter *filter, Slice slice) {
        return batch_add(batch, &SQL_HISTORY_RUN_LIST, FILTER_PARAMS(filter), P_INT(slice.offset),
                         P_INT(slice.n));
}

size_t history_run_count(Batch *batch, const HistoryFilter *filter) {
        return batch_add(batch, &SQL_HISTORY_RUN_COUNT, FILTER_PARAMS(filter), P_INT(HISTORY_MAX_COUNT));
}

size_t history_run_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id) {
        return batch_add(batch, &SQL_HISTORY_RUN_GET, P_UUID(user_id), P_UUID(project_id), P_UUID(run_id));
}

/* -- work orders ----------------------------------------------------------------------------------- */

size_t history_work_order_access(Batch *batch, const Uuid *user_id, const Uuid *work_order_id) {
        return batch_add(batch, &SQL_HISTORY_WORK_ORDER_ACCESS, P_UUID(user_id), P_UUID(work_order_id));
}

size_t history_work_order_list(Batch *batch, const HistoryFilter *filter, Slice slice) {
        return batch_add(batch, &SQL_HISTORY_WORK_ORDER_LIST, FILTER_PARAMS(filter),
                         P_TIME(a_life_before(filter->updated_after_usec)), P_INT(slice.offset),
                         P_INT(slice.n));
}

size_t history_work_order_count(Batch *batch, const HistoryFilter *filter) {
        return batch_add(batch, &SQL_HISTORY_WORK_ORDER_COUNT, FILTER_PARAMS(filter),
                         P_TIME(a_life_before(filter->updated_after_usec)), P_INT(HISTORY_MAX_COUNT));
}

size_t history_work_order_get(Batch *batch, const Uuid *user_id, const Uuid *project_id,
                              const Uuid *work_order_id) {
        return batch_add(batch, &SQL_HISTORY_WORK_ORDER_GET, P_UUID(user_id), P_UUID(project_id),
                         P_UUID(work_order_id));
}

/* -- log lines ------------------------------------------------------------------------------------- */

/* A run logs after it was made and before it has ended. */
#define LOG_PARAMS(f)                                                                              \
        P_UUID(&(f)->user_id), P_UUID(&(f)->project_id), P_UUID(&(f)->workflow_id),                \
        P_UUID(&(f)->job_id), P_UUID(&(f)->work_order_id), P_UUID(&(f)->run_id), P_TEXT((f)->level), \
        P_TIME((f)->timestamp_after_usec), P_TIME((f)->timestamp_before_usec),                     \
        P_TIME(a_life_before((f)->timestamp_after_usec)),                                          \
        P_TIME(a_little_after((f)->timestamp_before_usec)),                                        \
        P_TIME(a_little_before((f)->timestamp_after_usec))

size_t history_log_line_list(Batch *batch, const HistoryFilter *filter, Slice slice) {
        return batch_add(batch, &SQL_HISTORY_LOG_LINE_LIST, LOG_PARAMS(filter), P_INT(slice.offset),
                         P_INT(slice.n));
}

size_t history_log_line_count(Batch *batch, const HistoryFilter *filter) {
        return batch_add(batch, &SQL_HISTORY_LOG_LINE_COUNT, LOG_PARAMS(filter),
                         P_INT(HISTORY_MAX_LOG_COUNT));
}
