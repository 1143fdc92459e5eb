/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * run:<id>, an event family per file. Each event's struct begins with a ChannelCall; its channel's state is
 * the LiveRun.
 */

#include "workers/workers.h"

/* The run of an event's channel; also puts it into what the journal gets of this call. */
LiveRun *run_of(ChannelCall *call);

extern const Stage fetch_plan_stages[], fetch_dataclip_stages[], fetch_credential_stages[]; /* run-fetch.c */
extern const Stage run_start_stages[], run_complete_stages[]; /* run-state.c */
extern const Stage step_start_stages[], step_complete_stages[]; /* run-steps.c */
extern const Stage run_log_stages[], run_batch_logs_stages[]; /* run-logs.c */

/* Room for the struct of any event of a run. */
#define RUN_EVENT_SIZE (sizeof(ChannelCall) + 512)
