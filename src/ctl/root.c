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

/* With the home, too: libpq looks there for certificates, and root's may not be looked into. */
static int become(uid_t uid, gid_t gid, const char *home) {
        /* Group first on the way down, user first on the way up: each needs root. */
        if (uid != 0 && (setegid(gid) < 0 || seteuid(uid) < 0))
                return -errno;
        if (uid == 0 && (seteuid(uid) < 0 || setegid(gid) < 0))
                return -errno;
        return (home ? setenv("HOME", home, true) : unsetenv("HOME")) < 0 ? -errno : 0;
}

/* PostgreSQL looks at who connects, not at who has connected. */
int root_open_database(const Settings *settings, Conn **ret_conn) {
        const struct passwd *owner = geteuid() == 0 ? getpwnam("fulgur") : NULL;
        const char *home = getenv("HOME");
        _cleanup_(freep) char *former = home ? xstrdup(home) : NULL;
        int r, back;

        if (owner) {
                r = become(owner->pw_uid, owner->pw_gid, owner->pw_dir);
                if (r < 0)
                        return r;
        }
        r = conn_open(settings->database_url, settings->disable_db_ssl, "fulgurctl", ret_conn);
        back = owner ? become(0, 0, former) : 0;
        return back < 0 ? back : r;
}
