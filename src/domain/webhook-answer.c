/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers of runs to the callers of their webhooks.
 */

#include "domain/sql.h"
#include "domain/webhook-answer.h"
#include "json/writer.h"

size_t webhook_answer_find(Batch *batch, Array *run_ids, Array *project_ids) {
        return batch_add(batch, &SQL_WEBHOOK_ANSWER_FIND, array_param(run_ids), array_param(project_ids));
}

void webhook_answer_delete(Batch *batch, Array *run_ids, Array *project_ids) {
        batch_add(batch, &SQL_WEBHOOK_ANSWER_DELETE, array_param(run_ids), array_param(project_ids));
}

typedef struct AnswerRow {
        int64_t n, status;
        WebhookAnswer answer;
} AnswerRow;

static const Column columns[] = {
        { "n",           COLUMN_INT,  offsetof(AnswerRow, n)                    },
        { "status",      COLUMN_INT,  offsetof(AnswerRow, status)               },
        { "data",        COLUMN_TEXT, offsetof(AnswerRow, answer.data)          },
        { "state",       COLUMN_TEXT, offsetof(AnswerRow, answer.state)         },
        { "error_type",  COLUMN_TEXT, offsetof(AnswerRow, answer.error_type)    },
        { "inserted_at", COLUMN_TIME, offsetof(AnswerRow, answer.inserted_usec) },
        { "claimed_at",  COLUMN_TIME, offsetof(AnswerRow, answer.claimed_usec)  },
        { "started_at",  COLUMN_TIME, offsetof(AnswerRow, answer.started_usec)  },
        { "finished_at", COLUMN_TIME, offsetof(AnswerRow, answer.finished_usec) },
        {}
};

/* What HTTP cannot say is never passed on, whoever stored it. */
static unsigned sane_status(int64_t status) {
        return status >= 200 && status <= 599 ? (unsigned) status : WEBHOOK_ANSWER_STATUS;
}

void webhook_answer_read(const Rows *rows, size_t row, WebhookAnswer *ret_answer) {
        AnswerRow read = {};

        row_read(rows, row, columns, NULL, &read);
        read.answer.place = (size_t) read.n - 1;        /* PostgreSQL counts from 1 */
        read.answer.status = sane_status(read.status);
        *ret_answer = read.answer;
}

/* The original's words. */
static void write_no_data(JsonWriter *w, const WebhookAnswer *answer) {
        _cleanup_(buffer_deinit) Buffer message = BUFFER_NULL;

        buffer_printf(&message,
                      "Run completed with status: %.*s. As a security policy, OpenFn does not send state data "
                      "when the run errors out to avoid leaking sensitive information",
                      (int) answer->state.length, answer->state.data);
        json_begin(w, "data");
        json_text(w, "message", buffer_text(&message));
        json_end(w);
}

void webhook_answer_write(const WebhookAnswer *answer, const Uuid *work_order_id, const Uuid *run_id,
                          Buffer *json) {
        JsonWriter w = JSON_WRITER(json);

        json_begin(&w, NULL);
        if (answer->data.data)
                json_raw(&w, "data", answer->data);
        else
                write_no_data(&w, answer);

        json_begin(&w, "meta");
        json_uuid(&w, "work_order_id", work_order_id);
        json_uuid(&w, "run_id", run_id);
        json_text(&w, "state", answer->state);
        json_text(&w, "error_type", answer->error_type);
        json_time_usec(&w, "inserted_at", answer->inserted_usec);
        json_time_usec(&w, "claimed_at", answer->claimed_usec);
        json_time_usec(&w, "started_at", answer->started_usec);
        json_time_usec(&w, "finished_at", answer->finished_usec);
        json_end(&w);
        json_end(&w);
}
