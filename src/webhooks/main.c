/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-webhooks: takes webhooks in. What it does with one is in receive.c.
 */

#include "webhooks/webhooks.h"

static void on_request(HttpRequest *request, void *userdata) {
        route_serve(userdata, webhook_routes, request);
}

static size_t max_body(const Settings *settings) {
        return settings->max_dataclip_size_mb * 1000000;
}

static void on_bell(const char *channel, const char *payload, void *userdata) {
        Webhooks *webhooks = ((Service *) userdata)->state;

        /* The bell may ring before start(). */
        if (!webhooks)
                return;

        if (!channel || strcmp(channel, "triggers") == 0)
                trigger_cache_flush(webhooks->triggers);
        if (!channel || strcmp(channel, "run_done") == 0)
                run_waits_ring(webhooks->runs, payload);
}

/* Workers are told from the side: a NOTIFY inside the commit would make all commits wait for each other. */
static void on_stored(void *userdata) {
        Webhooks *webhooks = userdata;

        ringer_ring(webhooks->service->ringer, "runs", NULL);
}

static int start(Service *service) {
        Webhooks *webhooks = xnew(Webhooks, 1);
        int r;

        webhooks->service = service;
        service->state = webhooks;
        r = vault_new(secret_text(service->settings->primary_key),
                      secret_text(service->settings->primary_key_old), &webhooks->vault);
        if (r < 0)
                return log_error_errno(r, "PRIMARY_ENCRYPTION_KEY, or one before it, is not a key: %m");

        webhooks->triggers = trigger_cache_new(service->loop, service->pool,
                                               &(TriggerCacheConfig) {
                                                       .settings = service->settings,
                                                       .vault = webhooks->vault,
                                                       .bell = service->bell,
                                               });
        webhooks->commit = group_commit_new(service->loop, service->pool,
                                            &(GroupCommitConfig) {
                                                    .settings = service->settings,
                                                    .stored = on_stored,
                                                    .userdata = webhooks,
                                            });
        webhooks->runs = run_waits_new(service->loop, service->pool, service->bell);
        return 0;
}

/* Whoever waits for something that may take longer hears now: the next process is there in a moment. */
static void stop(Service *service) {
        Webhooks *webhooks = service->state;

        trigger_cache_stop(webhooks->triggers);
        group_commit_stop(webhooks->commit);
        run_waits_stop(webhooks->runs);
}

static void status(Service *service, Buffer *text) {
        const Webhooks *webhooks = service->state;

        buffer_printf(text, ", %zu to be stored, %zu waiting for their run",
                      group_commit_n_waiting(webhooks->commit), run_waits_n(webhooks->runs));
}

static void free_state(Service *service) {
        Webhooks *webhooks = service->state;

        if (!webhooks)
                return;

        webhooks->runs = run_waits_free(webhooks->runs);
        webhooks->commit = group_commit_free(webhooks->commit);
        webhooks->triggers = trigger_cache_free(webhooks->triggers);
        webhooks->vault = vault_free(webhooks->vault);
        free(webhooks);
        service->state = NULL;
}

int main(int argc, char *argv[]) {
        static const char *const channels[] = { "triggers", "run_done", NULL };
        static const ServiceConfig config = {
                .name = "fulgur-webhooks",
                .summary = "Takes webhooks in: each becomes a work order and its first run",
                .needs = NEED_PRIMARY_KEY,
                .bell_channels = channels,
                .on_bell = on_bell,
                .max_body = max_body,
                .handler = on_request,
                .routes = webhook_routes,
                .start = start,
                .stop = stop,
                .status = status,
                .free = free_state,
        };

        return service_main(&config, argc, argv);
}
