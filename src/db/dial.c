/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One attempt to connect. libpq says whether it waits for the socket to become readable or writable, and may
 * open another socket on the way (the next host, the next address, a second try without TLS).
 *
 * That other socket often has the number of the one it replaces, so comparing numbers tells nothing, and our
 * watch is on a duplicate, which would go on watching the dead one: the watch is made anew after each step.
 *
 * Names are resolved by libpq inside PQconnectStart(), which blocks: a unix socket or an address is better
 * than a name.
 */

#include <stdio.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/uuid.h"
#include "db/dial.h"
#include "db/wire.h"

#define DIAL_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define BACKOFF_MIN_USEC (100 * USEC_PER_MSEC)
#define BACKOFF_MAX_USEC (5 * USEC_PER_SEC)

struct Dial {
        Loop *loop;
        PGconn *pg;
        Watch *watch;
        Timer timer;            /* the time it may take; none for what failed at once */
        DialDone done;
        void *userdata;
};

static void step(Dial *dial);

Dial *dial_free(Dial *dial) {
        if (!dial)
                return NULL;

        timer_stop(&dial->timer);
        watch_free(dial->watch);
        PQfinish(dial->pg);
        free(dial);
        return NULL;
}

const char *dial_error(const PGconn *pg) {
        static char line[256];
        const char *message = pg ? PQerrorMessage(pg) : "out of memory";

        snprintf(line, sizeof line, "%.*s", (int) strcspn(message, "\n"), message);
        return *line ? line : "connection lost";
}

/* The caller frees the dial in `done`, so nothing of it may be looked at behind this. */
static void fail(Dial *dial, const char *message) {
        dial->watch = watch_free(dial->watch);
        timer_stop(&dial->timer);
        dial->done(NULL, message, dial->userdata);
}

static void succeed(Dial *dial) {
        PGconn *pg = TAKE_PTR(dial->pg);

        dial->watch = watch_free(dial->watch);
        timer_stop(&dial->timer);
        PQsetnonblocking(pg, 1);
        wire_quiet(pg);
        dial->done(pg, NULL, dial->userdata);
}

static void on_timer(Timer *timer) {
        Dial *dial = container_of(timer, Dial, timer);

        fail(dial, dial->watch ? "no answer in time" : dial_error(dial->pg));
}

static void on_ready(_unused_ Watch *watch, _unused_ unsigned events, void *userdata) {
        step(userdata);
}

static void wait_for(Dial *dial, unsigned events) {
        int r;

        dial->watch = watch_free(dial->watch);
        r = watch_new(dial->loop, PQsocket(dial->pg), events, on_ready, dial, &dial->watch);
        if (r < 0)
                fail(dial, "out of file descriptors");
}

static void step(Dial *dial) {
        switch (PQconnectPoll(dial->pg)) {
        case PGRES_POLLING_READING:
                return wait_for(dial, WATCH_READ);
        case PGRES_POLLING_WRITING:
                return wait_for(dial, WATCH_WRITE);
        case PGRES_POLLING_OK:
                return succeed(dial);
        default:
                return fail(dial, dial_error(dial->pg));
        }
}

Dial *dial_new(Loop *loop, const char *conninfo, DialDone done, void *userdata) {
        Dial *dial = xnew(Dial, 1);

        *dial = (Dial) {
                .loop = loop,
                .pg = PQconnectStart(conninfo),
                .done = done,
                .userdata = userdata,
        };
        timer_init(&dial->timer, loop, on_timer);

        /* As documented: before the first PQconnectPoll() behave as if it had asked to write. */
        if (dial->pg && PQstatus(dial->pg) != CONNECTION_BAD &&
            watch_new(loop, PQsocket(dial->pg), WATCH_WRITE, on_ready, dial, &dial->watch) >= 0)
                timer_start(&dial->timer, DIAL_TIMEOUT_USEC);
        else
                timer_start(&dial->timer, 0);

        return dial;
}

uint64_t backoff_next(Backoff *backoff) {
        uint64_t usec = CLAMP(backoff->usec, BACKOFF_MIN_USEC, BACKOFF_MAX_USEC);

        backoff->usec = usec * 2;
        return usec - usec / 4 * uuid_random().bytes[0] / UINT8_MAX;
}
