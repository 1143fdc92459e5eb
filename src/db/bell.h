/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bell: one connection that only LISTENs, and the other side, which rings. Payloads are ids or nothing. A
 * bell that is missed (reconnect) costs a look at the tables: the handler is called with a NULL channel,
 * "look again at everything".
 *
 * Channels: "runs" (work for workers; no payload), "run_done" (payload: run id), "triggers" (payload: trigger
 * id, or nothing for all), "runs_cancelled" (payload: run id).
 */

#include "db/pool.h"
#include "loop/loop.h"

typedef struct Bell Bell;
typedef void (*BellHandler)(const char *channel, const char *payload, void *userdata);

/* `channels` ends with NULL. The handler must not free the bell. -EINVAL: url not understood, logged.
 * `disable_ssl`: conninfo.h. */
int bell_new(Loop *loop, const char *url, bool disable_ssl, const char *const channels[], BellHandler handler,
             void *userdata, Bell **ret_bell);
Bell *bell_free(Bell *bell);
DEFINE_CLEANUP(Bell, bell_free);
/* False while its connection is away: caches that live by the bell must not be trusted then. */
bool bell_is_listening(const Bell *bell);

/* Ringing from the side, never inside a transaction that somebody waits for (NOTIFY serialises commits:
 * 6,331 → 1,393/s). Equal rings that meet within `gather_usec` become one. */
typedef struct Ringer Ringer;
int ringer_new(Loop *loop, Pool *pool, uint64_t gather_usec, Ringer **ret_ringer);
Ringer *ringer_free(Ringer *ringer);
DEFINE_CLEANUP(Ringer, ringer_free);
void ringer_ring(Ringer *ringer, const char *channel, const char *payload /* NULL: none */);
