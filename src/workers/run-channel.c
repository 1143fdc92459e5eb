/* SPDX-License-Identifier: Apache-2.0 */

/*
 * run:<id>: a worker joins the run its token names, and may come back to it after its connection was cut:
 * the token is good for the whole run (worker-channel 5.2, 1.7). What could make fetch:plan fail is found
 * here, because that event must not fail: the real worker would not survive it.
 */

#include <errno.h>

#include "domain/credential.h"
#include "domain/token.h"
#include "json/read.h"
#include "workers/run-channel.h"

typedef struct RunJoin {
        ChannelCall base;
        Run run;
        LiveRun *live;          /* also the channel's state */
        bool fills_scrubber;
} RunJoin;

static int check_token(Call *call);
static int find_run(Call *call);
static int admit(Call *call);
static void run_closed(Channel *channel);

static const Stage join_stages[] = { check_token, find_run, admit, NULL };

static const ChannelEvent run_events[] = {
        { "fetch:plan",       fetch_plan_stages,       sizeof(ChannelCall)                },
        { "fetch:dataclip",   fetch_dataclip_stages,   sizeof(ChannelCall)                },
        { "fetch:credential", fetch_credential_stages, sizeof(ChannelCall)                },
        { "run:start",        run_start_stages,        sizeof(ChannelCall),        true   },
        { "step:start",       step_start_stages,       RUN_EVENT_SIZE,             true   },
        { "run:log",          run_log_stages,          RUN_EVENT_SIZE,             true   },
        { "run:batch_logs",   run_batch_logs_stages,   RUN_EVENT_SIZE,             true   },
        { "step:complete",    step_complete_stages,    RUN_EVENT_SIZE,             true   },
        { "run:complete",     run_complete_stages,     RUN_EVENT_SIZE,             true   },
        {}
};

const ChannelKind run_channel = {
        .topic = "run:",
        .is_prefix = true,
        .join = join_stages,
        .join_size = sizeof(RunJoin),
        .events = run_events,
        .closed = run_closed,
};

/* -- join ------------------------------------------------------------------------------------------ */

static const Field join_fields[] = {
        { "token", FIELD_STRING, 0, FIELD_REQUIRED },
        {}
};

/* The token has to be that of the topic's run. */
static int read_token(RunJoin *join, RunToken *ret_token) {
        Call *call = &join->base.call;
        Text topic_id =
                text_make(join->base.topic.data + strlen("run:"), join->base.topic.length - strlen("run:"));
        char id[UUID_STRING_SIZE];
        FieldErrors errors = {};
        Text token;

        if (json_read(&call->arena, join->base.payload, join_fields, &token, &errors) < 0 ||
            token_read_run(workers_of(call->service)->run_key, token, clock_now_usec(), &call->arena,
                           ret_token) < 0)
                return -EKEYREJECTED;
        return text_is(topic_id, uuid_format(&ret_token->run_id, id)) ? 0 : -EKEYREJECTED;
}

static int check_token(Call *call) {
        RunJoin *join = container_of(call, RunJoin, base.call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        RunToken token;
        int r;

        r = read_token(join, &token);
        if (r < 0)
                return r;

        join->run.id = token.run_id;
        run_join(batch, &token.run_id, &token.project_id, &token.nonce,
                 call->service->settings->worker_lease_seconds * USEC_PER_SEC);
        return db_commit(call, batch);
}

static int take_run(RunJoin *join) {
        Workers *workers = workers_of(join->base.call.service);
        int r;

        join->live = live_run_find(&workers->runs, &join->run.id);
        if (!join->live) {
                r = live_run_new(&workers->runs, &join->run, &join->base.call.arena, &join->live);
                if (r < 0)
                        return r;
        }

        /* It may have ended, and it may have come from another claim since. */
        join->live->run.is_live = join->run.is_live;
        join->base.channel->state = join->live;
        return 0;
}

static int find_run(Call *call) {
        RunJoin *join = container_of(call, RunJoin, base.call);
        Batch *batch;
        int r;

        r = run_read_joined(call->result.rows[0], &call->arena, &join->run);
        if (r == RUN_E_NOT_FOUND)
                return -ENOENT;
        if (r == RUN_E_REFUSED)
                return -EKEYREJECTED;

        call_log_uuid(call, "FULGUR_RUN_ID", &join->run.id);
        r = take_run(join);
        if (r < 0) {
                call_log(call, LOG_ERR, NULL, "Refused a worker: the run's snapshot makes no plan");
                return channel_reply_reason(&join->base, "the workflow's snapshot is missing or damaged");
        }

        if (join->live->scrubber_is_filled || (join->run.is_live && join->run.n_fetched == 0))
                return CALL_NEXT;

        join->fills_scrubber = true;
        batch = batch_new(&call->arena, BATCH_READ);
        credential_ask_fetched(batch, &join->live->run, join->live->index.credential_ids,
                               join->live->index.n_credential_ids);
        return db_commit(call, batch);
}

/* What the worker was given before it came back, or before we were restarted. */
static void fill_scrubber(RunJoin *join, const Rows *rows) {
        Call *call = &join->base.call;

        for (size_t i = 0; i < rows_count(rows); i++) {
                _cleanup_(secret_freep) Secret *body = NULL;
                Uuid body_id = rows_uuid(rows, i, rows_column(rows, "id"));
                int r;

                r = credential_open(workers_of(call->service)->vault, &body_id,
                                    rows_text(rows, i, rows_column(rows, "body")), &body);
                if (r < 0)
                        call_log_errno(call, LOG_WARNING, r, NULL,
                                       "A credential cannot be opened to keep it out of the run's log: %m");
                else
                        scrubber_add_credential(join->live->scrubber, secret_text(body));
        }
}

static int admit(Call *call) {
        RunJoin *join = container_of(call, RunJoin, base.call);

        if (join->fills_scrubber)
                fill_scrubber(join, call->result.rows[0]);
        join->live->scrubber_is_filled = true;
        return channel_reply_ok(&join->base, TEXT("{}"));
}

/* -- life ------------------------------------------------------------------------------------------ */

static void run_closed(Channel *channel) {
        Workers *workers = workers_of(channel->socket->service);
        LiveRun *live = channel->state;

        /* Left or cut off with the run unfinished, a worker has let go of it, or comes back soon. While we stop,
         * the lease stays as it is: workers come back to whoever starts after us. */
        if (live->run.is_live && !workers->service->stopping)
                leases_connection_lost(&workers->leases, &live->run.id, &live->run.project_id);
        channel->state = live_run_release(&workers->runs, live);
}

LiveRun *run_of(ChannelCall *call) {
        LiveRun *live = call->channel->state;

        log_context_set(&call->call.log, "FULGUR_RUN_ID", live->id);
        log_context_set(&call->call.log, "FULGUR_PROJECT_ID", live->project_id);
        log_context_set(&call->call.log, "FULGUR_WORKER", live->worker_name);
        return live;
}
