/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A run starts and ends (worker-channel 5.6, 5.9, 6.1).
 */

#include <errno.h>

#include "domain/dataclip.h"
#include "json/check.h"
#include "json/read.h"
#include "workers/run-channel.h"

static int reply_outcome(ChannelCall *call, RunOutcome outcome, const char *done) {
        switch (outcome) {
        case RUN_CHANGED:
                return channel_reply_ok(call, TEXT("null"));
        case RUN_UNCLAIMED:
                return channel_reply_field(
                        call, "state",
                        arena_printf(&call->call.arena,
                                     "cannot mark run %s that has not been claimed by a worker", done));
        case RUN_NO_DATACLIP:
                return channel_reply_field(call, "final_dataclip_id", "does not exist");
        default:
                return channel_reply_field(call, "state", "already in completed state");
        }
}

/* -- run:start ------------------------------------------------------------------------------------- */

static const Field start_fields[] = {
        { "timestamp", FIELD_TIME, 0 },
        {}
};

static int start_run(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        Batch *batch = batch_new(&base->arena, BATCH_IDEMPOTENT);
        const Run *run = &run_of(call)->run;
        uint64_t worker_usec = 0;
        int r;

        r = json_read(&base->arena, call->payload, start_fields, &worker_usec, &base->invalid);
        if (r < 0)
                return r;

        run_start(batch, run, worker_usec);
        return db_commit(base, batch);
}

static int reply_started(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        RunOutcome outcome = run_outcome_read(base->result.rows[0]);

        if (outcome == RUN_CHANGED)
                call_log(base, LOG_INFO, NULL, "Run started");
        return reply_outcome(call, outcome, "started");
}

const Stage run_start_stages[] = { start_run, reply_started, NULL };

/* -- run:complete ---------------------------------------------------------------------------------- */

typedef struct RunComplete {
        ChannelCall base;
        RunEnd end;
        Text reason, given_dataclip;    /* the latter raw */
        Text final_state;               /* raw, as it was sent */
        WebhookReply reply;
        bool again;                     /* the connection was lost over the first try */
} RunComplete;

_Static_assert(sizeof(RunComplete) <= RUN_EVENT_SIZE, "");

static const Field complete_fields[] = {
        { "reason",            FIELD_STRING, offsetof(RunComplete, reason),            FIELD_REQUIRED },
        { "error_type",        FIELD_STRING, offsetof(RunComplete, end.error_type)                    },
        { "error_message",     FIELD_STRING, offsetof(RunComplete, end.error_message)                 },
        { "timestamp",         FIELD_TIME,   offsetof(RunComplete, end.worker_usec)                   },
        { "final_dataclip_id", FIELD_RAW,    offsetof(RunComplete, given_dataclip)                    },
        { "final_state",       FIELD_RAW,    offsetof(RunComplete, final_state)                       },
        {}
};

static int read_complete(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);
        LiveRun *live = run_of(&complete->base);
        Text id;
        int r;

        r = json_read(&base->arena, complete->base.payload, complete_fields, complete, &base->invalid);
        if (r < 0)
                return r;

        complete->end.state = run_state_of_reason(complete->reason);
        if (!complete->end.state)
                return channel_reply_field(&complete->base, "state", "is invalid");

        /* What is no id is as good as none. */
        if (complete->given_dataclip.data && json_unescape(&base->arena, complete->given_dataclip, &id) == 0)
                (void) uuid_parse(id, &complete->end.given_dataclip_id);
        complete->end.error_message = live_run_scrub(live, &base->arena, complete->end.error_message);
        complete->end.own_dataclip_id = uuid_new();
        if (complete->final_state.data)
                complete->end.result = dataclip_wrap_result(&base->arena, complete->final_state);
        /* Also what a second try after a lost connection is known by. */
        if (complete->end.worker_usec == 0)
                complete->end.worker_usec = clock_now_usec();
        return CALL_NEXT;
}

/* A webhook's caller waits: what do the run's steps want it to get? */
static int ask_reply(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);
        const Run *run = &run_of(&complete->base)->run;
        Batch *batch;

        if (!run->reply.after_completion)
                return CALL_NEXT;

        batch = batch_new(&base->arena, BATCH_READ);
        webhook_reply_ask(batch, &run->project_id, &run->id,
                          complete->final_state.data ? &UUID_NULL : &complete->end.given_dataclip_id);
        return db_commit(base, batch);
}

static int compute_reply(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);
        const Run *run = &run_of(&complete->base)->run;
        const Rows *rows;
        Text state = complete->final_state;

        if (!run->reply.after_completion)
                return CALL_NEXT;

        rows = base->result.rows[0];
        if (!state.data)
                state = arena_text(&base->arena, rows_text(rows, 0, rows_column(rows, "body")));
        webhook_reply_compute(&base->arena, &run->reply, complete->end.state,
                              arena_text(&base->arena, rows_text(rows, 0, rows_column(rows, "response"))),
                              state, &complete->reply);
        complete->end.reply = &complete->reply;
        return CALL_NEXT;
}

static int store_end(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);
        /* From the second try on, what an earlier one has committed is recognised: it may go as often as it takes. */
        Batch *batch = batch_new(&base->arena, complete->again ? BATCH_IDEMPOTENT : 0);

        run_complete(batch, &run_of(&complete->base)->run, &complete->end, complete->again);
        return db_try(base, batch);
}

/* Nobody else will tell us how this run has ended: a connection that was lost over it is worth another
 * try, which waits until there is one. */
static int store_again(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);

        if (base->result.error != -ENOTCONN && base->result.error != -EAGAIN)
                return CALL_NEXT;

        complete->again = true;
        return store_end(base);
}

static int reply_completed(Call *base) {
        RunComplete *complete = container_of(base, RunComplete, base.call);
        LiveRun *live = run_of(&complete->base);
        RunOutcome outcome;

        if (base->result.error < 0)
                return base->result.error;

        outcome = run_outcome_read(base->result.rows[0]);
        if (outcome == RUN_CHANGED || outcome == RUN_ENDED)
                live->run.is_live = false;
        if (outcome == RUN_CHANGED) {
                call_log(base, LOG_INFO, NULL, "Run ended: %s", complete->end.state);
                if (live->run.reply.after_completion)
                        ringer_ring(base->service->ringer, "run_done", live->id);
        }
        return reply_outcome(&complete->base, outcome, complete->end.state);
}

const Stage run_complete_stages[] = {
        read_complete, ask_reply, compute_reply, store_end, store_again, reply_completed, NULL,
};
