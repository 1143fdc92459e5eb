/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Set-up's keys. A key that is there is never made again, wherever it lies: what it has sealed would be lost.
 *
 * Encrypted ones lie in /etc/credstore.encrypted, where LoadCredential= does not look and
 * LoadCredentialEncrypted= does, which in turn takes no plain file: so each unit gets a drop-in that names
 * exactly those of its credentials that are encrypted.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/jwt.h"
#include "crypto/password.h"
#include "ctl/setup.h"

#define DROP_IN "50-encrypted-credentials.conf"

static const struct {
        const char *name, *units;
} credentials[] = {
        { "fulgur.database-url", "web webhooks webhooks@ workers cron janitor migrate" },
        { "fulgur.primary-key", "web webhooks webhooks@ workers" },
        { "fulgur.primary-key.old", "web webhooks webhooks@ workers" },
        { "fulgur.run-token-key", "web workers" },
        { "fulgur.session-key", "web" },
        { "fulgur.worker-secret", "workers runner ws-worker@" },
};

static const char *const units[] = { "web",     "webhooks", "webhooks@", "workers",   "cron",
                                     "janitor", "migrate",  "runner",    "ws-worker@" };

/* -- files ------------------------------------------------------------------------------------- */

static int make_directories(const char *path) {
        _cleanup_(freep) char *part = xstrdup(path);

        for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
                if (slash)
                        *slash = '\0';
                /* The last one holds secrets or drop-ins: the mode is the caller's file's business. */
                if (mkdir(part, slash || !strstr(part, "credstore") ? 0755 : 0700) < 0 && errno != EEXIST)
                        return -errno;
                if (!slash)
                        return 0;
                *slash = '/';
        }
}

/* A name is as durable as its folder. */
static int sync_folder(Setup *setup, const char *path) {
        const char *slash = strrchr(path, '/');
        const char *folder = arena_printf(&setup->ctl->arena, "%.*s", (int) (slash - path), path);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

static int move_into_place(Setup *setup, const char *beside, const char *path) {
        if (rename(beside, path) < 0)
                return -errno;
        return sync_folder(setup, path);
}

/* Whole or not at all, also when the power goes: beside its place first. */
static int write_file(Setup *setup, const char *path, Text content, mode_t mode) {
        const char *beside = arena_printf(&setup->ctl->arena, "%s.new", path);
        int fd, r = 0;

        (void) unlink(beside);
        fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        if (write(fd, content.data, content.length) != (ssize_t) content.length)
                r = -EIO;
        else if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
                r = -errno;
        close(fd);
        if (r == 0)
                r = move_into_place(setup, beside, path);
        if (r < 0)
                (void) unlink(beside);
        return r;
}

static const char *plain_path(Setup *setup, const char *name) {
        return setup_path(setup, "/etc/credstore/%s", name);
}

static const char *encrypted_path(Setup *setup, const char *name) {
        return setup_path(setup, "/etc/credstore.encrypted/%s", name);
}

bool setup_has_credential(Setup *setup, const char *name) {
        return access(plain_path(setup, name), F_OK) == 0 || access(encrypted_path(setup, name), F_OK) == 0;
}

/* -- storing ----------------------------------------------------------------------------------- */

/* What another program has written. */
static int sync_file(const char *path, mode_t mode) {
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        r = fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

static int store_encrypted(Setup *setup, const char *name, Text value) {
        const char *path = encrypted_path(setup, name);
        const char *beside = arena_printf(&setup->ctl->arena, "%s.new", path);
        const char *option = arena_printf(&setup->ctl->arena, "--name=%s", name);
        const char *const argv[] = { "systemd-creds", "encrypt", option, "-", beside, NULL };
        int r;

        r = make_directories(setup_path(setup, "/etc/credstore.encrypted"));
        if (r < 0)
                return r;
        (void) unlink(beside);
        r = program_run(argv, value, -1, true);
        if (r != 0)
                return r < 0 ? r : -EOPNOTSUPP;
        r = sync_file(beside, 0400);
        return r < 0 ? r : move_into_place(setup, beside, path);
}

static int store_plain(Setup *setup, const char *name, Text value) {
        int r = make_directories(setup_path(setup, "/etc/credstore"));

        return r < 0 ? r : write_file(setup, plain_path(setup, name), value, 0400);
}

int setup_store_credential(Setup *setup, const char *name, Text value) {
        /* Of another root the machine's key is not this machine's. */
        if (!setup->plain && !*setup->root && store_encrypted(setup, name, value) == 0)
                return 0;
        return store_plain(setup, name, value);
}

int setup_replace_credential(Setup *setup, const char *name, Text value) {
        return setup->plain ? store_plain(setup, name, value) : store_encrypted(setup, name, value);
}

int setup_remove_credential(Setup *setup, const char *name) {
        const char *const paths[] = { plain_path(setup, name), encrypted_path(setup, name) };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                int r = unlink(paths[i]) < 0 ? -errno : sync_folder(setup, paths[i]);

                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

bool setup_is_encrypted(Setup *setup, const char *name) {
        return access(plain_path(setup, name), F_OK) < 0 && access(encrypted_path(setup, name), F_OK) == 0;
}

bool setup_is_ambiguous(Setup *setup, const char *name) {
        return access(plain_path(setup, name), F_OK) == 0 && access(encrypted_path(setup, name), F_OK) == 0;
}

/* Into memory and nowhere else; what lies there goes with the descriptor. */
static int read_encrypted(Setup *setup, const char *name, Secret **ret_value) {
        const char *option = arena_printf(&setup->ctl->arena, "--name=%s", name);
        const char *const argv[] = { "systemd-creds", "decrypt", option, encrypted_path(setup, name), "-", NULL };
        char path[64];
        int fd, r;

        fd = memfd_create("credential", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        r = program_run(argv, TEXT_NULL, fd, false);
        r = r == 0 ? secret_read_file(path, ret_value) : r < 0 ? r : -EIO;
        close(fd);
        return r;
}

int setup_read_credential(Setup *setup, const char *name, Secret **ret_value) {
        int r = secret_read_file(plain_path(setup, name), ret_value);

        return r == -ENOENT ? read_encrypted(setup, name, ret_value) : r;
}

static Outcome make_key(Setup *setup, const char *variable, const char *name, int (*make)(Buffer *ret_key)) {
        Buffer key = BUFFER_NULL;
        int r;

        if (setup_has_credential(setup, name))
                return OUTCOME_SAME;
        if (setup_env(setup, variable)) {
                setup->note = arena_printf(&setup->ctl->arena,
                                           "%s of fulgur.env is used; the credential %s would keep it from "
                                           "other eyes", variable, name);
                return OUTCOME_SAME;
        }

        r = make(&key);
        if (r == 0)
                r = setup_store_credential(setup, name, buffer_text(&key));
        if (key.data)
                explicit_bzero(key.data, key.length);
        buffer_deinit(&key);
        if (r < 0)
                return setup_fail(setup, "%s could not be stored: %s", name, strerror(-r));
        return OUTCOME_DONE;
}

/* -- the keys ---------------------------------------------------------------------------------- */

static int random_key(size_t n_bytes, Buffer *ret_key) {
        uint8_t bytes[64];

        if (getentropy(bytes, n_bytes) < 0)
                return -errno;
        base64_append(ret_key, text_make(bytes, n_bytes));
        explicit_bzero(bytes, sizeof bytes);
        return 0;
}

int setup_random_key(Buffer *ret_key) {
        return random_key(32, ret_key);
}

static int random_64(Buffer *ret_key) {
        return random_key(64, ret_key);
}

static int private_key(Buffer *ret_key) {
        _cleanup_(buffer_deinit) Buffer public_key = BUFFER_NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        int r;

        r = run_key_generate(&key, &public_key);
        if (r >= 0)
                buffer_append_text(ret_key, secret_text(key));
        return r < 0 ? r : 0;
}

Outcome setup_primary_key(Setup *setup) {
        return make_key(setup, "PRIMARY_ENCRYPTION_KEY", "fulgur.primary-key", setup_random_key);
}

Outcome setup_worker_secret(Setup *setup) {
        return make_key(setup, "WORKER_SECRET", "fulgur.worker-secret", setup_random_key);
}

Outcome setup_run_token_key(Setup *setup) {
        return make_key(setup, "WORKER_RUNS_PRIVATE_KEY", "fulgur.run-token-key", private_key);
}

Outcome setup_session_key(Setup *setup) {
        return make_key(setup, "SECRET_KEY_BASE", "fulgur.session-key", random_64);
}

/* -- drop-ins ---------------------------------------------------------------------------------- */

static bool loads(const char *of_units, const char *unit) {
        Text rest = text_of(of_units), word;

        while (text_split(&rest, ' ', &word))
                if (text_is(word, unit))
                        return true;
        return false;
}

static void write_drop_in(Setup *setup, const char *unit, Buffer *content) {
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++) {
                if (!loads(credentials[i].units, unit) ||
                    access(encrypted_path(setup, credentials[i].name), F_OK) < 0)
                        continue;
                if (content->length == 0)
                        buffer_append_string(content, "# Written by fulgurctl setup.\n[Service]\n");
                buffer_printf(content, "LoadCredentialEncrypted=%s\n", credentials[i].name);
        }
}

/* 1: written; 0: was so. */
static int update_drop_in(Setup *setup, const char *unit) {
        _cleanup_(buffer_deinit) Buffer wanted = BUFFER_NULL, present = BUFFER_NULL;
        const char *folder = setup_path(setup, "/etc/systemd/system/fulgur-%s.service.d", unit);
        const char *path = arena_printf(&setup->ctl->arena, "%s/" DROP_IN, folder);
        int r;

        write_drop_in(setup, unit, &wanted);
        r = ctl_read_file(path, 65536, &present);
        if (r < 0 && r != -ENOENT)
                return r;
        if (text_equal(buffer_text(&wanted), buffer_text(&present)))
                return 0;

        if (wanted.length == 0)
                return unlink(path) < 0 ? -errno : 1;
        r = make_directories(folder);
        if (r >= 0)
                r = write_file(setup, path, buffer_text(&wanted), 0644);
        return r < 0 ? r : 1;
}

Outcome setup_encrypted(Setup *setup) {
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                int r = update_drop_in(setup, units[i]);

                if (r < 0)
                        return setup_fail(setup, "the drop-in of fulgur-%s.service: %s", units[i],
                                          strerror(-r));
                setup->changed_units |= r > 0;
        }
        return setup->changed_units ? OUTCOME_DONE : OUTCOME_SAME;
}
