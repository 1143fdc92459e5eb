/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-workers: OpenFn's workers connect here by WebSocket, claim runs, and report what becomes of them.
 */

#include "log/message-id.h"
#include "workers/workers.h"

static int start(Service *service);
static void stop(Service *service);
static void free_workers(Service *service);
static void on_bell(const char *channel, const char *payload, void *userdata);
static void write_status(Service *service, Buffer *text);

static const char *const bell_channels[] = { "runs", NULL };

static const ServiceConfig config = {
        .name = "fulgur-workers",
        .summary = "Hands runs to workers and stores what they report",
        .needs = NEED_PRIMARY_KEY | NEED_WORKER_SECRET | NEED_RUN_TOKEN_KEY,
        .bell_channels = bell_channels,
        .on_bell = on_bell,
        .handler = worker_request,
        .start = start,
        .stop = stop,
        .status = write_status,
        .free = free_workers,
};

int main(int argc, char *argv[]) {
        return service_main(&config, argc, argv);
}

static int open_keys(Workers *workers) {
        const Settings *settings = workers->service->settings;
        int r;

        r = run_key_new(secret_text(settings->run_token_key), &workers->run_key);
        if (r < 0)
                return log_error_errno(r, "WORKER_RUNS_PRIVATE_KEY is not an RSA key: %m");
        r = vault_new(secret_text(settings->primary_key), secret_text(settings->primary_key_old), &workers->vault);
        return r < 0 ? log_error_errno(r, "PRIMARY_ENCRYPTION_KEY, or one before it, is not a key: %m") : 0;
}

static int start(Service *service) {
        Workers *workers = xnew(Workers, 1);
        int r;

        service->state = workers;
        workers->service = service;
        list_init(&workers->sockets);
        list_init(&workers->queues);
        timer_init(&workers->announce, service->loop, queue_on_announce);
        live_runs_init(&workers->runs);
        claim_desk_init(&workers->desk, workers);

        r = open_keys(workers);
        if (r < 0)
                return r;
        leases_start(&workers->leases, workers);
        return 0;
}

/* 1012, "service restart": workers come back after a second, to whoever listens then. */
static void stop(Service *service) {
        Workers *workers = workers_of(service);

        list_for_each(link, &workers->sockets)
                channel_socket_close(list_entry(link, ChannelSocket, link), 1012, "service restart");
        timer_stop(&workers->announce);
        leases_stop(&workers->leases);
}

static void free_workers(Service *service) {
        Workers *workers = workers_of(service);

        if (!workers)
                return;

        timer_stop(&workers->announce);
        soon_cancel(&workers->desk.ask);
        leases_free(&workers->leases);
        workers->run_key = run_key_free(workers->run_key);
        workers->vault = vault_free(workers->vault);
        free(workers);
        service->state = NULL;
}

/* No channel: the bell was away, so there may be work that was not heard of. */
static void on_bell(const char *channel, const char *payload, void *userdata) {
        Workers *workers = workers_of(userdata);

        if (workers)
                queue_announce(workers);
}

static void write_status(Service *service, Buffer *text) {
        const Workers *workers = workers_of(service);

        buffer_printf(text, ", %zu workers, %zu runs", workers->n_sockets, workers->runs.n_runs);
}
