/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Set-up and systemd: the units, and whether the public address answers.
 */

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/setup.h"

#define ANSWER_TIMEOUT_MSEC 20000

/* -- units ------------------------------------------------------------------------------------- */

static int systemctl(const char *verb, const char *unit, bool quiet) {
        const char *const argv[] = { "systemctl", verb, unit, NULL };

        return program_run(argv, TEXT_NULL, -1, quiet);
}

static bool is_started(void) {
        static const char *const active[] = { "fulgur.target", "fulgur-web.socket", "fulgur-webhooks.socket",
                                              "fulgur-workers.socket" };

        for (size_t i = 0; i < ELEMENTSOF(active); i++)
                if (systemctl("is-active", active[i], true) != 0)
                        return false;
        return systemctl("is-enabled", "fulgur.target", true) == 0;
}

Outcome setup_start(Setup *setup) {
        if (setup->no_start) {
                setup->note = "not asked for";
                return OUTCOME_SKIPPED;
        }
        if (!setup->changed_units && is_started())
                return OUTCOME_SAME;

        if (systemctl("daemon-reload", NULL, false) != 0)
                return setup_fail(setup, "systemd does not run here, or refuses: \"systemctl daemon-reload\"");
        if (systemctl("enable", "fulgur.target", true) != 0)
                return setup_fail(setup, "see \"systemctl enable fulgur.target\"");
        /* Also what a target that is active already could not start before. */
        if (systemctl("start", "fulgur.target", false) != 0 || !is_started())
                return setup_fail(setup, "see \"systemctl status 'fulgur*'\" and \"journalctl -xu 'fulgur*'\"");
        return OUTCOME_DONE;
}

/* -- the answer -------------------------------------------------------------------------------- */

const char *setup_port(const Setup *setup) {
        const char *port = setup_env(setup, "PORT");

        return port ? port : "4000";
}

/* Who listens everywhere also listens here. */
const char *setup_host(const Setup *setup) {
        const char *host = setup_env(setup, "LISTEN_ADDRESS");

        if (!host || strcmp(host, "0.0.0.0") == 0)
                return "127.0.0.1";
        return strcmp(host, "::") == 0 ? "::1" : host;
}

static int dial(const Setup *setup) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
        struct addrinfo *address;
        int fd;

        if (getaddrinfo(setup_host(setup), setup_port(setup), &hints, &address) != 0)
                return -EINVAL;
        fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
                close(fd);
                fd = -1;
        }
        freeaddrinfo(address);
        return fd < 0 ? -errno : fd;
}

/* The first line is enough: "HTTP/1.1 200 OK". */
static bool answers(int fd) {
        static const char request[] = "GET /health_check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        struct pollfd watch = { .fd = fd, .events = POLLIN };
        char status[12];

        return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t) sizeof request - 1 &&
               poll(&watch, 1, ANSWER_TIMEOUT_MSEC) == 1 &&
               recv(fd, status, sizeof status, MSG_WAITALL) == (ssize_t) sizeof status &&
               memcmp(status, "HTTP/1.1 200", sizeof status) == 0;
}

Outcome setup_check(Setup *setup) {
        bool good;
        int fd;

        if (setup->no_start) {
                setup->note = "not started";
                return OUTCOME_SKIPPED;
        }
        fd = dial(setup);
        good = fd >= 0 && answers(fd);
        if (fd >= 0)
                close(fd);
        return good ? OUTCOME_SAME : setup_fail(setup, "see \"journalctl -xu fulgur-web.service\"");
}

Outcome setup_doctor(Setup *setup) {
        unsigned n_failed, n_warnings;

        if (setup->no_start) {
                setup->note = "not started";
                return OUTCOME_SKIPPED;
        }
        n_failed = doctor_count(setup->ctl, &n_warnings);
        if (n_failed > 0)
                return setup_fail(setup, "%u things are not well: \"fulgurctl doctor\" names them", n_failed);
        if (n_warnings > 0)
                setup->note = arena_printf(&setup->ctl->arena, "%u warnings, see \"fulgurctl doctor\"", n_warnings);
        return OUTCOME_SAME;
}
