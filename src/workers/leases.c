/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leases, by three timers' work: renewing what is alive, giving back what nobody came for, and saying that
 * we are here.
 */

#include <unistd.h>

#include "domain/instance.h"
#include "log/message-id.h"
#include "workers/background.h"
#include "workers/leases.h"
#include "workers/workers.h"

#define RENEW_USEC (10 * USEC_PER_SEC)
#define SWEEP_USEC (5 * USEC_PER_SEC)
#define SWEEP_AT_MOST 500
#define PEERS_AT_MOST 1000
/* A worker says something at least every 30 s (its heartbeat); who has been silent for longer is not
 * alive. */
#define ALIVE_USEC (40 * USEC_PER_SEC)
/* How long a worker whose connection was lost has to come back: it tries after 1, 2, 3 … seconds. */
#define LOST_USEC (30 * USEC_PER_SEC)

static void on_renew(Timer *timer);
static void on_sweep(Timer *timer);
static void on_shorten(Soon *soon);

/* A lease that is shorter than our usual step is renewed more often. */
static uint64_t renew_usec(const Leases *leases) {
        return MIN(RENEW_USEC, leases->workers->service->settings->worker_lease_seconds * USEC_PER_SEC / 3);
}

static uint64_t sweep_usec(const Leases *leases) {
        return MIN(SWEEP_USEC, leases->workers->service->settings->claim_join_seconds * USEC_PER_SEC / 2);
}

void leases_start(Leases *leases, Workers *workers) {
        leases->workers = workers;
        leases->instance_id = uuid_new();
        timer_init(&leases->renew, workers->service->loop, on_renew);
        timer_init(&leases->sweep, workers->service->loop, on_sweep);
        soon_init(&leases->shorten, workers->service->loop, on_shorten);
        timer_start(&leases->renew, 0);
        timer_start(&leases->sweep, sweep_usec(leases));
}

/* -- alive ----------------------------------------------------------------------------------------- */

typedef struct Renewal {
        Call call;
        RunSet runs;
        uint64_t lease_usec;
} Renewal;

/* For `fulgurctl worker list`. */
static Text list_peers(const Workers *workers, Arena *arena) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        size_t n = 0;

        json_begin_array(&w, NULL);
        list_for_each(link, &workers->sockets)
                if (n++ < PEERS_AT_MOST)
                        peer_write(list_entry(link, ChannelSocket, link)->state, &w);
        json_end_array(&w);
        return arena_text(arena, buffer_text(&buffer));
}

static int renew(Call *call) {
        Renewal *renewal = container_of(call, Renewal, call);
        const Workers *workers = workers_of(call->service);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        char host[256] = "";

        (void) gethostname(host, sizeof host - 1);
        instance_seen(batch, &workers->leases.instance_id, call->service->config->name,
                      arena_strdup(&call->arena, host), list_peers(workers, &call->arena));
        if (run_set_count(&renewal->runs) > 0)
                leases_renew(batch, &renewal->runs, renewal->lease_usec);
        return db_commit(call, batch);
}

/* Whatever became of it: what did not travel with the batch is still here. */
static void on_renewal_finished(Call *call) {
        run_set_deinit(&container_of(call, Renewal, call)->runs);
}

static const Stage renew_stages[] = { renew, background_done, NULL };

static void add_runs(const ChannelSocket *socket, RunSet *runs) {
        list_for_each(link, &socket->channels) {
                const Channel *channel = list_entry(link, Channel, link);
                const LiveRun *live = channel->kind == &run_channel ? channel->state : NULL;

                if (live && live->run.is_live)
                        run_set_add(runs, &live->run.id, &live->run.project_id, NULL);
        }
}

static void on_renew(Timer *timer) {
        Leases *leases = container_of(timer, Leases, renew);
        Service *service = leases->workers->service;
        Call *call = background_new(service, sizeof(Renewal), renew_stages, renew_usec(leases));
        Renewal *renewal = container_of(call, Renewal, call);
        uint64_t now = loop_now_usec(service->loop);

        renewal->lease_usec = service->settings->worker_lease_seconds * USEC_PER_SEC;
        call->finished = on_renewal_finished;
        run_set_init(&renewal->runs);
        list_for_each(link, &leases->workers->sockets) {
                const ChannelSocket *socket = list_entry(link, ChannelSocket, link);

                if (now - socket->last_seen_usec < ALIVE_USEC)
                        add_runs(socket, &renewal->runs);
        }

        call_start(call);
        timer_start(timer, renew_usec(leases));
}

/* -- lost ------------------------------------------------------------------------------------------ */

static int shorten(Call *call) {
        Renewal *renewal = container_of(call, Renewal, call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        leases_shorten(batch, &renewal->runs, LOST_USEC);
        return db_commit(call, batch);
}

static const Stage shorten_stages[] = { shorten, background_done, NULL };

void leases_connection_lost(Leases *leases, const Uuid *run_id, const Uuid *project_id) {
        if (!leases->has_lost) {
                run_set_init(&leases->lost);
                leases->has_lost = true;
                soon_call(&leases->shorten);
        }
        run_set_add(&leases->lost, run_id, project_id, NULL);
}

/* All runs of a connection, and of all connections that go together, in one statement. */
static void on_shorten(Soon *soon) {
        Leases *leases = container_of(soon, Leases, shorten);
        Call *call = background_new(leases->workers->service, sizeof(Renewal), shorten_stages, LOST_USEC);

        call->finished = on_renewal_finished;
        container_of(call, Renewal, call)->runs = leases->lost;
        leases->has_lost = false;
        call_start(call);
}

/* -- never joined ---------------------------------------------------------------------------------- */

void leases_note_given_back(Call *call, const Rows *rows, const char *why) {
        for (size_t i = 0; i < rows_count(rows); i++) {
                char run_id[UUID_STRING_SIZE], project_id[UUID_STRING_SIZE];
                LogContext context = {};
                GivenBack back;

                given_back_read(rows, i, &back);
                log_context_set(&context, "FULGUR_RUN_ID", uuid_format(&back.run_id, run_id));
                log_context_set(&context, "FULGUR_PROJECT_ID", uuid_format(&back.project_id, project_id));
                log_context_set(&context, "FULGUR_WORKER", back.worker_name.data);
                log_full(LOG_NOTICE, 0, &context, MSG_RUN_GIVEN_BACK, "Run given back: %s (worker %s)", why,
                         back.worker_name.data ? back.worker_name.data : "without a name");
        }
}

static int sweep(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        claims_give_back_unjoined(batch, SWEEP_AT_MOST);
        return db_commit(call, batch);
}

static int note_swept(Call *call) {
        const Rows *rows = call->result.rows[0];

        leases_note_given_back(call, rows, "it was claimed, but not joined in time");
        if (rows_count(rows) > 0)
                ringer_ring(call->service->ringer, "runs", NULL);
        return background_done(call);
}

static void on_swept(Call *call) {
        workers_of(call->service)->leases.is_sweeping = false;
}

static const Stage sweep_stages[] = { sweep, note_swept, NULL };

static void on_sweep(Timer *timer) {
        Leases *leases = container_of(timer, Leases, sweep);

        timer_start(timer, sweep_usec(leases));
        if (!leases->is_sweeping) {
                Call *call = background_new(leases->workers->service, sizeof(Call), sweep_stages, 0);

                leases->is_sweeping = true;
                call->finished = on_swept;
                call_start(call);
        }
}

/* -- leaving --------------------------------------------------------------------------------------- */

static int leave(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        instance_gone(batch, &workers_of(call->service)->leases.instance_id);
        return db_commit(call, batch);
}

static const Stage leave_stages[] = { leave, background_done, NULL };

void leases_stop(Leases *leases) {
        timer_stop(&leases->renew);
        timer_stop(&leases->sweep);
        call_start(background_new(leases->workers->service, sizeof(Call), leave_stages, RENEW_USEC));
}

void leases_free(Leases *leases) {
        if (!leases->workers)
                return;

        timer_stop(&leases->renew);
        timer_stop(&leases->sweep);
        soon_cancel(&leases->shorten);
        if (leases->has_lost)
                run_set_deinit(&leases->lost);
}
