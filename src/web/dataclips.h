/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dataclips in the API (http-api 5.6): what a job or a run was started with, and their names.
 */

#include "serve/call.h"

typedef struct DataclipCall {
        Call call;
        Uuid user_id, project_id;
        Uuid id;                        /* of the path: a job's, a run's or a dataclip's */
        size_t found;                   /* the statement with the rows */
} DataclipCall;

extern const Stage get_job_dataclips[], get_run_dataclip[], patch_dataclip[];
