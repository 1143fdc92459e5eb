/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Timers: a binary heap of pointers on the monotonic clock. Each timer knows its place, so stopping
 * one costs no search.
 */

#include "basic/clock.h"
#include "loop/loop-private.h"

static void put(Loop *loop, size_t place, Timer *timer) {
        loop->timers[place] = timer;
        timer->place = place;
}

static size_t move_up(Loop *loop, size_t place, const Timer *timer) {
        while (place > 1 && timer->due_usec < loop->timers[place / 2]->due_usec) {
                put(loop, place, loop->timers[place / 2]);
                place /= 2;
        }
        return place;
}

static size_t move_down(Loop *loop, size_t place, const Timer *timer) {
        for (size_t child; (child = 2 * place) <= loop->n_timers; place = child) {
                if (child < loop->n_timers &&
                    loop->timers[child + 1]->due_usec < loop->timers[child]->due_usec)
                        child++;
                if (timer->due_usec <= loop->timers[child]->due_usec)
                        break;
                put(loop, place, loop->timers[child]);
        }
        return place;
}

void timer_init(Timer *timer, Loop *loop, TimerHandler handler) {
        *timer = (Timer) { .loop = loop, .handler = handler };
}

void timer_start(Timer *timer, uint64_t after_usec) {
        Loop *loop = timer->loop;
        /* Not loop->now_usec: after a long handler, or before the first turn, that lies in the past. */
        uint64_t now = clock_monotonic_usec();

        timer_stop(timer);
        timer->due_usec = after_usec < USEC_INFINITY - now ? now + after_usec : USEC_INFINITY;

        if (loop->n_timers + 2 > loop->timers_room) {
                loop->timers_room = MAX(2 * loop->timers_room, (size_t) 64);
                loop->timers = xrealloc(loop->timers, loop->timers_room * sizeof loop->timers[0]);
        }

        loop->n_timers++;
        put(loop, move_up(loop, loop->n_timers, timer), timer);
}

void timer_stop(Timer *timer) {
        Loop *loop = timer->loop;
        size_t place = timer->place;
        Timer *last;

        if (place == 0)
                return;
        timer->place = 0;

        last = loop->timers[loop->n_timers--];
        if (last == timer)
                return;

        /* The last one takes the free place and may have to go either way from there. */
        place = move_up(loop, place, last);
        put(loop, move_down(loop, place, last), last);
}

uint64_t loop_next_timer_usec(const Loop *loop) {
        return loop->n_timers > 0 ? loop->timers[1]->due_usec : USEC_INFINITY;
}

void loop_run_timers(Loop *loop) {
        while (loop_next_timer_usec(loop) <= loop->now_usec) {
                Timer *timer = loop->timers[1];

                timer_stop(timer);
                timer->handler(timer);
                loop_settle(loop);
        }
}
