/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside db/ only: connecting without blocking, and how long to wait before trying again.
 */

#include <libpq-fe.h>

#include "loop/loop.h"

/* `pg`: connected, non-blocking, now the caller's; NULL: it failed, and `message` says why (one line, no
 * secrets). */
typedef void (*DialDone)(PGconn *pg, const char *message, void *userdata);

typedef struct Dial Dial;

/* `done` is called once, from the loop, never inside dial_new(); the dial is free to be freed there. */
Dial *dial_new(Loop *loop, const char *conninfo, DialDone done, void *userdata);
Dial *dial_free(Dial *dial);
DEFINE_CLEANUP(Dial, dial_free);

/* The first line of what libpq has to say about a connection; valid until the next call. */
const char *dial_error(const PGconn *pg);

/* Doubles from 100 ms to 5 s, and spreads: after a restart of the database not everybody comes in the same
 * moment. */
typedef struct Backoff {
        uint64_t usec;
} Backoff;

uint64_t backoff_next(Backoff *backoff);
static inline void backoff_reset(Backoff *backoff) {
        backoff->usec = 0;
}
