/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-web: the public address. What is a sibling's goes to the sibling, the rest is ours.
 *
 * This process reads the database for people and holds the key that signs API tokens, which it needs to check
 * them, and the one that seals what people keep secret; it writes no history and never claims work.
 */

#include "serve/route.h"
#include "serve/service.h"
#include "web/authenticate.h"
#include "web/web.h"

/* Reads are short; a few connections answer thousands of them a second. */
#define N_CONNECTIONS 4

static void on_request(HttpRequest *request, void *userdata) {
        Service *service = userdata;

        if (!forward_serve(service, request))
                route_serve(service, web_routes, request);
}

/* The port is left out where everybody knows it. */
static char *make_base_url(const Settings *settings) {
        bool is_standard = settings->url_port == (strcmp(settings->url_scheme, "https") == 0 ? 443 : 80);
        _cleanup_(buffer_deinit) Buffer url = BUFFER_NULL;

        buffer_printf(&url, "%s://%s", settings->url_scheme, settings->url_host);
        if (!is_standard)
                buffer_printf(&url, ":%llu", (unsigned long long) settings->url_port);

        return xstrndup(url.data, url.length);
}

static int start(Service *service) {
        Web *web = xnew(Web, 1);
        int r;

        service->state = web;
        web->base_url = make_base_url(service->settings);
        r = run_key_new(secret_text(service->settings->run_token_key), &web->key);
        if (r < 0)
                return log_error_errno(r, "WORKER_RUNS_PRIVATE_KEY is no RSA key: %m");
        r = vault_new(secret_text(service->settings->primary_key), secret_text(service->settings->primary_key_old), &web->vault);
        if (r < 0)
                return log_error_errno(r, "PRIMARY_ENCRYPTION_KEY, or one before it, is not a key: %m");

        return 0;
}

static void web_free(Service *service) {
        Web *web = service->state;

        if (!web)
                return;
        web->key = run_key_free(web->key);
        web->vault = vault_free(web->vault);
        free(web->base_url);
        free(web);
        service->state = NULL;
}

int main(int argc, char *argv[]) {
        static const ServiceConfig config = {
                .name = "fulgur-web",
                .summary = "Serves the API, and forwards webhooks and workers to their services.",
                .needs = NEED_PRIMARY_KEY | NEED_RUN_TOKEN_KEY,
                .n_connections = N_CONNECTIONS,
                .max_body = forward_max_body,
                .handler = on_request,
                .routes = web_routes,
                .authenticate = authenticate,
                .start = start,
                .free = web_free,
        };

        return service_main(&config, argc, argv);
}
