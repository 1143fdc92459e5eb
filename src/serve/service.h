/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The life of a daemon: settings and credentials, sockets from systemd, the loop, database, READY=1,
 * watchdog, reload, idle exit and the graceful stop. A daemon's main() fills a ServiceConfig and calls
 * service_main().
 */

#include "db/bell.h"
#include "db/pool.h"
#include "loop/loop.h"
#include "loop/offload.h"
#include "net/http.h"
#include "serve/call.h"
#include "settings/settings.h"

typedef struct ServiceConfig {
        const char *name;               /* "fulgur-webhooks": journal identifier and application_name */
        const char *summary;            /* one line for --help */
        unsigned needs;                 /* SettingsNeed */
        size_t n_connections;           /* of the pool; 0: the setting */
        const char *const *bell_channels;       /* NULL-terminated; NULL: no bell */
        BellHandler on_bell;            /* userdata: Service * */
        size_t (*max_body)(const Settings *settings);   /* NULL: 64 KiB */
        void (*handler)(HttpRequest *request, void *userdata);  /* userdata: Service * */
        const struct Route *routes;     /* checked at start, printed by --list-routes; may be NULL */
        int (*start)(Service *service); /* after settings, before READY=1; may be NULL */
        void (*stop)(Service *service); /* stopping: close what peers hold open (1012); may be NULL */
        bool (*is_idle)(Service *service);      /* beyond calls and connections; may be NULL */
        void (*status)(Service *service, Buffer *text); /* appended to STATUS=; may be NULL */
        void (*free)(Service *service); /* what start() made; also after a start() that failed; may be NULL */
        const Stage *authenticate;      /* before the stages of routes with authentication: serve/session.h */
        void (*reload)(Service *service);       /* after SIGHUP: settings have been read again; may be NULL */
} ServiceConfig;

struct Service {
        const ServiceConfig *config;
        Settings *settings;
        Loop *loop;
        Pool *pool;
        Bell *bell;
        Ringer *ringer;
        Offload *offload;
        HttpServer *http;
        List calls;
        size_t n_calls;
        bool stopping;
        bool migration_noted;           /* MSG_MIGRATION_NEEDED is said once */
        void *state;                    /* the daemon's own */
};

/* Options: --help, --version, --list-routes, --listen=ADDRESS (development: host:port or a path, may be
 * repeated; otherwise sockets come from systemd), --exit-idle-time=SEC. Returns main()'s exit status. */
int service_main(const ServiceConfig *config, int argc, char *argv[]);
