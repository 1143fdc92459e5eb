/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What root is spared. A service is given its credentials by systemd, and the local PostgreSQL knows it by its
 * user; root at a shell has neither, but may read the credstores and may be any user.
 */

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "ctl/setup.h"

int root_read_credential(const char *name, Secret **ret_value) {
        Ctl ctl = {};
        Setup setup = { .ctl = &ctl, .root = "" };
        int r;

        r = setup_has_credential(&setup, name) ? setup_read_credential(&setup, name, ret_value) : -ENOENT;
        arena_deinit(&ctl.arena);
        return r;
}

/* PostgreSQL looks at who connects, not at who has connected. */
int root_open_database(const Settings *settings, Conn **ret_conn) {
        const struct passwd *owner = geteuid() == 0 ? getpwnam("fulgur") : NULL;
        int r;

        if (owner && (setegid(owner->pw_gid) < 0 || seteuid(owner->pw_uid) < 0))
                return -errno;
        r = conn_open(settings->database_url, settings->disable_db_ssl, "fulgurctl", ret_conn);
        if (owner && (seteuid(0) < 0 || setegid(0) < 0))
                return -errno;
        return r;
}
