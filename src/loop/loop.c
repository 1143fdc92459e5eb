/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The turn: wait for descriptors, run their handlers, then the timers that are due, then what was
 * asked for "soon". Nothing here is called from inside anything else, so no handler is re-entered.
 */

#include "loop/loop.h"

#include <errno.h>
#include <signal.h>

#include "basic/clock.h"
#include "loop/loop-private.h"

/* One wait is cut here: h2o counts it in 32 bits of milliseconds, and nothing is lost by looking again. */
#define LONGEST_WAIT_MSEC (60 * 1000)

int loop_new(Loop **ret_loop) {
        Loop *loop = xnew(Loop, 1);

        /* h2o writes with writev(), which has no MSG_NOSIGNAL. */
        signal(SIGPIPE, SIG_IGN);

        loop->native = h2o_evloop_create();
        loop->now_usec = clock_monotonic_usec();
        loop->signal_fd = -1;
        sigemptyset(&loop->signals);
        list_init(&loop->soon);

        *ret_loop = loop;
        return 0;
}

Loop *loop_free(Loop *loop) {
        if (!loop)
                return NULL;

        loop_close_signals(loop);
        /* h2o would close a second time what was closed while it had an event pending. */
        loop_settle(loop);
        h2o_evloop_destroy(loop->native);
        free(loop->timers);
        free(loop);
        return NULL;
}

uint64_t loop_now_usec(const Loop *loop) {
        return loop->now_usec;
}

void *loop_native(Loop *loop) {
        return loop->native;
}

/* -- the turn ---------------------------------------------------------------------------------- */

static int32_t wait_msec(const Loop *loop) {
        uint64_t due = loop_next_timer_usec(loop), now;

        if (!list_is_empty(&loop->soon))
                return 0;
        if (due == USEC_INFINITY)
                return LONGEST_WAIT_MSEC;

        now = clock_monotonic_usec();
        if (due <= now)
                return 0;
        /* Rounded up: woken a little early we would turn without work until the timer is due. */
        return (int32_t) MIN((due - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t) LONGEST_WAIT_MSEC);
}

void loop_settle(Loop *loop) {
        h2o_timeout__do_post_callback(loop->native);
}

/* What is queued meanwhile is left for the next turn, so that a Soon which asks for itself again starves
 * nobody. */
static void run_soon(Loop *loop) {
        List batch, *link;

        if (list_is_empty(&loop->soon))
                return;

        list_init(&batch);
        list_append(&loop->soon, &batch);       /* takes the ring over … */
        list_unlink(&loop->soon);               /* … and leaves its old head out of it */

        while ((link = list_pop(&batch))) {
                Soon *soon = list_entry(link, Soon, link);

                soon->handler(soon);
                loop_settle(loop);
        }
}

static int turn(Loop *loop) {
        if (h2o_evloop_run(loop->native, wait_msec(loop)) < 0 && errno != EINTR)
                return -errno;

        loop->now_usec = clock_monotonic_usec();
        loop_run_timers(loop);
        run_soon(loop);
        return 0;
}

int loop_run(Loop *loop) {
        int r;

        loop_settle(loop);
        while (!loop->exiting) {
                r = turn(loop);
                if (r < 0)
                        return r;
        }

        loop->exiting = false;
        return loop->exit_code;
}

void loop_exit(Loop *loop, int code) {
        loop->exiting = true;
        loop->exit_code = code;
}

/* -- soon -------------------------------------------------------------------------------------- */

void soon_init(Soon *soon, Loop *loop, SoonHandler handler) {
        *soon = (Soon) { .loop = loop, .handler = handler };
        list_init(&soon->link);
}

void soon_call(Soon *soon) {
        if (list_is_empty(&soon->link))
                list_append(&soon->loop->soon, &soon->link);
}

void soon_cancel(Soon *soon) {
        list_unlink(&soon->link);
}
