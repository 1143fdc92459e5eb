/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Set-up's database: roles and database in the local PostgreSQL, then what Fulgur's own role does.
 *
 * The local server knows people by their user ("peer"), so a child becomes that user before it connects: first
 * postgres, then fulgur. It answers with its exit status, and says itself what went wrong. A database
 * somewhere else has its owner in its URL, and roles that its administrator made.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/password.h"
#include "ctl/setup.h"
#include "ctl/sql.h"
#include "db/migrate.h"
#include "domain/provision.h"
#include "domain/sql.h"

#define LOCAL_URL "postgresql://fulgur@/fulgur"
#define ADMIN_URL "postgresql://postgres@/postgres"
#define URL_CREDENTIAL "fulgur.database-url"

/* -- as somebody else -------------------------------------------------------------------------- */

/* A machine that lacks the user: PostgreSQL says whether it lets us in all the same. */
static int become(const char *user) {
        const struct passwd *entry = geteuid() == 0 ? getpwnam(user) : NULL;

        if (!entry)
                return 0;
        if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 || setuid(entry->pw_uid) < 0)
                return -errno;
        return chdir("/") < 0 ? -errno : 0;
}

static Outcome connect_and_run(Setup *setup, const char *url, Outcome (*run)(Setup *setup)) {
        const char *disable_ssl = setup_env(setup, "DISABLE_DB_SSL");
        Outcome outcome = OUTCOME_FAILED;

        if (conn_open(url, disable_ssl && strcmp(disable_ssl, "true") == 0, "fulgurctl", &setup->ctl->conn) >= 0)
                outcome = run(setup);
        setup->ctl->conn = conn_free(setup->ctl->conn);
        return outcome;
}

static Outcome run_as(Setup *setup, const char *user, const char *url, Outcome (*run)(Setup *setup)) {
        int status;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid < 0)
                return OUTCOME_FAILED;
        if (pid == 0)
                _exit(become(user) < 0 ? OUTCOME_FAILED : (int) connect_and_run(setup, url, run));
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return OUTCOME_FAILED;
        return WIFEXITED(status) ? (Outcome) WEXITSTATUS(status) : OUTCOME_FAILED;
}

static Outcome run_as_owner(Setup *setup, Outcome (*run)(Setup *setup), const char *mend) {
        Outcome outcome = setup->url ? connect_and_run(setup, setup->url->data, run)
                                     : run_as(setup, "fulgur", LOCAL_URL, run);

        if (outcome == OUTCOME_FAILED && !setup->note)
                setup->note = mend;
        return outcome;
}

/* -- where it is ------------------------------------------------------------------------------- */

static Outcome url_without_option(Setup *setup) {
        const char *given = setup_env(setup, "DATABASE_URL");

        if (setup_has_credential(setup, URL_CREDENTIAL))
                return setup_read_credential(setup, URL_CREDENTIAL, &setup->url) >= 0
                               ? OUTCOME_SAME
                               : setup_fail(setup, "the credential " URL_CREDENTIAL " cannot be read");
        if (given)
                setup->url = secret_new(given, strlen(given));
        setup->note = given ? "DATABASE_URL of fulgur.env" : "the local PostgreSQL";
        return OUTCOME_SAME;
}

/* Services that run know the old one, and the data is there: whoever moves the database does it by hand. */
static Outcome url_is_stored(Setup *setup) {
        _cleanup_(secret_freep) Secret *stored = NULL;

        if (setup_read_credential(setup, URL_CREDENTIAL, &stored) >= 0 &&
            secret_equal(secret_text(stored), secret_text(setup->url)))
                return OUTCOME_SAME;
        return setup_fail(setup, "another one is stored already, as the credential " URL_CREDENTIAL
                                 ": stop fulgur.target and remove it first");
}

Outcome setup_url(Setup *setup) {
        int r;

        if (!setup->url_file)
                return url_without_option(setup);
        r = secret_read_file(setup->url_file, &setup->url);
        if (r < 0)
                return setup_fail(setup, "%s: %s", setup->url_file, strerror(-r));
        if (setup_has_credential(setup, URL_CREDENTIAL))
                return url_is_stored(setup);

        r = setup_store_credential(setup, URL_CREDENTIAL, secret_text(setup->url));
        if (r < 0)
                return setup_fail(setup, URL_CREDENTIAL " could not be stored: %s", strerror(-r));
        setup->note = "a server elsewhere also needs remote-database.conf, see fulgur.systemd(7)";
        return OUTCOME_DONE;
}

/* -- roles ------------------------------------------------------------------------------------- */

/* Anybody may have made it since we looked: that is as good. */
static Outcome make_missing(Setup *setup, const Query *exists, const char *sql) {
        BatchResult result;
        const char *message;
        bool there;

        if (ctl_query_params(setup->ctl, &result, exists, NULL, 0) != EXIT_OK)
                return OUTCOME_FAILED;
        there = rows_bool(result.rows[0], 0, 0);
        batch_result_deinit(&result);
        if (there)
                return OUTCOME_SAME;
        if (conn_script(setup->ctl->conn, sql, &message) >= 0)
                return OUTCOME_DONE;
        ctl_fail(EXIT_FAILED, "PostgreSQL refused: %s", message);
        return OUTCOME_FAILED;
}

static Outcome make_roles(Setup *setup) {
        static const struct {
                const Query *exists;
                const char *sql;
        } wanted[] = {
                { &SQL_CTL_SETUP_HAS_OWNER, "CREATE ROLE fulgur LOGIN" },
                { &SQL_CTL_SETUP_HAS_WEBHOOKS, "CREATE ROLE \"fulgur-webhooks\" LOGIN" },
                { &SQL_CTL_SETUP_HAS_DATABASE,
                  "CREATE DATABASE fulgur OWNER fulgur ENCODING 'UTF8' TEMPLATE template0" },
        };
        Outcome all = OUTCOME_SAME;

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                Outcome outcome = make_missing(setup, wanted[i].exists, wanted[i].sql);

                if (outcome == OUTCOME_FAILED)
                        return outcome;
                if (outcome == OUTCOME_DONE)
                        all = outcome;
        }
        return all;
}

Outcome setup_roles(Setup *setup) {
        Outcome outcome;

        if (setup->url) {
                setup->note = "the database has an address of its own";
                return OUTCOME_SKIPPED;
        }
        outcome = run_as(setup, "postgres", ADMIN_URL, make_roles);
        return outcome == OUTCOME_FAILED
                       ? setup_fail(setup, "is PostgreSQL there? \"apt install postgresql\", \"systemctl start "
                                           "postgresql\", or name another server with --database-url-file FILE")
                       : outcome;
}

/* -- as its owner ------------------------------------------------------------------------------ */

static Outcome migrate(Setup *setup) {
        unsigned n_applied = 0;

        if (migrate_run(setup->ctl->conn, &n_applied) < 0)
                return OUTCOME_FAILED;
        return n_applied > 0 ? OUTCOME_DONE : OUTCOME_SAME;
}

Outcome setup_migrate(Setup *setup) {
        return run_as_owner(setup, migrate, "the line above says why; \"fulgurctl migrate\" tries again");
}

/* What the statements of fulgur-webhooks touch, and no more: it meets strangers first. */
static Outcome grant(Setup *setup) {
        return make_missing(
                setup, &SQL_CTL_SETUP_HAS_GRANTS,
                "GRANT SELECT ON projects, workflows, jobs, triggers, trigger_webhook_auth_methods, "
                "webhook_auth_methods, dataclips, work_orders, runs, webhook_replies TO \"fulgur-webhooks\";"
                "GRANT INSERT ON dataclips, dataclip_bodies, work_orders, runs, run_queue TO "
                "\"fulgur-webhooks\";"
                "GRANT DELETE ON webhook_replies TO \"fulgur-webhooks\"");
}

Outcome setup_grants(Setup *setup) {
        if (setup->url) {
                setup->note = "all services use the role of the database's address";
                return OUTCOME_SKIPPED;
        }
        return run_as_owner(setup, grant, "the line above says why");
}

/* -- the first superuser ----------------------------------------------------------------------- */

static Outcome find_superuser(Setup *setup) {
        BatchResult result;
        bool there;

        if (ctl_query(setup->ctl, &result, &SQL_CTL_SETUP_HAS_SUPERUSER, P_STRING(setup->superuser)) != EXIT_OK)
                return OUTCOME_FAILED;
        there = rows_bool(result.rows[0], 0, 0);
        batch_result_deinit(&result);
        return there ? OUTCOME_SAME : OUTCOME_SKIPPED;
}

static Outcome store_superuser(Setup *setup) {
        ProvisionUser user = { .id = uuid_new(),
                               .email = text_of(setup->superuser),
                               .first_name = TEXT("Super"),
                               .last_name = TEXT("User"),
                               .superuser = true };
        Batch *batch = batch_new(&setup->ctl->arena, 0);
        char hash[PASSWORD_HASH_SIZE];
        BatchResult result;
        int r;

        if (password_hash(secret_text(setup->password), hash) < 0)
                return OUTCOME_FAILED;
        provision_user_store(batch, &user, text_of(hash));
        conn_run(setup->ctl->conn, batch, &result);
        r = ctl_report(setup->ctl, &result);
        batch_result_deinit(&result);
        return r == EXIT_OK ? OUTCOME_DONE : OUTCOME_FAILED;
}

static char *read_line(const char *prompt, char line[static 256]) {
        bool terminal = isatty(STDIN_FILENO);

        if (terminal)
                fputs(prompt, stderr);
        if (!fgets(line, 256, stdin))
                return NULL;
        line[strcspn(line, "\r\n")] = '\0';
        return line;
}

static bool read_password(Setup *setup) {
        struct termios before, quiet;
        bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
        char line[256] = "";

        quiet = before;
        quiet.c_lflag &= ~(tcflag_t) ECHO;
        if (terminal)
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        setvbuf(stdin, NULL, _IONBF, 0);        /* no copy of it stays in stdio's buffer */
        if (read_line("Password of the superuser (8 to 72 bytes): ", line))
                setup->password = secret_new(line, strlen(line));
        explicit_bzero(line, sizeof line);
        if (terminal) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', stderr);
        }
        return setup->password && setup->password->length >= 8 && setup->password->length <= 72;
}

static bool read_email(Setup *setup) {
        char line[256];

        if (!setup->superuser && isatty(STDIN_FILENO) && read_line("E-mail of the first superuser: ", line))
                setup->superuser = arena_strdup(&setup->ctl->arena, line);
        return setup->superuser && *setup->superuser;
}

/* As people are found by it: see provision_user_find. */
static bool tidy_email(Setup *setup) {
        char *email = arena_strdup(&setup->ctl->arena, setup->superuser);

        for (char *p = email; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char) (*p - 'A' + 'a');
        setup->superuser = email;
        return strchr(email, '@') && strlen(email) <= 160 && text_is_utf8(text_of(email));
}

Outcome setup_first_user(Setup *setup) {
        Outcome outcome;

        if (setup->superuser && !tidy_email(setup))
                return setup_fail(setup, "--superuser wants an e-mail address of at most 160 bytes");
        outcome = run_as_owner(setup, find_superuser, "the line above says why");
        if (outcome != OUTCOME_SKIPPED)
                return outcome;
        if (!setup->superuser && !read_email(setup)) {
                setup->note = "run \"fulgurctl setup --superuser EMAIL\"";
                return OUTCOME_SKIPPED;
        }
        if (!tidy_email(setup))
                return setup_fail(setup, "this is no e-mail address: \"fulgurctl setup --superuser EMAIL\"");
        if (!read_password(setup))
                return setup_fail(setup, "a password of 8 to 72 bytes is wanted on standard input");
        return run_as_owner(setup, store_superuser, "a user of that address may be there who is none: see above");
}
