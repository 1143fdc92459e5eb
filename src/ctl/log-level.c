/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl log-level: another level for daemons that run, until they are reloaded or restarted. Each level is a
 * real-time signal (src/serve/service.c), which systemd sends.
 */

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/program.h"
#include "log/log.h"

static const struct Service {
        const char *name, *instances; /* NULL: there is only one process of it */
} services[] = {
        { "fulgur-web", NULL },
        { "fulgur-webhooks", "fulgur-webhooks@*.service" },
        { "fulgur-workers", NULL },
};

/* "web" will do. */
static const struct Service *find_service(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (strcmp(services[i].name, name) == 0 ||
                    strcmp(services[i].name + strlen("fulgur-"), name) == 0)
                        return &services[i];
        return NULL;
}

static bool is_wanted(const struct Service *service, int argc, char *argv[]) {
        for (int i = 2; i < argc; i++)
                if (find_service(argv[i]) == service)
                        return true;
        return argc == 2;
}

static bool is_running(const char *unit) {
        const char *const argv[] = { "systemctl", "is-active", "--quiet", unit, NULL };

        return program_run(argv, TEXT_NULL, -1, true) == 0;
}

/* 1: told; 0: it does not run; or negative. */
static int send_signal(Ctl *ctl, const char *unit, const char *signal) {
        const char *option = arena_printf(&ctl->arena, "--signal=%s", signal);
        const char *const argv[] = { "systemctl", "kill", "--kill-whom=main", option, unit, NULL };

        if (!unit || !is_running(unit))
                return 0;
        return program_run(argv, TEXT_NULL, -1, false) == 0 ? 1 : -EIO;
}

static int tell(Ctl *ctl, JsonWriter *w, const struct Service *service, const char *level,
                const char *signal) {
        int one = send_signal(ctl, service->name, signal),
            more = send_signal(ctl, service->instances, signal);
        bool running = one > 0 || more > 0;

        if (one < 0 || more < 0)
                return ctl_fail(EXIT_FAILED, "%s was not told", service->name);
        if (!ctl->json)
                printf("%-16s %s\n", service->name,
                       running ? level : "does not run, and will start with LOG_LEVEL");
        json_begin(w, NULL);
        json_string(w, "service", service->name);
        json_string(w, "level", running ? level : NULL);
        json_end(w);
        return EXIT_OK;
}

int verb_log_level(Ctl *ctl, int argc, char *argv[]) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        const char *signal = "HUP";
        int level, r = EXIT_OK;

        if (argc < 2)
                return EXIT_USAGE;
        for (int i = 2; i < argc; i++)
                if (!find_service(argv[i]))
                        return ctl_fail(EXIT_USAGE, "\"%s\" is none of web, webhooks, workers", argv[i]);
        if (strcmp(argv[1], "default") != 0) {
                if (log_level_from_string(argv[1], &level) < 0)
                        return ctl_fail(EXIT_USAGE,
                                        "\"%s\" is no level: debug, info, notice, warning, error, critical, "
                                        "alert, emergency or default",
                                        argv[1]);
                signal = arena_printf(&ctl->arena, "RTMIN+%d", level);
        }

        json_begin_array(&w, NULL);
        for (size_t i = 0; i < ELEMENTSOF(services) && r == EXIT_OK; i++)
                if (is_wanted(&services[i], argc, argv))
                        r = tell(ctl, &w, &services[i], argv[1], signal);
        json_end_array(&w);
        if (ctl->json)
                ctl_print_json(&buffer);
        buffer_deinit(&buffer);
        return r;
}
