/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the doctor sees of the machine: settings and keys, clock and disks, units, sockets and sandboxes, the mail
 * server.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/setup.h"
#include "log/message-id.h"

#define MIB                  (1024.0 * 1024)
#define DISK_FAILED_MIB      256
#define DISK_WARNING_PERCENT 10
#define MAIL_TIMEOUT_MSEC    3000
#define MAX_EXPOSURE         "13" /* tenths: what a unit with network may have */

Health doctor_settings(Doctor *doctor) {
        return doctor->ctl->settings
                       ? HEALTH_OK
                       : doctor_find(doctor, HEALTH_FAILED, "each that is wrong is named above");
}

/* -- keys -------------------------------------------------------------------------------------- */

static Health judge_key(Doctor *doctor, Setup *setup, const char *name) {
        const char *path = setup_path(setup, "/etc/credstore/%s", name);
        struct stat file;

        if (stat(path, &file) == 0 && (file.st_uid != 0 || file.st_mode & (S_IRWXG | S_IRWXO))) {
                doctor->fix = arena_printf(&doctor->ctl->arena, "chown root %s; chmod 0400 %s", path, path);
                return doctor_find(doctor, HEALTH_FAILED, "%s is not for root alone", path);
        }
        if (setup_has_credential(setup, name))
                return HEALTH_OK;
        if (!doctor->ctl->settings)
                return doctor_find(doctor, HEALTH_FAILED, "%s is missing", name);
        doctor->fix = "man fulgur.systemd    # CREDENTIALS";
        return doctor_find(doctor, HEALTH_WARNING, "%s comes from the environment", name);
}

Health doctor_keys(Doctor *doctor) {
        static const char *const names[] = { "fulgur.primary-key", "fulgur.worker-secret",
                                             "fulgur.run-token-key", "fulgur.session-key" };
        Setup setup = { .ctl = doctor->ctl, .root = "" };

        if (geteuid() != 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "only root can see them");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Health health = judge_key(doctor, &setup, names[i]);

                if (health != HEALTH_OK)
                        return health;
        }
        return HEALTH_OK;
}

/* -- clock and disks --------------------------------------------------------------------------- */

Health doctor_clock(Doctor *doctor) {
        struct timex state = {};

        if (adjtimex(&state) < 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "%s", strerror(errno));
        return state.status & STA_UNSYNC ? doctor_find(doctor, HEALTH_WARNING, "nothing sets it") : HEALTH_OK;
}

static Health judge_disk(Doctor *doctor, const char *path) {
        struct statvfs fs;
        double free_mib, percent;

        if (statvfs(path, &fs) < 0 || fs.f_blocks == 0)
                return HEALTH_OK;
        free_mib = (double) fs.f_bavail * (double) fs.f_frsize / MIB;
        percent = 100 * (double) fs.f_bavail / (double) fs.f_blocks;

        if (free_mib < DISK_FAILED_MIB)
                return doctor_find(doctor, HEALTH_FAILED, "%.0f MiB are left at %s", free_mib, path);
        return percent < DISK_WARNING_PERCENT
                       ? doctor_find(doctor, HEALTH_WARNING, "%.0f %% are left at %s", percent, path)
                       : HEALTH_OK;
}

/* The database, the journal, and where both are without folders of their own. */
Health doctor_disk(Doctor *doctor) {
        static const char *const paths[] = { "/var/lib/postgresql", "/var/lib/pgsql", "/var/log/journal",
                                             "/var" };
        Health worst = HEALTH_OK;

        for (size_t i = 0; i < ELEMENTSOF(paths) && worst != HEALTH_FAILED; i++)
                worst = MAX(worst, judge_disk(doctor, paths[i]));
        return worst;
}

/* -- units ------------------------------------------------------------------------------------- */

typedef struct UnitState {
        Text id, active, enabled;
} UnitState;

static Text value_of(Text block, const char *name) {
        Text line;

        while (text_split(&block, '\n', &line))
                if (text_starts_with(line, name) && line.data[strlen(name)] == '=')
                        return text_make(line.data + strlen(name) + 1, line.length - strlen(name) - 1);
        return TEXT("");
}

static Health judge_unit(Doctor *doctor, const UnitState *unit) {
        bool service = text_contains(unit->id, ".service");

        if (text_is(unit->active, "failed") || (!service && !text_is(unit->active, "active"))) {
                doctor->fix =
                        arena_printf(&doctor->ctl->arena,
                                     service ? "journalctl -xu %.*s" : "systemctl enable --now fulgur.target",
                                     (int) unit->id.length, unit->id.data);
                return doctor_find(doctor, HEALTH_FAILED, "%.*s is %.*s", (int) unit->id.length,
                                   unit->id.data, (int) unit->active.length, unit->active.data);
        }
        if (text_is(unit->id, "fulgur.target") && !text_is(unit->enabled, "enabled")) {
                doctor->fix = "systemctl enable fulgur.target";
                return doctor_find(doctor, HEALTH_WARNING, "fulgur.target is not started at boot");
        }
        return HEALTH_OK;
}

/* "Id=…" to an empty line is one unit. */
static Health judge_units(Doctor *doctor, char *text) {
        Health worst = HEALTH_OK;

        for (char *end; *text && worst != HEALTH_FAILED; text = end) {
                Text block;

                end = strstr(text, "\n\n");
                end = end ? end + 2 : text + strlen(text);
                block = text_make(text, (size_t) (end - text));
                worst = MAX(worst,
                            judge_unit(doctor, &(UnitState){ .id = value_of(block, "Id"),
                                                             .active = value_of(block, "ActiveState"),
                                                             .enabled = value_of(block, "UnitFileState") }));
        }
        return worst;
}

Health doctor_units(Doctor *doctor) {
        static const char *const argv[] = {
                "systemctl",
                "show",
                "--property=Id",
                "--property=ActiveState",
                "--property=UnitFileState",
                "fulgur.target",
                "fulgur-web.socket",
                "fulgur-webhooks.socket",
                "fulgur-workers.socket",
                "fulgur-cron.timer",
                "fulgur-janitor.timer",
                "fulgur-migrate.service",
                "fulgur-web.service",
                "fulgur-webhooks.service",
                "fulgur-workers.service",
                "fulgur-cron.service",
                "fulgur-janitor.service",
                "fulgur-webhooks@*.service",
                NULL,
        };
        _cleanup_(buffer_deinit) Buffer output = BUFFER_NULL;

        if (program_output(argv, &output) != 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "systemd does not run here");
        return judge_units(doctor, buffer_string(&output));
}

/* -- sockets ----------------------------------------------------------------------------------- */

static Health judge_socket(Doctor *doctor, const char *path) {
        const struct group *group;
        struct stat file;

        if (stat(path, &file) < 0)
                return errno == EACCES ? doctor_find(doctor, HEALTH_LEFT_OUT, "%s: only for root", path)
                                       : doctor_find(doctor, HEALTH_FAILED, "%s: %s", path, strerror(errno));
        group = getgrgid(file.st_gid);
        if (!S_ISSOCK(file.st_mode) || (file.st_mode & 07777) != 0660 || !group ||
            strcmp(group->gr_name, "fulgur-sockets") != 0)
                return doctor_find(doctor, HEALTH_FAILED,
                                   "%s should be a socket of mode 0660 and group "
                                   "fulgur-sockets",
                                   path);
        return HEALTH_OK;
}

Health doctor_sockets(Doctor *doctor) {
        Health health = judge_socket(doctor, "/run/fulgur/webhooks.sock");

        return health == HEALTH_OK ? judge_socket(doctor, "/run/fulgur/workers.sock") : health;
}

Health doctor_answer(Doctor *doctor) {
        const char *file = doctor->ctl->env_file ? doctor->ctl->env_file : "/etc/fulgur/fulgur.env";
        _cleanup_(env_file_freep) EnvFile *env = NULL;
        Setup setup = { .ctl = doctor->ctl, .root = "" };
        bool answers;

        (void) env_file_read(file, &env);
        setup.env = env;
        answers = setup_check(&setup) != OUTCOME_FAILED;
        return doctor_find(doctor, answers ? HEALTH_OK : HEALTH_FAILED, "http://%s:%s/", setup_host(&setup),
                           setup_port(&setup));
}

Health doctor_sandbox(Doctor *doctor) {
        static const char *const argv[] = {
                "systemd-analyze",
                "security",
                "--no-pager",
                "--threshold=" MAX_EXPOSURE,
                "fulgur-web.service",
                "fulgur-webhooks.service",
                "fulgur-workers.service",
                "fulgur-cron.service",
                "fulgur-janitor.service",
                "fulgur-migrate.service",
                NULL,
        };
        _cleanup_(buffer_deinit) Buffer output = BUFFER_NULL;
        int status = program_output(argv, &output);

        if (status < 0 || output.length == 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "systemd-analyze has nothing to say here");
        return status == 0 ? HEALTH_OK
                           : doctor_find(doctor, HEALTH_WARNING,
                                         "systemd-analyze security finds more than 1.3: a "
                                         "drop-in opens something");
}

/* A worker with another secret, or another clock, is turned away by the hour. */
Health doctor_worker_keys(Doctor *doctor) {
        static const char *const argv[] = {
                "journalctl",
                "--quiet",
                "--since=-1h",
                "--lines=1",
                "--output=cat",
                "MESSAGE_ID=" MSG_WORKER_REFUSED,
                "_SYSTEMD_UNIT=fulgur-workers.service",
                NULL,
        };
        _cleanup_(buffer_deinit) Buffer output = BUFFER_NULL;

        if (program_output(argv, &output) < 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "there is no journal to look into");
        return output.length == 0 ? HEALTH_OK
                                  : doctor_find(doctor, HEALTH_WARNING, "in the last hour: %s",
                                                strtok(buffer_string(&output), "\n"));
}

/* -- mail -------------------------------------------------------------------------------------- */

static bool accepts(const char *host, const char *port) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *all = NULL;
        bool good = false;

        if (getaddrinfo(host, port, &hints, &all) != 0)
                return false;
        for (struct addrinfo *one = all; one && !good; one = one->ai_next) {
                int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
                struct pollfd watch = { .fd = fd, .events = POLLOUT };
                socklen_t length = sizeof error;

                if (fd < 0)
                        continue;
                good = connect(fd, one->ai_addr, one->ai_addrlen) == 0 ||
                       (errno == EINPROGRESS && poll(&watch, 1, MAIL_TIMEOUT_MSEC) == 1 &&
                        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
                close(fd);
        }
        freeaddrinfo(all);
        return good;
}

Health doctor_mail(Doctor *doctor) {
        const Settings *settings = doctor->ctl->settings;
        const char *provider = settings ? settings_text(settings, "MAIL_PROVIDER") : NULL;

        if (!provider)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "MAIL_PROVIDER is not set");
        if (strcmp(provider, "smtp") != 0)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "by %s: nothing to try without sending",
                                   provider);
        return accepts(settings_text(settings, "SMTP_RELAY"), settings_text(settings, "SMTP_PORT"))
                       ? HEALTH_OK
                       : doctor_find(doctor, HEALTH_FAILED, "%s:%s does not answer",
                                     settings_text(settings, "SMTP_RELAY"),
                                     settings_text(settings, "SMTP_PORT"));
}
