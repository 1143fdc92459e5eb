/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the environment file to a ListenStream= line. systemd holds the listening socket before any of our
 * programs runs, so these two variables have to become unit configuration; the web service itself only ever
 * sees the socket.
 */

#include <errno.h>
#include <inttypes.h>

#include "basic/parse.h"
#include "generator/listen.h"

#define DEFAULT_PORT 4000

/* An empty variable is as good as none: deployment tools write them so. */
static const EnvLine *get(const EnvFile *env, const char *name) {
        const EnvLine *line = env_file_get(env, name);

        return line && *line->value ? line : NULL;
}

static int read_port(const char *value, uint64_t *ret_port) {
        uint64_t port;

        if (parse_u64(text_of(value), &port) < 0 || port < 1 || port > 65535)
                return -EINVAL;

        *ret_port = port;
        return 0;
}

/* The value is no secret; of an odd one only what fits into a line of a log is shown. */
static void complain(Buffer *text, const char *path, const EnvLine *line, const char *expected) {
        buffer_printf(text, "%s:%u: %s must be %s, not '", path, line->line, line->name, expected);
        for (size_t i = 0; i < 64 && line->value[i]; i++)
                buffer_append_byte(text, (unsigned char) line->value[i] < ' ' ? '?' : line->value[i]);
        buffer_append_string(text, "'.\n");
}

int listen_drop_in(const EnvFile *env, Buffer *text) {
        const EnvLine *address_line = get(env, "LISTEN_ADDRESS"), *port_line = get(env, "PORT");
        char address[ADDRESS_SIZE] = "127.0.0.1";
        uint64_t port = DEFAULT_PORT;
        int r = 0;

        if (!address_line && !port_line)
                return LISTEN_E_UNSET;

        if (address_line && parse_address(text_of(address_line->value), address) < 0) {
                complain(text, env->path, address_line, "an IPv4 or IPv6 address");
                r = -EINVAL;
        }

        if (port_line && read_port(port_line->value, &port) < 0) {
                complain(text, env->path, port_line, "a port between 1 and 65535");
                r = -EINVAL;
        }

        if (r == 0)
                buffer_printf(text,
                              "# From LISTEN_ADDRESS and PORT in %s.\n"
                              "[Socket]\n"
                              "ListenStream=\n"
                              "ListenStream=%s:%" PRIu64 "\n",
                              env->path, address, port);

        return r;
}
