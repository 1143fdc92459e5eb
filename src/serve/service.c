/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a daemon, from the first line of main() to its exit status:
 *
 *     settings → loop → database (may be away) → sockets → start() → READY=1 → turns … → STOPPING=1 → exit
 *
 * Going away is ordinary: for a restart, for an upgrade, for want of work. The listening sockets stay with
 * systemd, what was begun is finished, what peers hold open is closed with "come back".
 */

#include "serve/service.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>

#include "basic/clock.h"
#include "crypto/secret.h"
#include "log/log.h"
#include "serve/notify.h"
#include "serve/options.h"
#include "serve/route.h"
#include "serve/sockets.h"

#define DEFAULT_MAX_BODY (64 * 1024)
#define REQUEST_TIMEOUT_USEC (75 * USEC_PER_SEC)
#define GATHER_USEC (2 * USEC_PER_MSEC)         /* rings that meet within become one */
#define STATUS_USEC (3 * USEC_PER_SEC)

/* TimeoutStopSec= of the units is 90 s; then systemd kills. */
#define STOP_USEC (85 * USEC_PER_SEC)
/* Connections without a call are idle, or their peer is slow to close: not worth waiting long for. */
#define LINGER_USEC (10 * USEC_PER_SEC)
#define STOP_POLL_USEC (50 * USEC_PER_MSEC)

#define MISCONFIGURED_SECONDS 5

/* The service and what only this file needs. */
typedef struct Daemon {
        Service service;
        Options options;
        Notify notify;
        Soon ready;
        Timer status, idle, stopping;
        uint64_t idle_usec;             /* 0: never leaves by itself */
        uint64_t idle_since_usec, stop_since_usec;
        bool has_sockets;               /* from systemd: they start us again */
        bool started;                   /* start() was reached: free() has something to free */
} Daemon;

static void hide_memory(void);
static int load_settings(Daemon *daemon);
static void refuse(void);
static int run(Daemon *daemon);
static int set_up(Daemon *daemon);
static void tear_down(Daemon *daemon);

int service_main(const ServiceConfig *config, int argc, char *argv[]) {
        static Daemon daemon;
        int r;

        daemon.service.config = config;
        list_init(&daemon.service.calls);

        r = options_parse(config, argc, argv, &daemon.options);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        hide_memory();
        crypto_start();
        log_open(config->name);

        r = load_settings(&daemon);
        if (r < 0) {
                refuse();
                return EX_CONFIG;
        }

        r = set_up(&daemon);
        if (r >= 0)
                r = run(&daemon);

        tear_down(&daemon);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -- setting up ------------------------------------------------------------------------------------ */

/* Keys must not end up in a core file or a debugger. A sanitizer, though, looks at us through ptrace. */
static void hide_memory(void) {
        const struct rlimit none = {};

        (void) setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
        (void) prctl(PR_SET_DUMPABLE, 0);
#endif
}

static int load_settings(Daemon *daemon) {
        Service *service = &daemon->service;
        int r;

        r = settings_load(service->config->needs, &service->settings);
        if (r < 0)
                return r;

        log_set_max_level(service->settings->log_level);
        daemon->idle_usec = service->settings->exit_idle_seconds * USEC_PER_SEC;
        if (daemon->options.has_exit_idle)
                daemon->idle_usec = daemon->options.exit_idle_usec;
        return 0;
}

/* Whoever waits in a socket's backlog would have us started again and again. */
static void refuse(void) {
        const struct timespec pause = { .tv_sec = MISCONFIGURED_SECONDS };

        if (notify_refusing("A setting is wrong or missing: the journal names it"))
                nanosleep(&pause, NULL);
}

static void on_pool_change(bool up, void *userdata);

static int open_database(Service *service) {
        const ServiceConfig *config = service->config;
        const Settings *settings = service->settings;
        PoolConfig pool = {
                .url = settings->database_url,
                .n_connections = config->n_connections > 0 ? config->n_connections :
                                                             settings->database_pool_size,
                .timeout_usec = settings->database_timeout_msec * USEC_PER_MSEC,
                .prepare = settings->database_prepare,
                .disable_ssl = settings->disable_db_ssl,
                .application_name = config->name,
        };
        int r;

        r = pool_new(service->loop, &pool, &service->pool);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the database pool: is DATABASE_URL a URL? %m");

        pool_on_change(service->pool, on_pool_change, service);

        r = ringer_new(service->loop, service->pool, GATHER_USEC, &service->ringer);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the ringer: %m");

        if (!config->bell_channels)
                return 0;

        r = bell_new(service->loop, settings->database_url, settings->disable_db_ssl, config->bell_channels,
                     config->on_bell, service, &service->bell);
        return r < 0 ? log_error_errno(r, "Failed to set up the bell: %m") : 0;
}

static int open_sockets(Daemon *daemon) {
        Service *service = &daemon->service;
        const ServiceConfig *config = service->config;
        HttpServerConfig http = {
                .max_body = config->max_body ? config->max_body(service->settings) : DEFAULT_MAX_BODY,
                .request_timeout_usec = REQUEST_TIMEOUT_USEC,
                .handler = config->handler,
                .userdata = service,
        };
        int n, r;

        r = http_server_new(service->loop, &http, &service->http);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the HTTP server: %m");

        n = sockets_from_systemd(service->http);
        if (n < 0)
                return n;

        for (size_t i = 0; i < daemon->options.n_listen; i++) {
                r = sockets_listen(service->http, daemon->options.listen[i]);
                if (r < 0)
                        return r;
        }

        if (n == 0 && daemon->options.n_listen == 0)
                return log_error_errno(-EINVAL, "There is no socket: start the socket unit or use --listen");

        daemon->has_sockets = n > 0;
        return 0;
}

static int watch_signals(Daemon *daemon);
static void on_ready(Soon *soon);
static void on_status(Timer *timer);
static void on_idle(Timer *timer);
static void on_stopping(Timer *timer);

static int set_up_loop(Daemon *daemon) {
        Service *service = &daemon->service;
        int r;

        r = loop_new(&service->loop);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");

        r = watch_signals(daemon);
        if (r < 0)
                return log_error_errno(r, "Failed to watch signals: %m");

        r = offload_new(service->loop, &service->offload);
        if (r < 0)
                return log_error_errno(r, "Failed to start helper threads: %m");

        notify_init(&daemon->notify, service->loop);
        timer_init(&daemon->status, service->loop, on_status);
        timer_init(&daemon->idle, service->loop, on_idle);
        timer_init(&daemon->stopping, service->loop, on_stopping);
        soon_init(&daemon->ready, service->loop, on_ready);
        return 0;
}

static int set_up(Daemon *daemon) {
        Service *service = &daemon->service;
        int r;

        if (service->config->routes) {
                r = routes_check(service->config->routes);
                if (r < 0)
                        return r;
        }

        r = set_up_loop(daemon);
        if (r < 0)
                return r;
        r = open_database(service);
        if (r < 0)
                return r;
        r = open_sockets(daemon);
        if (r < 0)
                return r;

        daemon->started = true;
        return service->config->start ? service->config->start(service) : 0;
}

/* -- running --------------------------------------------------------------------------------------- */

static int run(Daemon *daemon) {
        soon_call(&daemon->ready);
        if (daemon->idle_usec > 0 && daemon->has_sockets)
                timer_start(&daemon->idle, daemon->idle_usec);

        return loop_run(daemon->service.loop);
}

/* The loop turns: whoever connects is heard. The database may still be away; callers are told so until it is
 * there. */
static void on_ready(Soon *soon) {
        Daemon *daemon = container_of(soon, Daemon, ready);

        notify_ready();
        on_status(&daemon->status);
}

static void on_status(Timer *timer) {
        Daemon *daemon = container_of(timer, Daemon, status);
        Service *service = &daemon->service;
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
        PoolStatus pool;

        pool_status(service->pool, &pool);
        buffer_printf(&text, "%zu calls, %zu connections, ", service->n_calls,
                      http_server_n_connections(service->http));
        if (pool_is_up(service->pool))
                buffer_printf(&text, "database %zu/%zu", pool.n_ready, pool.n_connections);
        else
                buffer_append_string(&text, "database away");
        if (service->config->status)
                service->config->status(service, &text);

        notify_status(&daemon->notify, &text);
        timer_start(timer, STATUS_USEC);
}

static void on_pool_change(bool up, void *userdata) {
        Daemon *daemon = container_of((Service *) userdata, Daemon, service);

        /* Somebody may have migrated it meanwhile; if not, it is worth saying again. */
        if (up)
                daemon->service.migration_noted = false;
        if (!daemon->service.stopping)
                timer_start(&daemon->status, 0);
}

/* -- reload and stop --------------------------------------------------------------------------------- */

static void on_reload(int signal_number, void *userdata) {
        Service *service = &((Daemon *) userdata)->service;

        if (service->stopping)
                return;

        notify_reloading();
        if (settings_reload(service->settings) >= 0) {
                log_set_max_level(service->settings->log_level);
                if (service->config->reload)
                        service->config->reload(service);
        }
        notify_ready();
}

static void stop(Daemon *daemon) {
        Service *service = &daemon->service;

        service->stopping = true;
        notify_stopping();
        timer_stop(&daemon->status);
        timer_stop(&daemon->idle);

        http_server_stop(service->http);
        if (service->config->stop)
                service->config->stop(service);

        daemon->stop_since_usec = loop_now_usec(service->loop);
        timer_start(&daemon->stopping, 0);
}

static void on_stopping(Timer *timer) {
        Daemon *daemon = container_of(timer, Daemon, stopping);
        Service *service = &daemon->service;
        uint64_t waited = loop_now_usec(service->loop) - daemon->stop_since_usec;
        bool done = service->n_calls == 0 && offload_n_jobs(service->offload) == 0;

        if (done && (http_server_n_connections(service->http) == 0 || waited >= LINGER_USEC))
                loop_exit(service->loop, 0);
        else if (waited >= STOP_USEC) {
                log_warning("Leaving %zu calls unfinished", service->n_calls);
                loop_exit(service->loop, 0);
        } else
                timer_start(timer, STOP_POLL_USEC);
}

/* SIGRTMIN+n, n as in syslog(3): until a reload says otherwise. */
static void on_log_level(int signal_number, void *userdata) {
        int level = signal_number - SIGRTMIN;

        log_notice("Logging at level %s from now on", log_level_to_string(level));
        log_set_max_level(level);
}

/* The second one means it. */
static void on_terminate(int signal_number, void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->service.stopping)
                loop_exit(daemon->service.loop, 0);
        else
                stop(daemon);
}

static int watch_signals(Daemon *daemon) {
        static const struct {
                int number;
                SignalHandler handler;
        } signals[] = {
                { SIGHUP,  on_reload    },
                { SIGINT,  on_terminate },
                { SIGTERM, on_terminate },
        };

        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
                int r;

                r = loop_add_signal(daemon->service.loop, SIGRTMIN + level, on_log_level, daemon);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r;

                r = loop_add_signal(daemon->service.loop, signals[i].number, signals[i].handler, daemon);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* -- nothing to do ----------------------------------------------------------------------------------- */

static bool is_idle(Service *service) {
        return service->n_calls == 0 && http_server_n_connections(service->http) == 0 &&
               offload_n_jobs(service->offload) == 0 &&
               (!service->config->is_idle || service->config->is_idle(service));
}

/* Looked at in quarters of the time: what was idle each time counts as idle all the time, which is near
 * enough. Who connects while we leave waits in the socket's backlog and starts the next one. */
static void on_idle(Timer *timer) {
        Daemon *daemon = container_of(timer, Daemon, idle);
        uint64_t now = loop_now_usec(daemon->service.loop);

        if (!is_idle(&daemon->service))
                daemon->idle_since_usec = 0;
        else if (daemon->idle_since_usec == 0)
                daemon->idle_since_usec = now;
        else if (now - daemon->idle_since_usec >= daemon->idle_usec) {
                log_info("Leaving: nothing to do for %llu seconds",
                         (unsigned long long) (daemon->idle_usec / USEC_PER_SEC));
                stop(daemon);
                return;
        }

        timer_start(timer, daemon->idle_usec / 4);
}

/* -- tearing down ------------------------------------------------------------------------------------ */

/* Highest first: what is freed may still answer to what stands below it. */
static void tear_down(Daemon *daemon) {
        Service *service = &daemon->service;

        /* Cut short: batches under way still point into these calls. The system takes the memory back. */
        if (service->n_calls > 0)
                return;

        if (daemon->started && service->config->free)
                service->config->free(service);

        service->http = http_server_free(service->http);
        service->bell = bell_free(service->bell);
        service->ringer = ringer_free(service->ringer);
        service->pool = pool_free(service->pool);
        service->offload = offload_free(service->offload);
        if (service->loop)
                notify_deinit(&daemon->notify);
        service->loop = loop_free(service->loop);
        service->settings = settings_free(service->settings);
}
