/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl log-level: another level for daemons that run, until they are reloaded or restarted. Each level is a
 * real-time signal (src/serve/service.c), which systemd sends.
 */

#include <string.h>

#include "ctl/ctl.h"
#include "ctl/program.h"
#include "log/log.h"

static const char *const services[] = { "fulgur-web", "fulgur-webhooks", "fulgur-workers" };

/* "web" will do. */
static const char *find_service(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (strcmp(services[i], name) == 0 || strcmp(services[i] + strlen("fulgur-"), name) == 0)
                        return services[i];
        return NULL;
}

static bool is_wanted(const char *service, int argc, char *argv[]) {
        for (int i = 2; i < argc; i++)
                if (find_service(argv[i]) == service)
                        return true;
        return argc == 2;
}

static bool is_running(const char *service) {
        const char *const argv[] = { "systemctl", "is-active", "--quiet", service, NULL };

        return program_run(argv, TEXT_NULL, -1, true) == 0;
}

static int tell(Ctl *ctl, JsonWriter *w, const char *service, const char *level, const char *signal) {
        const char *option = arena_printf(&ctl->arena, "--signal=%s", signal);
        const char *const argv[] = { "systemctl", "kill", "--kill-whom=main", option, service, NULL };
        bool running = is_running(service);

        if (running && program_run(argv, TEXT_NULL, -1, false) != 0)
                return ctl_fail(EXIT_FAILED, "%s was not told", service);
        if (!ctl->json)
                printf("%-16s %s\n", service,
                       running ? level : "does not run, and will start with LOG_LEVEL");
        json_begin(w, NULL);
        json_string(w, "service", service);
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
                if (is_wanted(services[i], argc, argv))
                        r = tell(ctl, &w, services[i], argv[1], signal);
        json_end_array(&w);
        if (ctl->json)
                ctl_print_json(&buffer);
        buffer_deinit(&buffer);
        return r;
}
