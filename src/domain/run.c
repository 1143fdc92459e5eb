/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs as their worker sees them.
 */

#include "basic/macros.h"
#include "domain/run.h"
#include "domain/sql.h"

static const Column run_columns[] = {
        { "project_id",             COLUMN_UUID, offsetof(Run, project_id)             },
        { "workflow_id",            COLUMN_UUID, offsetof(Run, workflow_id)            },
        { "work_order_id",          COLUMN_UUID, offsetof(Run, work_order_id)          },
        { "snapshot_id",            COLUMN_UUID, offsetof(Run, snapshot_id)            },
        { "trigger_id",             COLUMN_UUID, offsetof(Run, trigger_id)             },
        { "job_id",                 COLUMN_UUID, offsetof(Run, job_id)                 },
        { "dataclip_id",            COLUMN_UUID, offsetof(Run, dataclip_id)            },
        { "state",                  COLUMN_TEXT, offsetof(Run, state)                  },
        { "worker_name",            COLUMN_TEXT, offsetof(Run, worker_name)            },
        { "save_dataclips",         COLUMN_BOOL, offsetof(Run, save_dataclips)         },
        { "enable_job_logs",        COLUMN_BOOL, offsetof(Run, enable_job_logs)        },
        { "run_timeout_ms",         COLUMN_INT,  offsetof(Run, run_timeout_msec)       },
        { "run_memory_limit_mb",    COLUMN_INT,  offsetof(Run, run_memory_limit_mb)    },
        { "reply_after_completion", COLUMN_BOOL, offsetof(Run, reply.after_completion) },
        { "reply_success_code",     COLUMN_INT,  offsetof(Run, reply.success_code)     },
        { "reply_error_code",       COLUMN_INT,  offsetof(Run, reply.error_code)       },
        { "jobs",                   COLUMN_TEXT, offsetof(Run, jobs)                   },
        { "triggers",               COLUMN_TEXT, offsetof(Run, triggers)               },
        { "edges",                  COLUMN_TEXT, offsetof(Run, edges)                  },
        { "n_fetched",              COLUMN_INT,  offsetof(Run, n_fetched)              },
        {}
};

void run_join(Batch *batch, const Uuid *run_id, const Uuid *project_id, const Uuid *nonce,
              uint64_t lease_usec) {
        batch_add(batch, &SQL_RUN_JOIN, P_UUID(run_id), P_UUID(project_id), P_UUID(nonce),
                  P_INT((int64_t) lease_usec));
}

int run_read_joined(const Rows *rows, Arena *arena, Run *ret_run) {
        Run run = { .id = ret_run->id };

        if (rows_count(rows) == 0)
                return RUN_E_NOT_FOUND;
        if (!rows_bool(rows, 0, rows_column(rows, "admitted")))
                return RUN_E_REFUSED;

        row_read(rows, 0, run_columns, arena, &run);
        run.is_live = text_is(run.state, "available") || text_is(run.state, "claimed") ||
                      text_is(run.state, "started");
        *ret_run = run;
        return 0;
}

static const struct {
        const char *word;
        RunOutcome outcome;
} outcomes[] = {
        { "started",     RUN_CHANGED     },
        { "completed",   RUN_CHANGED     },
        { "ended",       RUN_ENDED       },
        { "unclaimed",   RUN_UNCLAIMED   },
        { "no_dataclip", RUN_NO_DATACLIP },
};

RunOutcome run_outcome_read(const Rows *rows) {
        Text word = rows_text(rows, 0, rows_column(rows, "outcome"));

        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                if (text_is(word, outcomes[i].word))
                        return outcomes[i].outcome;
        return RUN_ENDED;
}

void run_start(Batch *batch, const Run *run, uint64_t worker_usec) {
        batch_add(batch, &SQL_RUN_START, P_UUID(&run->project_id), P_UUID(&run->id), P_TIME(worker_usec));
}

void run_complete(Batch *batch, const Run *run, const RunEnd *end, bool again) {
        const WebhookReply *reply = end->reply;

        batch_add(batch, &SQL_RUN_COMPLETE, P_UUID(&run->project_id), P_UUID(&run->id), P_STRING(end->state),
                  P_TIME(end->worker_usec), P_TEXT(end->error_type), P_TEXT(end->error_message),
                  P_UUID(&end->given_dataclip_id), P_UUID(&end->own_dataclip_id), P_BYTES(end->result),
                  P_BOOL(run->save_dataclips), reply ? P_INT(reply->status) : P_NULL,
                  reply ? P_BYTES(reply->data) : P_NULL, P_BOOL(again));
}

static const struct {
        const char *reason, *state;
} reasons[] = {
        { "success",   "success"   },
        { "ok",        "success"   },   /* older workers */
        { "fail",      "failed"    },
        { "crash",     "crashed"   },
        { "cancel",    "cancelled" },
        { "kill",      "killed"    },
        { "exception", "exception" },
        /* Any other text is taken as the name of a state. */
        { "failed",    "failed"    },
        { "crashed",   "crashed"   },
        { "cancelled", "cancelled" },
        { "killed",    "killed"    },
        { "lost",      "lost"      },
};

const char *run_state_of_reason(Text reason) {
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (text_is(reason, reasons[i].reason))
                        return reasons[i].state;
        return NULL;
}
