/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl doctor: looks at everything an administrator would look at, and names the command that mends what is
 * not well. A table of checks in this order, each with its number; none changes anything, and none stops the
 * others.
 */

#include <stdarg.h>
#include <string.h>

#include "ctl/doctor.h"

static const struct Check {
        const char *name, *title;
        Health (*run)(Doctor *doctor);
        const char *fix;
} checks[] = {
        { "settings", "settings and secrets can be read", doctor_settings, "fulgurctl config check" },
        { "keys", "keys are there, for nobody but root", doctor_keys, "fulgurctl setup" },
        { "database", "PostgreSQL answers", doctor_database, "systemctl status postgresql" },
        { "tls", "what goes to the database is private", doctor_tls, "man fulgur.env" },
        { "migrations", "the database is up to date", doctor_migrations,
          "systemctl restart fulgur-migrate.service" },
        { "seals", "the keys open what is sealed", doctor_seals, "fulgurctl key rotate" },
        { "clock", "the clock is kept", doctor_clock, "timedatectl set-ntp true" },
        { "database-clock", "the database has the same time", doctor_database_clock, "timedatectl" },
        { "disk", "there is room on the disks", doctor_disk, "df -h" },
        { "units", "units are enabled, none has failed", doctor_units, "systemctl status 'fulgur*'" },
        { "sockets", "local sockets are there, for the right group", doctor_sockets,
          "systemctl restart fulgur-webhooks.socket fulgur-workers.socket" },
        { "answer", "the public address answers", doctor_answer, "journalctl -xu fulgur-web.service" },
        { "sandbox", "services are shut in", doctor_sandbox, "systemctl cat 'fulgur*.service'" },
        { "workers", "workers are connected", doctor_workers, "fulgurctl worker list" },
        { "worker-keys", "nobody was refused as a worker", doctor_worker_keys,
          "journalctl -xu fulgur-workers.service" },
        { "mail", "mail can leave", doctor_mail, "man fulgur.env" },
        { "backup", "there is a fresh backup", doctor_backup,
          "runuser -u postgres -- pg_dump -Fc fulgur >/var/backups/fulgur/$(date +%F).dump" },
};

static const char *health_word(Health health) {
        static const char *const words[] = {
                [HEALTH_OK] = "ok",
                [HEALTH_WARNING] = "warning",
                [HEALTH_FAILED] = "FAILED",
                [HEALTH_LEFT_OUT] = "left out",
        };

        return words[health];
}

/* -- what checks use --------------------------------------------------------------------------- */

Health doctor_find(Doctor *doctor, Health health, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                out_of_memory();
        va_end(arguments);
        doctor->note = arena_strdup(&doctor->ctl->arena, text);
        return health;
}

/* -- report ------------------------------------------------------------------------------------ */

static void report(Doctor *doctor, JsonWriter *w, size_t number, Health health) {
        const struct Check *check = &checks[number - 1];
        const char *fix = doctor->fix ? doctor->fix : check->fix;
        bool well = health == HEALTH_OK || health == HEALTH_LEFT_OUT;

        if (!doctor->ctl->json) {
                printf("%2zu  %-8s  %s%s%s\n", number, health_word(health), check->title,
                       *doctor->note ? ": " : "", doctor->note);
                if (!well)
                        printf("              %s\n", fix);
                fflush(stdout);
                return;
        }

        json_begin(w, NULL);
        json_int(w, "number", (int64_t) number);
        json_string(w, "check", check->name);
        json_string(w, "health", health_word(health));
        json_string(w, "note", doctor->note);
        json_string(w, "fix", well ? NULL : fix);
        json_end(w);
}

/* Opens what the checks need, whatever of it there is. What is wrong has been said on stderr. */
static void open_all(Ctl *ctl) {
        unsigned needs = NEED_PRIMARY_KEY | NEED_WORKER_SECRET | NEED_RUN_TOKEN_KEY | NEED_SESSION_KEY;

        if (settings_load_with_file(ctl->env_file, needs, root_read_credential, &ctl->settings) >= 0)
                (void) root_open_database(ctl->settings, &ctl->conn);
}

static void run_checks(Ctl *ctl, JsonWriter *w, unsigned n[static HEALTH_LEFT_OUT + 1]) {
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                Doctor doctor = { .ctl = ctl, .note = "" };
                Health health = checks[i].run(&doctor);

                n[health]++;
                if (w)
                        report(&doctor, w, i + 1, health);
        }
}

unsigned doctor_count(Ctl *ctl, unsigned *ret_n_warnings) {
        unsigned n[HEALTH_LEFT_OUT + 1] = {};

        open_all(ctl);
        run_checks(ctl, NULL, n);
        *ret_n_warnings = n[HEALTH_WARNING];
        return n[HEALTH_FAILED];
}

int verb_doctor(Ctl *ctl, int argc, char *argv[]) {
        unsigned n[HEALTH_LEFT_OUT + 1] = {};
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (argc > 1)
                return EXIT_USAGE;

        open_all(ctl);
        json_begin(&w, NULL);
        json_begin_array(&w, "checks");
        run_checks(ctl, &w, n);
        json_end_array(&w);
        json_bool(&w, "ok", n[HEALTH_FAILED] == 0);
        json_end(&w);

        if (ctl->json)
                ctl_print_json(&buffer);
        else
                printf("%u failed, %u warnings.\n", n[HEALTH_FAILED], n[HEALTH_WARNING]);
        buffer_deinit(&buffer);
        return n[HEALTH_FAILED] == 0 ? EXIT_OK : EXIT_FAILED;
}
