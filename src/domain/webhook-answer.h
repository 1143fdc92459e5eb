/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a webhook's caller who waited for the run is answered: status, data and the run's facts (http-api
 * 1.5). Whoever ended the run has left status and data for us; a run that nobody ended gets the fixed text.
 */

#include "basic/buffer.h"
#include "basic/uuid.h"
#include "db/array.h"
#include "db/batch.h"

#define WEBHOOK_ANSWER_STATUS 201               /* when neither the trigger nor the run say otherwise */

typedef struct WebhookAnswer {
        size_t place;                           /* in the arrays that were asked with */
        unsigned status;
        Text data;                              /* JSON; TEXT_NULL: none was left */
        Text state, error_type;
        uint64_t inserted_usec, claimed_usec, started_usec, finished_usec;
} WebhookAnswer;

/* Asks about these runs; the result has a row for each that has ended. */
size_t webhook_answer_find(Batch *batch, Array *run_ids, Array *project_ids);
/* Reads one row; texts point into `rows`. */
void webhook_answer_read(const Rows *rows, size_t row, WebhookAnswer *ret_answer);
void webhook_answer_delete(Batch *batch, Array *run_ids, Array *project_ids);

/* Appends the body: {"data":…,"meta":{…}}. */
void webhook_answer_write(const WebhookAnswer *answer, const Uuid *work_order_id, const Uuid *run_id,
                          Buffer *json);
