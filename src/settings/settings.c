/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loading: each row of the table finds its value (credential, environment, file, default), has it checked
 * and put where it belongs. Everything that is wrong is said before the program gives up, so that an
 * administrator mends a file once.
 */

#include "settings/settings.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "basic/env-file.h"
#include "basic/parse.h"
#include "log/log.h"
#include "log/message-id.h"
#include "settings/table.h"

#define DEFAULT_FILE "/etc/fulgur/fulgur.env"

typedef struct Loader {
        Settings *settings;
        const EnvFile *file;            /* NULL: not readable */
        bool file_is_source;            /* values come from it: nobody has put them into the environment */
        bool file_first;                /* at reload the environment is what the file was at the start */
        unsigned needs;                 /* SettingsNeed of the program */
        SettingsCredential credential;  /* NULL: only systemd gives any */
        unsigned n_wrong;
} Loader;

static const char *file_path(void) {
        const char *path = getenv("FULGUR_ENV_FILE");

        return path && *path ? path : DEFAULT_FILE;
}

/* -- what is wrong ----------------------------------------------------------------------------- */

static void complain(Loader *loader, const char *name, const char *given, const char *wrong) {
        const EnvLine *line = env_file_get(loader->file, name);

        /* Only if what is wrong is really what stands in the file: the unit may say something else. */
        if (line && given && strcmp(line->value, given) == 0)
                log_full(LOG_ERR, 0, NULL, MSG_SETTING_INVALID, "%s %s (%s:%u)", name, wrong,
                         loader->file->path, line->line);
        else
                log_full(LOG_ERR, 0, NULL, MSG_SETTING_INVALID, "%s %s", name, wrong);

        loader->n_wrong++;
}

static void check_lines(Loader *loader) {
        const EnvFile *file = loader->file;

        for (size_t i = 0; file && i < file->n_lines; i++) {
                const EnvLine *line = &file->lines[i];

                if (line->name && setting_by_name(text_of(line->name)))
                        continue;

                if (line->name)
                        log_full(LOG_ERR, 0, NULL, MSG_SETTING_INVALID, "%s is not a setting (%s:%u)",
                                 line->name, file->path, line->line);
                else
                        log_full(LOG_ERR, 0, NULL, MSG_SETTING_INVALID, "This line is not NAME=value (%s:%u)",
                                 file->path, line->line);
                loader->n_wrong++;
        }
}

/* -- finding a value --------------------------------------------------------------------------- */

/* What was given as a variable; an empty one counts as not given. */
static const char *find_given(const Loader *loader, const char *name) {
        const EnvLine *line = loader->file_is_source ? env_file_get(loader->file, name) : NULL;
        const char *from_file = line && *line->value ? line->value : NULL;
        const char *from_environment = getenv(name);

        if (from_environment && !*from_environment)
                from_environment = NULL;

        if (loader->file_first)
                return from_file ? from_file : from_environment;
        return from_environment ? from_environment : from_file;
}

static const char *find_default(const Loader *loader, const Setting *row) {
        return loader->settings->production && row->production ? row->production : row->fallback;
}

static int read_credential(const Loader *loader, const Setting *row, Secret **ret_value) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_(freep) char *path = NULL;

        if (!directory) {
                bool wanted = row->need == 0 || (row->need | WANT_ALL_SECRETS) & loader->needs;

                return loader->credential && wanted ? loader->credential(row->credential, ret_value) : -ENOENT;
        }

        if (asprintf(&path, "%s/%s", directory, row->credential) < 0)
                out_of_memory();
        return secret_read_file(path, ret_value);
}

static Secret *find_credential(Loader *loader, const Setting *row) {
        Secret *secret;
        int r;

        if (!row->credential)
                return NULL;

        r = read_credential(loader, row, &secret);
        if (r == -ENOENT)
                return NULL;
        if (r < 0) {
                log_error_errno(r, "Failed to read the credential %s: %m", row->credential);
                loader->n_wrong++;
                return NULL;
        }

        return secret;
}

/* -- putting it where it belongs --------------------------------------------------------------- */

/* `value` is checked: it parses. */
static void store(Settings *settings, const Setting *row, SettingValue *value) {
        void *place = (char *) settings + row->place - 1;
        Text text = text_of(value->text);
        int64_t number = 0;

        if (row->place == 0)
                return;

        switch (row->type) {
        case SETTING_TEXT:
                *(char **) place = value->text;
                break;
        case SETTING_SECRET:
                *(Secret **) place = value->secret;
                break;
        case SETTING_INT:
                if (text.data)
                        (void) parse_i64(text, &number);
                *(uint64_t *) place = (uint64_t) number;
                break;
        case SETTING_FLOAT:
                (void) parse_double(text, place);
                break;
        case SETTING_BOOL:
                (void) parse_bool(text, place);
                break;
        case SETTING_LEVEL:
                (void) log_level_from_string(value->text, place);
                break;
        case SETTING_HEADING:
        case _SETTING_TYPE_MAX:
                break;
        }
}

/* "yes", "on" and "1" in one word, for those who ask by name. */
static char *bool_text(const char *given) {
        bool yes = false;

        (void) parse_bool(text_of(given), &yes);
        return xstrdup(yes ? "true" : "false");
}

/* Text from outside, or the default when there is none or it is wrong. */
static void load_text(Loader *loader, const Setting *row, SettingValue *value) {
        const char *given = find_given(loader, row->name), *wrong = NULL, *fallback;
        char problem[256];

        if (given)
                wrong = setting_check(row, text_of(given), loader->settings->production, problem);
        if (wrong)
                complain(loader, row->name, given, wrong);
        else if (given && (row->flags & SETTING_NOT_NEEDED))
                log_notice("%s is set and not needed: services find each other through PostgreSQL",
                           row->name);

        fallback = find_default(loader, row);
        value->is_set = given && !wrong;
        if (value->is_set)
                value->text = row->type == SETTING_BOOL ? bool_text(given) : xstrdup(given);
        else if (fallback)
                value->text = xstrdup(fallback);
}

/* A secret in the environment can be read by whoever may look at the process; the notice says what to do
 * about it, and no child of ours inherits it. `is_used`: there is no credential that came before it. */
static void forget_variable(const Loader *loader, const Setting *row, bool is_used) {
        char *value = getenv(row->name);

        if (!value || !*value)
                return;

        /* One notice is enough: the program that needs it gives it, not each that shares the file. */
        if (is_used && row->credential && !loader->file_is_source && (!row->need || row->need & loader->needs))
                log_full(LOG_NOTICE, 0, NULL, MSG_SECRET_IN_ENVIRONMENT,
                         "%s came from the environment; the credential %s keeps it from other eyes",
                         row->name, row->credential);

        explicit_bzero(value, strlen(value));
        unsetenv(row->name);
}

static void load_secret(Loader *loader, const Setting *row, SettingValue *value) {
        _cleanup_(secret_freep) Secret *secret = find_credential(loader, row);
        const char *given = NULL, *wrong;
        char problem[256];

        if (!secret && !(row->flags & SETTING_NO_VARIABLE))
                given = find_given(loader, row->name);
        if (given)
                secret = secret_new(given, strlen(given));
        if (!secret)
                return;

        wrong = setting_check(row, secret_text(secret), loader->settings->production, problem);
        if (secret->length == 0)
                wrong = "is empty";
        if (wrong)
                complain(loader, given ? row->name : row->credential, given, wrong);

        forget_variable(loader, row, !!given);

        value->secret = TAKE_PTR(secret);
        value->is_set = true;
}

/* DATABASE_URL may come as a credential as well; only then, or when it holds a password, is it a secret.
 * libpq takes white space around the '=': the word alone counts. */
static bool url_has_password(const char *url) {
        const char *start = strstr(url, "://"), *at = start ? strrchr(start + 3, '@') : NULL;

        return (at && memchr(start + 3, ':', (size_t) (at - start - 3))) || strstr(url, "password");
}

static void load_hidden(Loader *loader, const Setting *row, SettingValue *value) {
        _cleanup_(secret_freep) Secret *secret = find_credential(loader, row);

        if (secret) {
                value->text = xstrdup(secret->data);
                value->is_set = true;
                forget_variable(loader, row, false);
                return;
        }

        load_text(loader, row, value);
        if (value->is_set && url_has_password(value->text))
                forget_variable(loader, row, true);
}

static void load_row(Loader *loader, const Setting *row) {
        SettingValue *value = &loader->settings->values[setting_index(row)];

        if (row->type == SETTING_HEADING)
                return;

        if (row->type == SETTING_SECRET)
                load_secret(loader, row, value);
        else if (row->flags & SETTING_HIDDEN)
                load_hidden(loader, row, value);
        else
                load_text(loader, row, value);

        store(loader->settings, row, value);
}

/* -- what spans rows --------------------------------------------------------------------------- */

static void check_needs(Loader *loader) {
        for (const Setting *row = setting_table; row->name; row++) {
                if (!(row->need & loader->needs) || loader->settings->values[setting_index(row)].secret)
                        continue;

                log_full(LOG_ERR, 0, NULL, MSG_NOT_SET_UP,
                         "%s is not set: run \"fulgurctl setup\", or give what '%s' makes as the credential %s",
                         row->name, row->keygen, row->credential);
                loader->n_wrong++;
        }
}

/* When the first has that value (NULL: any), the second must be set. */
static void check_companions(Loader *loader) {
        static const struct {
                const char *name, *value, *needs;
        } rows[] = {
                { "GITHUB_CERT",    NULL,      "REPO_CONNECTION_SIGNING_SECRET"      },
                { "LOCAL_ADAPTORS", "true",    "OPENFN_ADAPTORS_REPO"                },
                { "MAIL_PROVIDER",  "mailgun", "MAILGUN_API_KEY"                     },
                { "MAIL_PROVIDER",  "mailgun", "MAILGUN_DOMAIN"                      },
                { "MAIL_PROVIDER",  "smtp",    "SMTP_PASSWORD"                       },
                { "MAIL_PROVIDER",  "smtp",    "SMTP_RELAY"                          },
                { "MAIL_PROVIDER",  "smtp",    "SMTP_USERNAME"                       },
                { "STORAGE_BACKEND", "gcs",    "GCS_BUCKET"                          },
                { "STORAGE_BACKEND", "gcs",    "GOOGLE_APPLICATION_CREDENTIALS_JSON" },
        };
        static const char *const github[] = { "GITHUB_APP_ID", "GITHUB_APP_NAME", "GITHUB_APP_CLIENT_ID",
                                              "GITHUB_APP_CLIENT_SECRET" };
        bool has_github = true;

        for (size_t i = 0; i < ELEMENTSOF(github); i++)
                has_github = has_github && settings_is_set(loader->settings, github[i]);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *text;
                char wrong[128];

                if (!settings_is_set(loader->settings, rows[i].name) ||
                    settings_is_set(loader->settings, rows[i].needs))
                        continue;

                text = settings_text(loader->settings, rows[i].name);
                if (rows[i].value ? !text || strcmp(text, rows[i].value) != 0 : !has_github)
                        continue;

                snprintf(wrong, sizeof wrong, "is not set, but %s needs it", rows[i].name);
                complain(loader, rows[i].needs, NULL, wrong);
        }
}

static void check_retry(Loader *loader) {
        const Settings *settings = loader->settings;

        if (settings->webhook_retry_max_delay_msec < settings->webhook_retry_initial_delay_msec)
                complain(loader, "WEBHOOK_RETRY_MAX_DELAY_MS",
                         settings_text(settings, "WEBHOOK_RETRY_MAX_DELAY_MS"),
                         "is less than WEBHOOK_RETRY_INITIAL_DELAY_MS");
}

static void complete_url_port(Loader *loader) {
        const Setting *row = setting_by_name(TEXT("URL_PORT"));
        SettingValue *value = &loader->settings->values[setting_index(row)];

        if (value->text)
                return;

        value->text = xstrdup(settings_text(loader->settings, "PORT"));
        store(loader->settings, row, value);
}

/* -- the whole --------------------------------------------------------------------------------- */

static bool is_production(const Loader *loader) {
        const char *mix = find_given(loader, "MIX_ENV"), *node = find_given(loader, "NODE_ENV");

        return (mix && strcmp(mix, "prod") == 0) || (node && strcmp(node, "production") == 0);
}

static int load(Loader *loader, Settings **ret_settings) {
        _cleanup_(settings_freep) Settings *settings = xnew(Settings, 1);

        settings->values = xnew(SettingValue, n_settings);
        loader->settings = settings;
        settings->production = is_production(loader);

        check_lines(loader);
        for (const Setting *row = setting_table; row->name; row++)
                load_row(loader, row);
        complete_url_port(loader);
        check_retry(loader);
        if (!loader->file_first)        /* else secrets of the environment have gone by now */
                check_companions(loader);
        check_needs(loader);
        if (loader->n_wrong > 0)
                return -EINVAL;

        *ret_settings = TAKE_PTR(settings);
        return 0;
}

int settings_load(unsigned needs, Settings **ret_settings) {
        _cleanup_(env_file_freep) EnvFile *file = NULL;

        /* systemd has read it with more rights than we may have; for us it only says where a value stands. */
        (void) env_file_read(file_path(), &file);
        return load(&(Loader) { .file = file, .needs = needs }, ret_settings);
}

int settings_load_with_file(const char *path, unsigned needs, SettingsCredential credential,
                            Settings **ret_settings) {
        _cleanup_(env_file_freep) EnvFile *file = NULL;
        int r;

        r = env_file_read(path ? path : file_path(), &file);
        if (r < 0 && path)
                return log_error_errno(r, "Failed to read %s: %m", path);
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "Going on without %s: %m", file_path());

        return load(&(Loader) { .file = file, .file_is_source = true, .needs = needs, .credential = credential },
                    ret_settings);
}

static void take_over(Settings *settings, Settings *fresh, const Setting *row) {
        SettingValue *value = &settings->values[setting_index(row)];

        if (!(row->flags & SETTING_RELOAD))
                return;

        free(value->text);
        *value = fresh->values[setting_index(row)];
        fresh->values[setting_index(row)] = (SettingValue) {};
        store(settings, row, value);
}

int settings_reload(Settings *settings) {
        _cleanup_(settings_freep) Settings *fresh = NULL;
        _cleanup_(env_file_freep) EnvFile *file = NULL;
        int r;

        r = env_file_read(file_path(), &file);
        if (r < 0) {
                log_notice("%s cannot be read by this service: its settings stay until a restart",
                           file_path());
                return 0;
        }

        r = load(&(Loader) { .file = file, .file_is_source = true, .file_first = true }, &fresh);
        if (r < 0)
                return r;

        for (const Setting *row = setting_table; row->name; row++)
                take_over(settings, fresh, row);
        return 0;
}

Settings *settings_free(Settings *settings) {
        if (!settings)
                return NULL;

        for (size_t i = 0; settings->values && i < n_settings; i++) {
                if (settings->values[i].text)
                        explicit_bzero(settings->values[i].text, strlen(settings->values[i].text));
                free(settings->values[i].text);
                secret_free(settings->values[i].secret);
        }

        free(settings->values);
        free(settings);
        return NULL;
}

/* -- asking by name ---------------------------------------------------------------------------- */

static const SettingValue *value_of(const Settings *settings, const char *name) {
        const Setting *row = setting_by_name(text_of(name));

        assert(row);
        return &settings->values[setting_index(row)];
}

const char *settings_text(const Settings *settings, const char *name) {
        return value_of(settings, name)->text;
}

bool settings_bool(const Settings *settings, const char *name) {
        const char *text = settings_text(settings, name);
        bool yes = false;

        if (text)
                (void) parse_bool(text_of(text), &yes);
        return yes;
}

int64_t settings_int(const Settings *settings, const char *name) {
        const char *text = settings_text(settings, name);
        int64_t number = 0;

        if (text)
                (void) parse_i64(text_of(text), &number);
        return number;
}

const Secret *settings_secret(const Settings *settings, const char *name) {
        return value_of(settings, name)->secret;
}

bool settings_is_set(const Settings *settings, const char *name) {
        return value_of(settings, name)->is_set;
}
