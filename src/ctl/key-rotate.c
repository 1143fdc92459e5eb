/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl key rotate: another primary key, while everything works.
 *
 * At each moment the two files hold every key that something is sealed with or may be sealed with next, and every
 * service that runs can open what any other seals:
 *
 *     fulgur.primary-key    fulgur.primary-key.old
 *     P                                                sealed with P
 *     P                     N P                        after "prepare": services can open both
 *     N                     N P                        after "swap": services seal with N
 *     N                     N P                        after "reseal": nothing is sealed with P any more
 *     N                                                after "finish"
 *
 * So the first line of the second file is the key to come, if the primary key is among several lines; and where an
 * interrupted rotation goes on can be seen. Lines that somebody wrote by hand are former keys: only reseal and
 * finish are left to do then.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ctl/setup.h"
#include "ctl/sql.h"
#include "domain/reseal.h"

#define PRIMARY    "fulgur.primary-key"
#define OTHERS     "fulgur.primary-key.old"
#define MAX_PASSES 10

typedef struct Rotation {
        Setup setup;
        Secret *primary;
        Secret *others; /* NULL: none */
        int lock;
} Rotation;

static Rotation *rotation_of(Setup *setup) {
        return container_of(setup, Rotation, setup);
}

/* -- the files --------------------------------------------------------------------------------- */

static int read_keys(Rotation *rotation) {
        Setup *setup = &rotation->setup;
        int r;

        rotation->primary = secret_free(rotation->primary);
        rotation->others = secret_free(rotation->others);
        r = setup_read_credential(setup, PRIMARY, &rotation->primary);
        if (r >= 0 && setup_has_credential(setup, OTHERS))
                r = setup_read_credential(setup, OTHERS, &rotation->others);
        return r;
}

/* Of two at once each would make a key, and the one that seals may be the one that is overwritten. The lock goes
 * with the process, however that ends. */
static int lock_keys(Rotation *rotation) {
        const char *form = rotation->setup.plain ? "" : ".encrypted";

        rotation->lock = open(setup_path(&rotation->setup, "/etc/credstore%s", form),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (rotation->lock < 0)
                return -errno;
        return flock(rotation->lock, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static Text key_to_come(const Rotation *rotation) {
        Text rest = text_trim(secret_text(rotation->others)), first = TEXT_NULL, line;
        bool has_primary = false;
        size_t n = 0;

        while (text_split(&rest, '\n', &line)) {
                if (n++ == 0)
                        first = line;
                has_primary = has_primary || secret_equal(line, secret_text(rotation->primary));
        }
        return n > 1 && has_primary ? first : TEXT_NULL;
}

static bool is_swapped(const Rotation *rotation) {
        Text next = key_to_come(rotation);

        return !next.data || secret_equal(next, secret_text(rotation->primary));
}

static Outcome look(Setup *setup) {
        Rotation *rotation = rotation_of(setup);
        _cleanup_(vault_freep) Vault *vault = NULL;
        int r;

        if (!setup_has_credential(setup, PRIMARY))
                return setup_fail(setup,
                                  "the key is no credential yet: put what PRIMARY_ENCRYPTION_KEY says into "
                                  "/etc/credstore/" PRIMARY " first, see fulgur.systemd(7)");
        if (setup_is_ambiguous(setup, PRIMARY) || setup_is_ambiguous(setup, OTHERS))
                return setup_fail(setup,
                                  "a key lies in /etc/credstore and in /etc/credstore.encrypted: keep one "
                                  "file of that name, and what the other one says as a line of " OTHERS);
        setup->plain = !setup_is_encrypted(setup, PRIMARY);
        r = lock_keys(rotation);
        if (r == -EWOULDBLOCK)
                return setup_fail(setup, "another \"fulgurctl key rotate\" runs");
        if (r >= 0)
                r = read_keys(rotation);
        if (r < 0)
                return setup_fail(setup, "a key cannot be read: %s", strerror(-r));
        if (vault_new(secret_text(rotation->primary), secret_text(rotation->others), &vault) < 0)
                return setup_fail(setup, "a line of " PRIMARY " or " OTHERS " is not the base64 of 32 bytes");
        setup->note = rotation->others ? "a rotation has begun already, and is finished now" : NULL;
        return OUTCOME_SAME;
}

/* -- the services ------------------------------------------------------------------------------ */

static Outcome other_machines(Setup *setup) {
        char host[256] = "";
        BatchResult result;
        Outcome outcome = OUTCOME_SAME;

        (void) gethostname(host, sizeof host - 1);
        if (ctl_query(setup->ctl, &result, &SQL_CTL_OTHER_HOSTS, P_STRING(host)) != EXIT_OK)
                return OUTCOME_FAILED;
        if (!rows_is_null(result.rows[0], 0, 0))
                outcome = setup_fail(setup,
                                     "daemons run on %s, too: stop them until the new key is there as well",
                                     rows_text(result.rows[0], 0, 0).data);
        batch_result_deinit(&result);
        return outcome;
}

/* Those that do not run read the files when they start. */
static bool restart_services(Setup *setup) {
        static const char *const reload[] = { "systemctl", "daemon-reload", NULL };
        static const char *const restart[] = { "systemctl",
                                               "try-restart",
                                               "fulgur-webhooks.service",
                                               "fulgur-webhooks@*.service",
                                               "fulgur-workers.service",
                                               "fulgur-web.service",
                                               NULL };

        if (*setup->root)
                return true;
        setup->changed_units = false;
        if (setup_encrypted(setup) == OUTCOME_FAILED ||
            (setup->changed_units && program_run(reload, TEXT_NULL, -1, false) != 0))
                return false;
        return program_run(restart, TEXT_NULL, -1, false) == 0;
}

/* Also when the files were right already: whether the services have read them since is not known. */
static Outcome stored(Setup *setup, int error) {
        if (error >= 0)
                error = read_keys(rotation_of(setup));
        if (error < 0)
                return setup_fail(setup, "the key could not be stored: %s", strerror(-error));
        return restart_services(setup)
                       ? OUTCOME_DONE
                       : setup_fail(setup, "the services could not be restarted: see \"systemctl "
                                           "status 'fulgur*'\"");
}

static void wipe(Buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->room);
        buffer_deinit(buffer);
}

static Outcome prepare(Setup *setup) {
        Rotation *rotation = rotation_of(setup);
        _cleanup_(wipe) Buffer keys = BUFFER_NULL;
        int r = 0;

        if (rotation->others && is_swapped(rotation))
                return OUTCOME_SAME;
        if (!rotation->others) {
                buffer_reserve(&keys, rotation->primary->length + 128);
                r = setup_random_key(&keys);
                buffer_append_byte(&keys, '\n');
                buffer_append_text(&keys, secret_text(rotation->primary));
                if (r >= 0)
                        r = setup_replace_credential(setup, OTHERS, buffer_text(&keys));
        }
        return stored(setup, r);
}

static Outcome swap(Setup *setup) {
        Rotation *rotation = rotation_of(setup);

        return stored(setup, is_swapped(rotation)
                                     ? 0
                                     : setup_replace_credential(setup, PRIMARY, key_to_come(rotation)));
}

static Outcome finish(Setup *setup) {
        return stored(setup, setup_remove_credential(setup, OTHERS));
}

/* -- the database ------------------------------------------------------------------------------ */

static int update(Ctl *ctl, Batch *updates) {
        BatchResult result;
        int r = EXIT_OK;

        if (updates->n_statements == 0)
                return r;
        conn_run(ctl->conn, updates, &result);
        r = ctl_report(ctl, &result);
        batch_result_deinit(&result);
        return r;
}

/* One answer's worth; false: the database refused. */
static bool reseal_some(Ctl *ctl, const Vault *vault, bool change, const Uuid *after,
                        Resealed *ret_resealed) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Batch *question = batch_new(&arena, BATCH_READ), *updates = batch_new(&arena, 0);
        BatchResult result;
        int r;

        reseal_list(question, vault, !change, after);
        conn_run(ctl->conn, question, &result);
        r = ctl_report(ctl, &result);
        if (r == EXIT_OK) {
                reseal_rows(vault, result.rows[0], change ? updates : NULL, ret_resealed);
                r = update(ctl, updates);
        }
        batch_result_deinit(&result);
        return r == EXIT_OK;
}

/* All there is, once. *ret_first: the first that does not open. */
static bool reseal_pass(Ctl *ctl, const Vault *vault, bool change, size_t *ret_n, Resealed *ret_first) {
        Resealed some = {};
        size_t n = 0;

        *ret_first = (Resealed){};
        do {
                Uuid after = some.last;

                if (!reseal_some(ctl, vault, change, &after, &some))
                        return false;
                if (some.n_unopened > 0 && ret_first->n_unopened == 0)
                        *ret_first = some;
                n += some.n;
        } while (some.n > 0);
        *ret_n = n;
        return true;
}

static Outcome cannot_open(Setup *setup, const Resealed *first) {
        char id[UUID_STRING_SIZE];

        return setup_fail(setup, "%s.%s of row %s %s: nothing was removed, no key either", first->table,
                          first->column, uuid_format(&first->unopened, id),
                          first->error == -ENOKEY ? "is sealed with a key that is not here" : "is damaged");
}

/* Again until there is nothing: who had read the former key before the restart may have sealed with it since. */
static Outcome reseal(Setup *setup) {
        Rotation *rotation = rotation_of(setup);
        _cleanup_(vault_freep) Vault *vault = NULL;
        size_t n = 1, all = 0;

        if (vault_new(secret_text(rotation->primary), secret_text(rotation->others), &vault) < 0)
                return OUTCOME_FAILED;
        for (unsigned pass = 0; n > 0; pass++) {
                Resealed first;

                if (pass == MAX_PASSES)
                        return setup_fail(setup, "somebody goes on sealing with the former key");
                if (!reseal_pass(setup->ctl, vault, true, &n, &first))
                        return setup_fail(setup, "the line above says why");
                if (first.n_unopened > 0)
                        return cannot_open(setup, &first);
                all += n;
        }
        setup->note = arena_printf(&setup->ctl->arena, "%zu values", all);
        return all > 0 ? OUTCOME_DONE : OUTCOME_SAME;
}

static Outcome check(Setup *setup) {
        Rotation *rotation = rotation_of(setup);
        _cleanup_(vault_freep) Vault *vault = NULL;
        Resealed first;
        size_t n;

        if (vault_new(secret_text(rotation->primary), secret_text(rotation->others), &vault) < 0)
                return OUTCOME_FAILED;
        if (!reseal_pass(setup->ctl, vault, false, &n, &first))
                return setup_fail(setup, "the line above says why");
        if (first.n_unopened > 0)
                return cannot_open(setup, &first);
        setup->note = arena_printf(&setup->ctl->arena, "%zu values", n);
        return OUTCOME_SAME;
}

/* -- the verb ---------------------------------------------------------------------------------- */

static const Step rotation_steps[] = {
        { "keys", "the keys that are there", look },
        { "machines", "no daemons on other machines", other_machines },
        { "prepare", "services open with a new key, too", prepare },
        { "swap", "services seal with the new key", swap },
        { "reseal", "everything is sealed with it", reseal },
        { "finish", "the former key is gone", finish },
};

static const Step check_steps[] = {
        { "keys", "the keys that are there", look },
        { "check", "everything sealed opens with them", check },
};

static bool read_options(int argc, char *argv[], const char **ret_root, bool *ret_check) {
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--check") == 0)
                        *ret_check = true;
                else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
                        *ret_root = argv[++i];
                else
                        return false;
        return true;
}

static int open_database(Setup *setup) {
        Ctl *ctl = setup->ctl;

        if (settings_load_with_file(ctl->env_file, 0, *setup->root ? NULL : root_read_credential,
                                    &ctl->settings) < 0)
                return EXIT_CONFIG;
        return root_open_database(ctl->settings, &ctl->conn) < 0 ? EXIT_DATABASE : EXIT_OK;
}

int verb_key_rotate(Ctl *ctl, int argc, char *argv[]) {
        Rotation rotation = { .setup = { .ctl = ctl, .root = "" }, .lock = -1 };
        bool only_check = false, changed, ok;
        int r;

        if (!read_options(argc, argv, &rotation.setup.root, &only_check))
                return EXIT_USAGE;
        if (!*rotation.setup.root && geteuid() != 0)
                return ctl_fail(EXIT_FAILED, "the keys are root's: run it as root");
        r = open_database(&rotation.setup);
        if (r != EXIT_OK)
                return r;

        ok = only_check
                     ? setup_run_steps(&rotation.setup, check_steps, ELEMENTSOF(check_steps), &changed)
                     : setup_run_steps(&rotation.setup, rotation_steps, ELEMENTSOF(rotation_steps), &changed);
        if (!ok && !ctl->json)
                fprintf(stderr, "%s\n",
                        only_check ? "Not everything opens."
                                   : "Mend what failed; \"fulgurctl key rotate\" "
                                     "goes on from there.");
        secret_free(rotation.primary);
        secret_free(rotation.others);
        if (rotation.lock >= 0)
                close(rotation.lock);
        return ok ? EXIT_OK : EXIT_FAILED;
}
