/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of the loop know of each other. Nobody outside this folder includes it.
 */

#include <h2o.h>
#include <signal.h>

#include "loop/loop.h"

typedef struct SignalEntry {
        SignalHandler handler;
        void *userdata;
} SignalEntry;

struct Loop {
        h2o_loop_t *native;
        uint64_t now_usec;

        /* A binary heap; place 0 stays empty, so that a timer's place 0 can mean "not running". */
        Timer **timers;
        size_t n_timers;
        size_t timers_room;

        List soon;

        int signal_fd;                  /* -1 until the first signal is asked for */
        sigset_t signals;
        Watch *signal_watch;
        SignalEntry signal_entries[NSIG];

        bool exiting;
        int exit_code;
};

/* timer.c */
void loop_run_timers(Loop *loop);
uint64_t loop_next_timer_usec(const Loop *loop);        /* USEC_INFINITY without one */

/* signal.c */
void loop_close_signals(Loop *loop);

/* Handlers that run outside h2o's turn may have written to sockets: lets h2o call what became due by that. */
void loop_settle(Loop *loop);
