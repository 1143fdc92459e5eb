/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Listening sockets: from systemd, or opened here for development.
 */

#include "net/http.h"

/* Gives the server every stream socket that systemd passed. The number of them, 0 without any; -EINVAL,
 * logged, for one that does not listen. */
int sockets_from_systemd(HttpServer *server);

/* `address`: a path (a stale socket there is replaced), host:port or [v6]:port. Logs where it listens, and
 * failures. */
int sockets_listen(HttpServer *server, const char *address);
