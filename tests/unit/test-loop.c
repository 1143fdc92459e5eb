/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop: who is called, in which order, and who may be freed meanwhile. No clock is read here; what is
 * late is late.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/clock.h"
#include "check.h"
#include "loop/loop.h"
#include "loop/offload.h"

/* -- timers ------------------------------------------------------------------------------------ */

#define N_TIMERS 200

typedef struct Tick {
        Timer timer;
        unsigned number;
} Tick;

static bool came[N_TIMERS];
static unsigned n_ticks, n_expected;
static uint64_t last_due_usec;

static void on_tick(Timer *timer) {
        came[container_of(timer, Tick, timer)->number] = true;
        n_ticks++;

        CHECK(!timer_is_running(timer));
        CHECK(timer->due_usec >= last_due_usec);
        CHECK(timer->due_usec <= loop_now_usec(timer->loop));
        last_due_usec = timer->due_usec;
        if (n_ticks == n_expected)
                loop_exit(timer->loop, 7);
}

/* Started in a shuffled order, some stopped and some moved: they come by their due time. */
static void test_timers(Loop *loop) {
        static Tick ticks[N_TIMERS];

        for (unsigned i = 0; i < N_TIMERS; i++) {
                unsigned number = i * 73 % N_TIMERS;

                ticks[number].number = number;
                timer_init(&ticks[number].timer, loop, on_tick);
                timer_start(&ticks[number].timer, number * 100);
        }
        for (unsigned i = 0; i < N_TIMERS; i += 5)
                timer_stop(&ticks[i].timer);
        for (unsigned i = 1; i < N_TIMERS; i += 5)
                timer_start(&ticks[i].timer, 50 * USEC_PER_MSEC + i * 100);
        timer_stop(&ticks[0].timer);

        n_ticks = 0;
        n_expected = N_TIMERS - N_TIMERS / 5;
        CHECK_INT(loop_run(loop), 7);
        CHECK_INT(n_ticks, n_expected);

        for (unsigned i = 0; i < N_TIMERS; i++)
                CHECK(came[i] == (i % 5 != 0));
}

static unsigned n_again;

static void on_again(Timer *timer) {
        if (++n_again < 50)
                timer_start(timer, 0);
        else
                loop_exit(timer->loop, 0);
}

static void test_timer_restarts_itself(Loop *loop) {
        Timer timer, never;

        timer_init(&never, loop, on_again);
        timer_start(&never, USEC_INFINITY);
        timer_init(&timer, loop, on_again);
        timer_start(&timer, 0);
        loop_run(loop);
        CHECK_INT(n_again, 50);
        CHECK(timer_is_running(&never));
        timer_stop(&never);
        timer_stop(&never);
}

/* -- soon -------------------------------------------------------------------------------------- */

static Soon first, second, third;
static char calls[64];

static void on_soon(Soon *soon) {
        size_t n = strlen(calls);

        calls[n] = soon == &first ? '1' : soon == &second ? '2' : '3';
        if (soon == &first && n < 10) {
                soon_call(&first);      /* the next turn, without a wait */
                soon_call(&third);
                soon_cancel(&second);   /* though it is in this turn's batch */
        }
        if (n == 10)
                loop_exit(soon->loop, 0);
}

static void test_soon(Loop *loop) {
        soon_init(&first, loop, on_soon);
        soon_init(&second, loop, on_soon);
        soon_init(&third, loop, on_soon);
        soon_call(&first);
        soon_call(&second);
        soon_call(&second);
        soon_call(&first);
        CHECK_STRING(calls, "");
        loop_run(loop);
        /* Asked twice is called once; 2 was cancelled before its turn came; 3 is asked for in vain while it
         * still waits in the batch at hand, so it comes every other turn. */
        CHECK_STRING(calls, "113113113113");
        soon_cancel(&first);
        soon_cancel(&third);
        soon_cancel(&third);
}

/* -- descriptors ------------------------------------------------------------------------------- */

typedef struct Side {
        Loop *loop;
        int fd;
        Watch *watch;
        unsigned n_readable, n_writable;
} Side;

static void on_side(Watch *watch, unsigned events, void *userdata) {
        Side *side = userdata;

        CHECK(watch == side->watch);
        if (events & WATCH_READ)
                side->n_readable++;
        if (events & WATCH_WRITE)
                side->n_writable++;

        if (side->n_readable == 3 || side->n_writable == 3) {
                side->watch = watch_free(watch);
                loop_exit(side->loop, 0);
        }
}

static void test_watch(Loop *loop) {
        int fds[2];
        Side side;
        char c;

        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        side = (Side) { .loop = loop, .fd = fds[0] };

        /* Level-triggered: what is not read is told again; freed by its handler; our descriptor stays. */
        CHECK_INT(write(fds[1], "x", 1), 1);
        CHECK(watch_new(loop, fds[0], WATCH_READ, on_side, &side, &side.watch) == 0);
        loop_run(loop);
        CHECK_INT(side.n_readable, 3);
        CHECK_INT(side.n_writable, 0);
        CHECK(!side.watch);
        CHECK_INT(read(fds[0], &c, 1), 1);

        /* Writable until it is taken away. */
        CHECK(watch_new(loop, fds[0], WATCH_WRITE, on_side, &side, &side.watch) == 0);
        side.n_readable = 0;
        loop_run(loop);
        CHECK_INT(side.n_writable, 3);

        /* Taken away before it was told, together with a wish to read: nothing but reading is told. */
        side.n_writable = 0;
        CHECK(watch_new(loop, fds[0], WATCH_WRITE, on_side, &side, &side.watch) == 0);
        watch_set(side.watch, WATCH_READ | WATCH_WRITE);
        watch_set(side.watch, WATCH_NONE);
        watch_set(side.watch, WATCH_READ);
        CHECK_INT(write(fds[1], "x", 1), 1);
        loop_run(loop);
        CHECK_INT(side.n_readable, 3);
        CHECK_INT(side.n_writable, 0);

        close(fds[0]);
        CHECK_INT(watch_new(loop, fds[0], WATCH_READ, on_side, &side, &side.watch), -EBADF);
        close(fds[1]);
}

/* -- signals ----------------------------------------------------------------------------------- */

static int got_signals[4];
static unsigned n_signals;

static void on_signal(int signal_number, void *userdata) {
        got_signals[n_signals++] = signal_number;
        if (n_signals == 2)
                loop_exit(userdata, 0);
}

static void on_interrupt(int signal_number) {
}

static void *interrupt_main(void *userdata) {
        for (unsigned i = 0; i < 20; i++) {
                usleep(500);
                pthread_kill(*(pthread_t *) userdata, SIGURG);
        }
        pthread_kill(*(pthread_t *) userdata, SIGUSR1);
        return NULL;
}

static void test_signals(Loop *loop) {
        struct sigaction action = { .sa_handler = on_interrupt };
        pthread_t self = pthread_self(), thread;

        CHECK(loop_add_signal(loop, SIGUSR1, on_signal, loop) == 0);
        CHECK(loop_add_signal(loop, SIGUSR2, on_signal, loop) == 0);
        CHECK_INT(loop_add_signal(loop, 0, on_signal, loop), -EINVAL);

        raise(SIGUSR2);
        raise(SIGUSR1);
        CHECK_INT(n_signals, 0);
        loop_run(loop);
        CHECK_INT(got_signals[0] + got_signals[1], SIGUSR1 + SIGUSR2);

        /* A signal that somebody else handles interrupts the wait and nothing more. */
        sigaction(SIGURG, &action, NULL);
        n_signals = 1;
        CHECK(pthread_create(&thread, NULL, interrupt_main, &self) == 0);
        loop_run(loop);
        CHECK_INT(got_signals[1], SIGUSR1);
        pthread_join(thread, NULL);
}

/* -- offload ----------------------------------------------------------------------------------- */

typedef struct Sum {
        Job job;
        Loop *loop;
        Offload *offload;
        pthread_t loop_thread;
        unsigned input, output;
        bool done;
} Sum;

static unsigned n_done;

static void work(Job *job) {
        Sum *sum = container_of(job, Sum, job);

        CHECK(!pthread_equal(pthread_self(), sum->loop_thread));
        for (unsigned i = 0; i <= sum->input; i++)
                sum->output += i;
}

static void done(Job *job) {
        Sum *sum = container_of(job, Sum, job);

        CHECK(pthread_equal(pthread_self(), sum->loop_thread));
        CHECK(!sum->done);
        sum->done = true;
        if (++n_done == 100)
                loop_exit(sum->loop, 0);
}

static void test_offload(Loop *loop) {
        static Sum sums[200];
        Offload *offload;

        CHECK(offload_new(loop, &offload) == 0);
        for (unsigned i = 0; i < 200; i++) {
                sums[i] = (Sum){ .job = { work, done },
                                 .loop = loop,
                                 .offload = offload,
                                 .loop_thread = pthread_self(),
                                 .input = i };
                if (i < 100)
                        offload_submit(offload, &sums[i].job);
        }
        CHECK_INT(offload_n_jobs(offload), 100);
        loop_run(loop);
        CHECK_INT(offload_n_jobs(offload), 0);

        /* The end waits for what was asked. */
        for (unsigned i = 100; i < 200; i++)
                offload_submit(offload, &sums[i].job);
        offload = offload_free(offload);
        for (unsigned i = 0; i < 200; i++) {
                CHECK(sums[i].done);
                CHECK_INT(sums[i].output, i * (i + 1) / 2);
        }
}

int main(void) {
        Loop *loop;

        alarm(60);
        CHECK(loop_new(&loop) == 0);

        loop_exit(loop, 3);
        CHECK_INT(loop_run(loop), 3);

        test_timers(loop);
        test_timer_restarts_itself(loop);
        test_soon(loop);
        test_watch(loop);
        test_signals(loop);
        test_offload(loop);

        loop_free(loop);
        return 0;
}
