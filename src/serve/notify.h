/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the service manager is told: sd_notify(3). Without one, nothing happens.
 */

#include "basic/buffer.h"
#include "loop/loop.h"

typedef struct Notify {
        Timer watchdog;
        uint64_t watchdog_usec;         /* between two signs of life; 0: nobody watches */
        char *status;                   /* what was said last */
} Notify;

/* Starts the watchdog's timer if WATCHDOG_USEC is set: a loop that hangs says nothing and is restarted. */
void notify_init(Notify *notify, Loop *loop);
void notify_deinit(Notify *notify);

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* Says so only when it has changed. */
void notify_status(Notify *notify, Buffer *status);
/* Why we will not start. True: a socket of the manager's would have us started again at once. */
bool notify_refusing(const char *why);
