/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The listening side: one connection of its own, direct to the server (a transaction-pooling proxy would give
 * it another session with each transaction).
 *
 * What is rung while the connection is away is lost, and nobody can tell what that was. So after each LISTEN
 * that succeeded the handler is told to look again at everything, and only then it hears single
 * notifications: the look comes behind the LISTEN, so nothing falls between the two.
 */

#include <errno.h>
#include <string.h>

#include "db/bell.h"
#include "db/conninfo.h"
#include "db/dial.h"
#include "db/wire.h"
#include "log/log.h"

struct Bell {
        Loop *loop;
        char *conninfo;         /* holds the password, perhaps */
        Buffer listen;          /* LISTEN "a"; LISTEN "b"; … */
        BellHandler handler;
        void *userdata;

        Dial *dial;
        PGconn *pg;
        Watch *watch;
        Timer timer;            /* until the next attempt */
        Backoff backoff;
        bool listening;
};

static void start_dial(Bell *bell);

static void hang_up(Bell *bell) {
        bell->listening = false;
        bell->dial = dial_free(bell->dial);
        bell->watch = watch_free(bell->watch);
        PQfinish(bell->pg);
        bell->pg = NULL;
}

Bell *bell_free(Bell *bell) {
        if (!bell)
                return NULL;

        hang_up(bell);
        timer_stop(&bell->timer);
        buffer_deinit(&bell->listen);
        if (bell->conninfo)
                explicit_bzero(bell->conninfo, strlen(bell->conninfo));
        free(bell->conninfo);
        free(bell);
        return NULL;
}

bool bell_is_listening(const Bell *bell) {
        return bell->listening;
}

/* -- connecting -------------------------------------------------------------------------------- */

/* That the database is away is the pool's to tell the administrator, once. */
static void lost(Bell *bell, const char *why) {
        log_debug("The connection for notifications is away: %s", why);
        hang_up(bell);
        timer_start(&bell->timer, backoff_next(&bell->backoff));
}

static void on_timer(Timer *timer) {
        start_dial(container_of(timer, Bell, timer));
}

/* -- hearing ----------------------------------------------------------------------------------- */

/* False: LISTEN was refused, or the connection is gone. */
static bool read_results(Bell *bell) {
        PGresult *pg_result;
        bool success = true;

        while (!PQisBusy(bell->pg) && (pg_result = PQgetResult(bell->pg))) {
                success &= wire_is_success(pg_result);
                PQclear(pg_result);
        }

        return success && PQstatus(bell->pg) == CONNECTION_OK;
}

static void started_listening(Bell *bell) {
        bell->listening = true;
        backoff_reset(&bell->backoff);
        bell->handler(NULL, NULL, bell->userdata);
}

static void deliver(Bell *bell) {
        for (PGnotify *notify; (notify = PQnotifies(bell->pg)); PQfreemem(notify))
                bell->handler(notify->relname, *notify->extra ? notify->extra : NULL, bell->userdata);
}

static void on_ready(Watch *watch, unsigned events, void *userdata) {
        Bell *bell = userdata;

        if (events & WATCH_WRITE) {
                int r = PQflush(bell->pg);

                if (r < 0)
                        return lost(bell, dial_error(bell->pg));
                watch_set(watch, r > 0 ? WATCH_READ | WATCH_WRITE : WATCH_READ);
                return;
        }

        if (!PQconsumeInput(bell->pg) || !read_results(bell))
                return lost(bell, dial_error(bell->pg));

        /* The last answer to LISTEN has been read once the connection is idle. */
        if (!bell->listening && PQtransactionStatus(bell->pg) == PQTRANS_IDLE)
                started_listening(bell);
        if (bell->listening)
                deliver(bell);
}

static void on_dialed(PGconn *pg, const char *message, void *userdata) {
        Bell *bell = userdata;

        if (!pg)
                return lost(bell, message);

        bell->dial = dial_free(bell->dial);
        bell->pg = pg;
        if (!PQsendQuery(pg, buffer_string(&bell->listen)) ||
            watch_new(bell->loop, PQsocket(pg), WATCH_READ | WATCH_WRITE, on_ready, bell, &bell->watch) < 0)
                lost(bell, dial_error(pg));
}

static void start_dial(Bell *bell) {
        bell->dial = dial_new(bell->loop, bell->conninfo, on_dialed, bell);
}

static void append_listen(Buffer *listen, const char *channel) {
        /* Names are ours, so nothing needs escaping; the quotes keep their case. */
        buffer_printf(listen, "LISTEN \"%s\"; ", channel);
}

int bell_new(Loop *loop, const char *url, bool disable_ssl, const char *const channels[], BellHandler handler,
             void *userdata, Bell **ret_bell) {
        _cleanup_(conninfo_wipe) Buffer conninfo = BUFFER_NULL;
        Bell *bell;
        int r;

        r = db_conninfo(text_of(url), disable_ssl, "bell", &conninfo);
        if (r < 0)
                return r;

        bell = xnew(Bell, 1);
        *bell = (Bell) {
                .loop = loop,
                .conninfo = xstrdup(buffer_string(&conninfo)),
                .handler = handler,
                .userdata = userdata,
        };
        timer_init(&bell->timer, loop, on_timer);
        for (size_t i = 0; channels[i]; i++)
                append_listen(&bell->listen, channels[i]);
        start_dial(bell);

        *ret_bell = bell;
        return 0;
}
