/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl setup: everything between installing the package and opening the address.
 *
 * Keys, database, migrations, first superuser, units, a check: a table of steps in this order, a line of
 * report each. The first step that fails ends it; what it says mends it, and set-up is run again.
 */

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "ctl/setup.h"

static const Step steps[] = {
        { "primary-key", "key of secrets at rest", setup_primary_key },
        { "worker-secret", "secret shared with workers", setup_worker_secret },
        { "run-token-key", "key that signs tokens", setup_run_token_key },
        { "session-key", "key of cookies and links", setup_session_key },
        { "database-url", "address of the database", setup_url },
        { "encrypted-credentials", "drop-ins for encrypted credentials", setup_encrypted },
        { "database", "local roles and database", setup_roles },
        { "migrations", "database up to date", setup_migrate },
        { "grants", "rights of the webhook receiver", setup_grants },
        { "superuser", "first superuser", setup_first_user },
        { "units", "fulgur.target enabled and started", setup_start },
        { "answer", "the public address answers", setup_check },
        { "doctor", "fulgurctl doctor finds everything well", setup_doctor },
};

static const char *outcome_word(Outcome outcome) {
        return outcome == OUTCOME_SAME      ? "already so"
               : outcome == OUTCOME_DONE    ? "done"
               : outcome == OUTCOME_SKIPPED ? "left out"
                                            : "FAILED";
}

/* -- what steps use ---------------------------------------------------------------------------- */

const char *setup_env(const Setup *setup, const char *name) {
        const EnvLine *line = setup->env ? env_file_get(setup->env, name) : NULL;

        return line && *line->value ? line->value : NULL;
}

static const char *format_note(Setup *setup, const char *prefix, const char *format, va_list arguments) {
        _cleanup_(freep) char *text = NULL;

        if (vasprintf(&text, format, arguments) < 0)
                out_of_memory();
        return arena_printf(&setup->ctl->arena, "%s%s", prefix, text);
}

const char *setup_path(Setup *setup, const char *format, ...) {
        const char *path;
        va_list arguments;

        va_start(arguments, format);
        path = format_note(setup, setup->root, format, arguments);
        va_end(arguments);
        return path;
}

Outcome setup_fail(Setup *setup, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        setup->note = format_note(setup, "", format, arguments);
        va_end(arguments);
        return OUTCOME_FAILED;
}

/* -- report ------------------------------------------------------------------------------------ */

static void report(Setup *setup, JsonWriter *w, const Step *step, Outcome outcome) {
        if (!setup->ctl->json) {
                printf("%-10s  %s%s%s\n", outcome_word(outcome), step->title, setup->note ? ": " : "",
                       setup->note ? setup->note : "");
                fflush(stdout);
                return;
        }

        json_begin(w, NULL);
        json_string(w, "step", step->name);
        json_string(w, "outcome", outcome_word(outcome));
        json_string(w, "note", setup->note);
        json_end(w);
}

bool setup_run_steps(Setup *setup, const Step *all, size_t n_steps, bool *ret_changed) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        bool changed = false, ok = true;

        json_begin(&w, NULL);
        json_begin_array(&w, "steps");
        for (size_t i = 0; i < n_steps && ok; i++) {
                Outcome outcome;

                setup->note = NULL;
                outcome = all[i].run(setup);
                report(setup, &w, &all[i], outcome);
                ok = outcome != OUTCOME_FAILED;
                changed |= outcome == OUTCOME_DONE;
        }
        json_end_array(&w);
        json_bool(&w, "ok", ok);
        json_bool(&w, "changed", changed);
        json_end(&w);

        if (setup->ctl->json)
                ctl_print_json(&buffer);
        buffer_deinit(&buffer);
        *ret_changed = changed;
        return ok;
}

/* The one that people use, when it is known; else the one where it listens. */
static const char *address(Setup *setup) {
        const char *host = setup_env(setup, "URL_HOST"), *scheme = setup_env(setup, "URL_SCHEME"),
                   *port = setup_env(setup, "URL_PORT"), *mix = setup_env(setup, "MIX_ENV");

        if (!host)
                return arena_printf(&setup->ctl->arena, strchr(setup_host(setup), ':') ? "http://[%s]:%s/" : "http://%s:%s/",
                                    setup_host(setup), setup_port(setup));
        if (!scheme)
                scheme = mix && strcmp(mix, "prod") == 0 ? "https" : "http";
        return arena_printf(&setup->ctl->arena, "%s://%s%s%s/", scheme, host, port ? ":" : "", port ? port : "");
}

static void conclude(Setup *setup, bool ok, bool changed) {
        if (!ok)
                fprintf(stderr, "Set-up is not finished: mend what failed and run \"fulgurctl setup\" again.\n");
        else if (setup->no_start)
                printf("%s Start Fulgur with \"systemctl enable --now fulgur.target\".\n",
                       changed ? "Fulgur is set up." : "Nothing was to do.");
        else
                printf("%s Open %s\n", changed ? "Fulgur is set up." : "Nothing was to do.", address(setup));
}

static int run_setup(Setup *setup) {
        bool changed, ok = setup_run_steps(setup, steps, ELEMENTSOF(steps), &changed);

        if (!setup->ctl->json)
                conclude(setup, ok, changed);
        return ok ? EXIT_OK : EXIT_FAILED;
}

/* -- options ----------------------------------------------------------------------------------- */

static bool read_options(Setup *setup, int argc, char *argv[]) {
        const struct {
                const char *name;
                const char **text;
                bool *flag;
        } options[] = {
                { "--database-url-file", &setup->url_file, NULL },
                { "--superuser", &setup->superuser, NULL },
                { "--no-start", NULL, &setup->no_start },
                { "--plain-credentials", NULL, &setup->plain },
                { "--root", &setup->root, NULL },
        };

        for (int i = 1; i < argc; i++) {
                size_t o = 0;

                while (o < ELEMENTSOF(options) && strcmp(argv[i], options[o].name) != 0)
                        o++;
                if (o == ELEMENTSOF(options) || (options[o].text && i + 1 == argc))
                        return false;
                if (options[o].text)
                        *options[o].text = argv[++i];
                else
                        *options[o].flag = true;
        }
        return true;
}

int verb_setup(Ctl *ctl, int argc, char *argv[]) {
        Setup setup = { .ctl = ctl, .root = "" };
        int r;

        if (!read_options(&setup, argc, argv))
                return EXIT_USAGE;
        /* Units of another root are nobody's to start. */
        setup.no_start |= *setup.root != '\0';
        if (!*setup.root && geteuid() != 0)
                return ctl_fail(EXIT_FAILED, "set-up writes to /etc: run it as root");

        r = env_file_read(ctl->env_file ? ctl->env_file : setup_path(&setup, "/etc/fulgur/fulgur.env"),
                          &setup.env);
        if (r < 0 && r != -ENOENT)
                return ctl_fail(EXIT_CONFIG, "fulgur.env cannot be read: %s", strerror(-r));

        r = run_setup(&setup);
        env_file_free(setup.env);
        secret_free(setup.password);
        secret_free(setup.url);
        return r;
}
