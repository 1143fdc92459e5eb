/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the doctor asks the database. Without a connection each check but the first is left out.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <dirent.h>

#include "basic/clock.h"
#include "crypto/vault.h"
#include "ctl/doctor.h"
#include "ctl/sql.h"
#include "db/migrate.h"

#define BACKUP_FOLDER "/var/backups/fulgur"
#define BACKUP_USEC   (26 * 3600 * USEC_PER_SEC) /* one a day, and time to make it */
#define CLOCK_USEC    (2 * USEC_PER_SEC)         /* tokens of workers and leases bear this much */
#define WAITING_USEC  (60 * USEC_PER_SEC)
#define OLDEST_SERVER 150000 /* PostgreSQL 15 */

static bool ask(Doctor *doctor, const Query *query, BatchResult *ret_result) {
        if (!doctor->ctl->conn) {
                doctor_find(doctor, HEALTH_LEFT_OUT, "no database");
                return false;
        }
        if (ctl_query_params(doctor->ctl, ret_result, query, NULL, 0) == EXIT_OK)
                return true;
        doctor_find(doctor, HEALTH_LEFT_OUT, "the database refused the question");
        return false;
}

Health doctor_database(Doctor *doctor) {
        BatchResult result;
        Health health = HEALTH_OK;

        if (!doctor->ctl->settings)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "its address is among the settings");
        if (!doctor->ctl->conn)
                return doctor_find(doctor, HEALTH_FAILED, "the message above says why it does not");
        if (!ask(doctor, &SQL_CTL_DOCTOR_SERVER, &result))
                return HEALTH_FAILED;

        if (rows_int(result.rows[0], 0, 1) < OLDEST_SERVER)
                health = HEALTH_FAILED;
        doctor_find(doctor, health, "PostgreSQL %s%s", rows_text(result.rows[0], 0, 0).data,
                    health == HEALTH_OK ? "" : "; 15 is the oldest that works");
        batch_result_deinit(&result);
        return health;
}

Health doctor_tls(Doctor *doctor) {
        BatchResult result;
        bool local, encrypted;

        if (!ask(doctor, &SQL_CTL_DOCTOR_TLS, &result))
                return HEALTH_LEFT_OUT;
        local = rows_bool(result.rows[0], 0, 0);
        encrypted = rows_bool(result.rows[0], 0, 1);
        batch_result_deinit(&result);

        if (local)
                return doctor_find(doctor, HEALTH_OK, "it stays on this machine");
        return encrypted ? doctor_find(doctor, HEALTH_OK, "TLS")
                         : doctor_find(doctor, HEALTH_FAILED,
                                       "no TLS, and the server is elsewhere: DISABLE_DB_SSL");
}

Health doctor_migrations(Doctor *doctor) {
        unsigned n_missing;

        if (!doctor->ctl->conn)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "no database");
        if (migrate_missing(doctor->ctl->conn, &n_missing) < 0) {
                doctor->fix = "apt install --only-upgrade fulgur";
                return doctor_find(doctor, HEALTH_FAILED, "it is newer than this program, or cannot be read");
        }
        return n_missing == 0 ? HEALTH_OK
                              : doctor_find(doctor, HEALTH_FAILED, "%u migrations are missing", n_missing);
}

/* -- what is sealed ---------------------------------------------------------------------------- */

static Health judge_seals(Doctor *doctor, const Vault *vault, const Rows *samples) {
        static const VaultPlace nowhere = { .table = "", .column = "" };
        size_t n_old = 0, n_unknown = 0;

        for (size_t i = 0; i < rows_count(samples); i++) {
                Text sealed = rows_text(samples, i, 0);
                _cleanup_(secret_freep) Secret *plain = NULL;

                /* Nothing opens elsewhere than in its place: it only matters whether the key is there. */
                if (vault_open(vault, &nowhere, sealed, &plain) == -ENOKEY)
                        n_unknown++;
                else if (!vault_is_current(vault, sealed))
                        n_old++;
        }
        if (n_unknown > 0) {
                doctor->fix =
                        "man fulgur.systemd    # CREDENTIALS: restore fulgur.primary-key.old from a backup";
                return doctor_find(doctor, HEALTH_FAILED,
                                   "secrets are sealed with %zu keys that are not here", n_unknown);
        }
        return n_old == 0 ? HEALTH_OK
                          : doctor_find(doctor, HEALTH_WARNING,
                                        "a key rotation is not finished: some secrets are "
                                        "sealed with a former key");
}

/* One sample for each key is enough. */
Health doctor_seals(Doctor *doctor) {
        const Settings *settings = doctor->ctl->settings;
        _cleanup_(vault_freep) Vault *vault = NULL;
        BatchResult result;
        Health health;

        if (!settings || !settings->primary_key)
                return doctor_find(doctor, HEALTH_LEFT_OUT, "no key to try");
        if (!ask(doctor, &SQL_CTL_DOCTOR_SEALS, &result))
                return HEALTH_LEFT_OUT;

        if (vault_new(secret_text(settings->primary_key), secret_text(settings->primary_key_old), &vault) < 0)
                health = doctor_find(doctor, HEALTH_FAILED, "the key is damaged");
        else
                health = judge_seals(doctor, vault, result.rows[0]);
        batch_result_deinit(&result);
        return health;
}

/* -- time -------------------------------------------------------------------------------------- */

Health doctor_database_clock(Doctor *doctor) {
        uint64_t before, after, there;
        BatchResult result;

        before = clock_now_usec();
        if (!ask(doctor, &SQL_CTL_DOCTOR_CLOCK, &result))
                return HEALTH_LEFT_OUT;
        after = clock_now_usec();
        there = rows_time(result.rows[0], 0, 0);
        batch_result_deinit(&result);

        if (there + CLOCK_USEC < before || there > after + CLOCK_USEC)
                return doctor_find(doctor, HEALTH_FAILED, "it is %.1f s %s",
                                   (double) (there < before ? before - there : there - after) / USEC_PER_SEC,
                                   there < before ? "behind" : "ahead");
        return HEALTH_OK;
}

/* -- workers ----------------------------------------------------------------------------------- */

Health doctor_workers(Doctor *doctor) {
        int64_t n_workers, n_waiting, waited_usec;
        BatchResult result;

        if (!ask(doctor, &SQL_CTL_DOCTOR_WORKERS, &result))
                return HEALTH_LEFT_OUT;
        n_workers = rows_int(result.rows[0], 0, 0);
        n_waiting = rows_int(result.rows[0], 0, 1);
        waited_usec = rows_int(result.rows[0], 0, 2);
        batch_result_deinit(&result);

        if (n_workers > 0)
                return doctor_find(doctor, HEALTH_OK, "%" PRId64 " connected, %" PRId64 " runs wait",
                                   n_workers, n_waiting);
        doctor->fix = "systemctl enable --now fulgur-runner.service    # or another worker";
        return doctor_find(doctor, waited_usec > (int64_t) WAITING_USEC ? HEALTH_FAILED : HEALTH_WARNING,
                           "none, and %" PRId64 " runs wait", n_waiting);
}

/* -- backups ----------------------------------------------------------------------------------- */

/* The newest file of the folder, its time of change; 0: there is none. */
static uint64_t newest_dump(void) {
        DIR *folder = opendir(BACKUP_FOLDER);
        uint64_t newest = 0;

        for (struct dirent *entry; folder && (entry = readdir(folder));) {
                struct stat file;

                if (fstatat(dirfd(folder), entry->d_name, &file, 0) == 0 && S_ISREG(file.st_mode) &&
                    file.st_size > 0)
                        newest = MAX(newest, (uint64_t) file.st_mtime * USEC_PER_SEC);
        }
        if (folder)
                closedir(folder);
        return newest;
}

Health doctor_backup(Doctor *doctor) {
        uint64_t now = clock_now_usec(), newest = newest_dump();
        char time[CLOCK_ISO_SIZE];
        BatchResult result;

        if (ask(doctor, &SQL_CTL_DOCTOR_ARCHIVED, &result)) {
                newest = MAX(newest, rows_time(result.rows[0], 0, 0));
                batch_result_deinit(&result);
        }
        if (newest == 0)
                return doctor_find(doctor, HEALTH_WARNING,
                                   "no file in " BACKUP_FOLDER ", and PostgreSQL archives nothing");
        return doctor_find(doctor, now > newest + BACKUP_USEC ? HEALTH_WARNING : HEALTH_OK,
                           "the last one that can be seen is of %s", clock_format_sec(newest, time));
}
