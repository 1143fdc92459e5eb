/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the service manager is told.
 */

#include "serve/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "basic/clock.h"

static void on_watchdog(Timer *timer) {
        Notify *notify = container_of(timer, Notify, watchdog);

        sd_notify(0, "WATCHDOG=1");
        timer_start(timer, notify->watchdog_usec);
}

void notify_init(Notify *notify, Loop *loop) {
        uint64_t usec = 0;

        *notify = (Notify) {};
        timer_init(&notify->watchdog, loop, on_watchdog);

        if (sd_watchdog_enabled(0, &usec) <= 0)
                return;

        notify->watchdog_usec = MAX(usec / 2, 1);
        timer_start(&notify->watchdog, notify->watchdog_usec);
}

void notify_deinit(Notify *notify) {
        timer_stop(&notify->watchdog);
        free(notify->status);
        notify->status = NULL;
}

void notify_ready(void) {
        sd_notify(0, "READY=1");
}

/* The time lets the manager tell our READY=1 from an earlier one. */
void notify_reloading(void) {
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_usec());
}

void notify_stopping(void) {
        sd_notify(0, "STOPPING=1\nSTATUS=Finishing what is under way");
}

bool notify_refusing(const char *why) {
        return sd_notifyf(0, "STATUS=%s", why) > 0 && sd_listen_fds(0) > 0;
}

void notify_status(Notify *notify, Buffer *status) {
        const char *text = buffer_string(status);

        if (notify->status && strcmp(notify->status, text) == 0)
                return;

        free(notify->status);
        notify->status = xstrdup(text);
        sd_notifyf(0, "STATUS=%s", text);
}
