/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl: the administrator's tool. Finds the verb in the table, loads what it wants, runs it.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "log/log.h"

static const Verb verbs[] = {
        { "audit list", "[--project NAME] [--limit N]", "show who changed what, newest first", 0, VERB_DATABASE,
          verb_audit_list },
        { "bug-report", "[FILE]", "gather what a helper would ask for, without secrets", 0, VERB_ALONE,
          verb_bug_report },
        { "config check", "", "check the settings and secrets", WANT_ALL_SECRETS, VERB_SETTINGS,
          verb_config_check },
        { "config reference", "[--roff]", "print every variable and what it does", 0, VERB_ALONE,
          verb_config_reference },
        { "config show", "", "print the settings in force; secrets only as set or not set",
          WANT_ALL_SECRETS, VERB_SETTINGS, verb_config_show },
        { "credential list", "[--project NAME] [--limit N]", "list credentials, without what is secret", 0, VERB_DATABASE,
          verb_credential_list },
        { "doctor", "", "look whether everything is well, and say what mends it", 0, VERB_ALONE, verb_doctor },
        { "key generate", "encryption|worker|session", "print new keys", 0, VERB_ALONE, verb_key_generate },
        { "key rotate", "[--check]", "replace the key of secrets at rest", 0, VERB_ALONE, verb_key_rotate },
        { "kickstart", "FILE [--manifest OUT]", "fill the instance from a YAML or JSON file",
          NEED_PRIMARY_KEY | NEED_RUN_TOKEN_KEY, VERB_DATABASE, verb_kickstart },
        { "log-level", "LEVEL [SERVICE…]", "make running daemons log more, or less", 0, VERB_ALONE, verb_log_level },
        { "migrate", "[--check]", "bring the database up to date", 0, VERB_DATABASE, verb_migrate },
        { "project list", "[--limit N]", "list projects", 0, VERB_DATABASE, verb_project_list },
        { "run cancel", "RUN", "cancel a run that no worker has claimed yet", 0, VERB_DATABASE,
          verb_run_cancel },
        { "run list", "[--project NAME] [--state STATE] [--limit N]", "list runs, newest first", 0,
          VERB_DATABASE, verb_run_list },
        { "run retry", "RUN", "run again with the same input", 0, VERB_DATABASE, verb_run_retry },
        { "run show", "RUN", "show a run with its steps", 0, VERB_DATABASE, verb_run_show },
        { "run tail", "RUN", "print log lines as they arrive, until the run ends", 0, VERB_DATABASE,
          verb_run_tail },
        { "setup", "[--superuser EMAIL] [--database-url-file FILE] [--no-start] [--plain-credentials]",
          "do all that is left to do after installing", 0, VERB_ALONE, verb_setup },
        { "status", "", "queue, daemons, database at a glance", 0, VERB_DATABASE, verb_status },
        { "token create", "EMAIL", "make an API token for a user", NEED_RUN_TOKEN_KEY, VERB_DATABASE,
          verb_token_create },
        { "user disable", "EMAIL", "let a user no longer in, at once", 0, VERB_DATABASE, verb_user_disable },
        { "user drop-second-factor", "EMAIL", "let a user in without the second factor, which is lost", 0, VERB_DATABASE,
          verb_user_drop_factor },
        { "user enable", "EMAIL", "let a disabled user in again", 0, VERB_DATABASE, verb_user_enable },
        { "user list", "[--project NAME] [--limit N]", "list users", 0, VERB_DATABASE, verb_user_list },
        { "worker list", "", "workers that are connected or hold runs", 0, VERB_DATABASE, verb_worker_list },
        { "workflow list", "[--project NAME] [--limit N]", "list workflows", 0, VERB_DATABASE, verb_workflow_list },
};

int ctl_fail(int code, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        fprintf(stderr, "fulgurctl: ");
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
        return code;
}

/* How many of argv's first words are the verb's; 0: another verb. */
static int match_words(const char *words, int argc, char *argv[]) {
        Text rest = text_of(words), word;
        int n = 0;

        while (text_split(&rest, ' ', &word)) {
                if (n >= argc || !text_is(word, argv[n]))
                        return 0;
                n++;
        }
        return n;
}

static const Verb *find_verb(int argc, char *argv[], int *ret_n_words) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                *ret_n_words = match_words(verbs[i].words, argc, argv);
                if (*ret_n_words > 0)
                        return &verbs[i];
        }
        return NULL;
}

static int run_verb(Ctl *ctl, const Verb *verb, int argc, char *argv[]) {
        int r;

        if (verb->wants >= VERB_SETTINGS) {
                r = settings_load_with_file(ctl->env_file, verb->needs, root_read_credential, &ctl->settings);
                if (r < 0)
                        return EXIT_CONFIG;
        }
        if (verb->wants >= VERB_DATABASE) {
                r = root_open_database(ctl->settings, &ctl->conn);
                if (r < 0)
                        return r == -EINVAL ? EXIT_CONFIG : EXIT_DATABASE;
        }
        return verb->run(ctl, argc, argv);
}

/* Options before the verb, and --json anywhere, belong to fulgurctl; what follows the verb's words is the
 * verb's. */
static int parse_options(Ctl *ctl, int *argc, char *argv[]) {
        int kept = 1;

        for (int i = 1; i < *argc; i++)
                if (strcmp(argv[i], "--json") == 0)
                        ctl->json = true;
                else if (strcmp(argv[i], "--env-file") == 0 && i + 1 < *argc)
                        ctl->env_file = argv[++i];
                else if (strncmp(argv[i], "--env-file=", 11) == 0)
                        ctl->env_file = argv[i] + 11;
                else
                        argv[kept++] = argv[i];
        *argc = kept;
        argv[kept] = NULL;

        if (kept > 1 &&
            (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0))
                return help_run(verbs, ELEMENTSOF(verbs), argv[2]);
        if (kept > 1 && strcmp(argv[1], "--version") == 0) {
                puts("fulgurctl " FULGUR_VERSION);
                return EXIT_OK;
        }
        return -1;
}

int main(int argc, char *argv[]) {
        Ctl ctl = {};
        const Verb *verb;
        int r, n_words;

        /* Keys pass through here: no core file, and no other process of the user may look in. */
        prctl(PR_SET_DUMPABLE, 0);
        log_open("fulgurctl");
        log_set_max_level(LOG_WARNING);
        crypto_start();

        r = parse_options(&ctl, &argc, argv);
        if (r >= 0)
                return r;

        verb = find_verb(argc - 1, argv + 1, &n_words);
        if (!verb) {
                if (argc > 1)
                        return ctl_fail(EXIT_USAGE, "unknown command \"%s\"; see fulgurctl --help", argv[1]);
                help_print(stderr, verbs, ELEMENTSOF(verbs));
                return EXIT_USAGE;
        }

        r = run_verb(&ctl, verb, argc - n_words, argv + n_words);
        if (r == EXIT_USAGE)
                fprintf(stderr, "usage: fulgurctl %s %s\n", verb->words, verb->arguments);

        conn_free(ctl.conn);
        settings_free(ctl.settings);
        arena_deinit(&ctl.arena);
        return r;
}
