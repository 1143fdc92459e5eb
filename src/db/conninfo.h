/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From what the admin writes (DATABASE_URL) to what libpq is given.
 */

#include <stdbool.h>

#include "basic/buffer.h"
#include "basic/text.h"

/*
 * Accepts postgres://, postgresql:// and ecto:// URLs (`?host=/run/postgresql` for a socket directory) and
 * libpq's own `key=value` strings; empty: the local unix socket, as the user the process runs as.
 *
 * TCP is encrypted: without `disable_ssl` the sslmode becomes "require" unless the URL asks for more, and a
 * URL that asks for less is refused; with it, "prefer" is the default and the URL may say what it likes. Unix
 * sockets need none.
 *
 * Appends a `key='value'` string, which may hold the password: wipe it, never log it. -EINVAL, logged: not
 * understood, or less than "require".
 */
int db_conninfo(Text url, bool disable_ssl, const char *application_name, Buffer *ret_conninfo);
