/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What happened, as members of the project read it: runs, work orders and log lines, newest first, without
 * the data that went through them.
 *
 * Costs: history grows without end, so nothing here looks at all of it. A page takes the ids of the page
 * from each project's index, in order; times of insertion narrow the ids and thereby the months that are
 * looked at; counts stop at HISTORY_MAX_COUNT. Times of updates and of log lines narrow the ids too, as a run is
 * over after a month at most. Only the other filters (a level that is hardly ever logged) go on until
 * enough is found or the statement's time is up.
 */

#include "db/batch.h"
#include "domain/project.h"

#define HISTORY_MAX_COUNT 100000
#define HISTORY_MAX_LOG_COUNT 10000

/* Null, 0 and TEXT_NULL: not asked for. Times are inclusive. */
typedef struct HistoryFilter {
        Uuid user_id;                   /* who asks */
        Uuid project_id;                /* null: all of the user's */
        uint64_t inserted_after_usec, inserted_before_usec;
        uint64_t updated_after_usec, updated_before_usec;
        /* log lines only */
        Uuid workflow_id, job_id, work_order_id, run_id;
        uint64_t timestamp_after_usec, timestamp_before_usec;
        Text level;
} HistoryFilter;

/* Comes first in a batch of lists and counts. */
void history_begin(Batch *batch, const HistoryFilter *filter);

/* All others return the statement's number. */

/* The project of the run or work order, for access_read(). */
size_t history_run_access(Batch *batch, const Uuid *user_id, const Uuid *run_id);
size_t history_work_order_access(Batch *batch, const Uuid *user_id, const Uuid *work_order_id);

/* Columns: id, project_id, workflow_id, work_order_id, starting_trigger_id, starting_job_id, dataclip_id,
 * final_dataclip_id, state, error_type, error_message, priority (immediate or normal), queue, worker_name,
 * claimed_at, started_at, finished_at, inserted_at, updated_at. */
size_t history_run_list(Batch *batch, const HistoryFilter *filter, Slice slice);
size_t history_run_get(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *run_id);

/* Columns: id, project_id, workflow_id, trigger_id, dataclip_id, state, last_activity, inserted_at,
 * updated_at. */
size_t history_work_order_list(Batch *batch, const HistoryFilter *filter, Slice slice);
size_t history_work_order_get(Batch *batch, const Uuid *user_id, const Uuid *project_id,
                              const Uuid *work_order_id);

/* Columns: id, run_id, step_id, timestamp, level, source, message. Runs newest first, the lines of a run in
 * the order of their time. */
size_t history_log_line_list(Batch *batch, const HistoryFilter *filter, Slice slice);

/* One row, column n: at most HISTORY_MAX_COUNT or HISTORY_MAX_LOG_COUNT. */
size_t history_run_count(Batch *batch, const HistoryFilter *filter);
size_t history_work_order_count(Batch *batch, const HistoryFilter *filter);
size_t history_log_line_count(Batch *batch, const HistoryFilter *filter);
