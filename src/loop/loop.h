/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The event loop: h2o's evloop behind our names, with timers of our own (a heap on the monotonic clock,
 * because h2o's are lists of one fixed duration and follow the wall clock). One loop, one thread; the
 * helper threads of loop/offload.h touch nothing but their job.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/list.h"
#include "basic/macros.h"

typedef struct Loop Loop;

/* Makes the process ignore SIGPIPE. */
int loop_new(Loop **ret_loop);
/* Last: what hangs on the loop (servers, watches, timers) is freed or stopped before it. */
Loop *loop_free(Loop *loop);
DEFINE_CLEANUP(Loop, loop_free);

/* Turns until loop_exit(); returns its code, or a negative errno when the kernel refuses to wait. */
int loop_run(Loop *loop);
void loop_exit(Loop *loop, int code);
/* Monotonic, taken once per turn. */
uint64_t loop_now_usec(const Loop *loop);
/* h2o_loop_t *, for net/ only. */
void *loop_native(Loop *loop);

/* -- descriptors ------------------------------------------------------------------------------- */

typedef struct Watch Watch;
typedef enum WatchEvents { WATCH_NONE = 0, WATCH_READ = 1, WATCH_WRITE = 2 } WatchEvents;
typedef void (*WatchHandler)(Watch *watch, unsigned events, void *userdata);

/* Watches a duplicate: the caller's descriptor stays the caller's, but becomes non-blocking.
 * Level-triggered for reading; writing is armed until watch_set() takes it away. The handler may free its
 * watch. */
int watch_new(Loop *loop, int fd, unsigned events, WatchHandler handler, void *userdata, Watch **ret_watch);
void watch_set(Watch *watch, unsigned events);
Watch *watch_free(Watch *watch);
DEFINE_CLEANUP(Watch, watch_free);

/* -- timers ------------------------------------------------------------------------------------ */

typedef struct Timer Timer;
typedef void (*TimerHandler)(Timer *timer);
struct Timer {
        Loop *loop;
        TimerHandler handler;
        uint64_t due_usec;      /* monotonic */
        size_t place;           /* in the heap, 0: not running */
};

/* Embedded in its owner; container_of() in the handler. */
void timer_init(Timer *timer, Loop *loop, TimerHandler handler);
void timer_start(Timer *timer, uint64_t after_usec);    /* restarts a running one */
void timer_stop(Timer *timer);
static inline bool timer_is_running(const Timer *timer) {
        return timer->place != 0;
}

/* -- soon -------------------------------------------------------------------------------------- */

/* Called once, after the handlers of this turn: never inside the code that asked. */
typedef struct Soon Soon;
typedef void (*SoonHandler)(Soon *soon);
struct Soon {
        Loop *loop;
        SoonHandler handler;
        List link;
};

void soon_init(Soon *soon, Loop *loop, SoonHandler handler);
void soon_call(Soon *soon);             /* nothing if already queued */
void soon_cancel(Soon *soon);

/* -- signals ----------------------------------------------------------------------------------- */

typedef void (*SignalHandler)(int signal_number, void *userdata);
/* Blocks the signal and delivers it on the loop. */
int loop_add_signal(Loop *loop, int signal_number, SignalHandler handler, void *userdata);
