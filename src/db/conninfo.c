/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The admin's DATABASE_URL, made into what libpq is given.
 *
 * The guide of the original has `ecto://` URLs with options of its own driver (pool_size, timeout …) in the
 * query; libpq refuses those, so they are left out here. libpq takes the URL apart, what it found is written
 * down again with the options of ours behind it. Nothing here logs what it was given: it may hold a password.
 */

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "db/conninfo.h"
#include "db/wire.h"
#include "log/log.h"

typedef struct Option {
        const char *keyword, *value;
} Option;

/* Taken unless the URL says otherwise. */
static const Option defaults[] = {
        { "connect_timeout",     "10" },
        { "gssencmode",          "disable" },   /* Kerberos would be asked for before each connection */
        { "keepalives_count",    "3" },
        { "keepalives_idle",     "30" },
        { "keepalives_interval", "10" },
        { "tcp_user_timeout",    "30000" },     /* ms: a host that fell silent counts as gone */
};

static const char *const driver_options[] = {
        "idle_interval", "parameters",     "pool_count",   "pool_size",
        "prepare",       "queue_interval", "queue_target", "timeout",
};

/* -- the URL ----------------------------------------------------------------------------------- */

static bool is_driver_option(Text name) {
        for (size_t i = 0; i < ELEMENTSOF(driver_options); i++)
                if (text_is(name, driver_options[i]))
                        return true;

        return false;
}

static void copy_query(Text query, Buffer *url) {
        char separator = '?';
        Text part;

        while (text_split(&query, '&', &part)) {
                Text value = part, name;

                (void) text_split(&value, '=', &name);
                if (part.length == 0 || is_driver_option(name))
                        continue;

                buffer_append_byte(url, separator);
                if (text_is(name, "socket_dir")) {
                        buffer_append_string(url, "host=");
                        buffer_append_text(url, value);
                } else if (text_is(name, "ssl"))
                        buffer_printf(url, "sslmode=%s", text_is(value, "false") ? "disable" : "require");
                else
                        buffer_append_text(url, part);
                separator = '&';
        }
}

static bool url_body(Text url, Text *ret_body) {
        static const char *const schemes[] = { "postgres://", "postgresql://", "ecto://" };

        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (text_starts_with(url, schemes[i])) {
                        size_t length = strlen(schemes[i]);

                        *ret_body = text_make(url.data + length, url.length - length);
                        return true;
                }

        return false;
}

static void copy_url(Text url, Buffer *copy) {
        Text rest, authority_and_path;

        if (!url_body(url, &rest))
                return buffer_append_text(copy, url);

        (void) text_split(&rest, '?', &authority_and_path);
        buffer_append_string(copy, "postgresql://");
        buffer_append_text(copy, authority_and_path);
        copy_query(rest, copy);
}

/* -- encryption -------------------------------------------------------------------------------- */

static const char *option_get(const PQconninfoOption *options, const char *keyword) {
        for (const PQconninfoOption *option = options; option->keyword; option++)
                if (strcmp(option->keyword, keyword) == 0)
                        /* libpq itself would look into the environment. */
                        return option->val || !option->envvar ? option->val : getenv(option->envvar);

        return NULL;
}

/* Do all hosts have a path for a name? A service file could say anything. */
static bool is_local(const PQconninfoOption *options) {
        Text hosts = text_of(option_get(options, "host")), host;
        const char *address = option_get(options, "hostaddr");

        if ((address && *address) || option_get(options, "service"))
                return false;

        while (text_split(&hosts, ',', &host))
                if (host.length > 0 && host.data[0] != '/' && host.data[0] != '@')
                        return false;

        return true;
}

static int choose_sslmode(const PQconninfoOption *options, bool disable_ssl, const char **ret_mode) {
        static const char *const strict[] = { "require", "verify-ca", "verify-full" };
        const char *mode = option_get(options, "sslmode");

        *ret_mode = mode && *mode ? mode : disable_ssl ? "prefer" : "require";
        if (disable_ssl)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(strict); i++)
                if (strcmp(*ret_mode, strict[i]) == 0)
                        return 0;

        return log_error_errno(-EINVAL, "The database URL asks for sslmode=%s, but TCP without TLS has to be "
                                        "allowed with DISABLE_DB_SSL=true", *ret_mode);
}

/* -- the result -------------------------------------------------------------------------------- */

static void append_option(Buffer *conninfo, const char *keyword, const char *value) {
        buffer_append_string(conninfo, conninfo->length > 0 ? " " : "");
        buffer_append_string(conninfo, keyword);
        buffer_append_string(conninfo, "='");
        for (; *value; value++) {
                if (*value == '\'' || *value == '\\')
                        buffer_append_byte(conninfo, '\\');
                buffer_append_byte(conninfo, *value);
        }
        buffer_append_byte(conninfo, '\'');
}

/* What the URL says, but for the options that are written below. */
static void append_given(Buffer *conninfo, const PQconninfoOption *options) {
        static const char *const ours[] = { "client_encoding", "options", "sslmode" };

        for (const PQconninfoOption *option = options; option->keyword; option++) {
                bool is_ours = false;

                for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                        is_ours |= strcmp(option->keyword, ours[i]) == 0;
                if (option->val && !is_ours)
                        append_option(conninfo, option->keyword, option->val);
        }
}

static void append_server_options(Buffer *conninfo, const char *given, const char *added) {
        _cleanup_(buffer_deinit) Buffer both = BUFFER_NULL;

        buffer_printf(&both, "%s%s%s", given ? given : "", given && added ? " " : "", added ? added : "");
        if (both.length > 0)
                append_option(conninfo, "options", buffer_string(&both));
}

static int write_conninfo(const PQconninfoOption *options, bool disable_ssl, const char *application_name,
                          const char *server_options, Buffer *conninfo) {
        const char *mode = NULL;
        int r;

        if (!is_local(options)) {
                r = choose_sslmode(options, disable_ssl, &mode);
                if (r < 0)
                        return r;
        }

        append_given(conninfo, options);
        for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                if (!option_get(options, defaults[i].keyword))
                        append_option(conninfo, defaults[i].keyword, defaults[i].value);

        if (application_name && !option_get(options, "application_name"))
                append_option(conninfo, "application_name", application_name);
        if (mode)
                append_option(conninfo, "sslmode", mode);
        append_server_options(conninfo, option_get(options, "options"), server_options);
        append_option(conninfo, "client_encoding", "UTF8");
        return 0;
}

void conninfo_wipe(Buffer *conninfo) {
        if (conninfo->data)
                explicit_bzero(conninfo->data, conninfo->room);
        buffer_deinit(conninfo);
}

int conninfo_build(Text url, bool disable_ssl, const char *application_name, const char *server_options,
                   Buffer *ret_conninfo) {
        _cleanup_(conninfo_wipe) Buffer copy = BUFFER_NULL;
        PQconninfoOption *options;
        char *message = NULL;
        int r;

        if (url.length > 0 && memchr(url.data, 0, url.length))
                return log_error_errno(-EINVAL, "The database URL holds a NUL byte");

        copy_url(url, &copy);
        options = PQconninfoParse(buffer_string(&copy), &message);
        PQfreemem(message);     /* it quotes the URL: not for the journal */
        if (!options)
                return log_error_errno(-EINVAL, "The database URL is not understood");

        r = write_conninfo(options, disable_ssl, application_name, server_options, ret_conninfo);
        PQconninfoFree(options);
        return r;
}

int db_conninfo(Text url, bool disable_ssl, const char *application_name, Buffer *ret_conninfo) {
        return conninfo_build(url, disable_ssl, application_name, NULL, ret_conninfo);
}
