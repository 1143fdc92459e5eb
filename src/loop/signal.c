/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signals: blocked for the process and read from one signalfd, so that their handlers are ordinary code.
 */

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop/loop-private.h"

static void on_signals(Watch *watch, unsigned events, void *userdata) {
        Loop *loop = userdata;
        struct signalfd_siginfo info;

        while (read(loop->signal_fd, &info, sizeof info) == (ssize_t) sizeof info) {
                const SignalEntry *entry = &loop->signal_entries[info.ssi_signo];

                entry->handler((int) info.ssi_signo, entry->userdata);
        }
}

int loop_add_signal(Loop *loop, int signal_number, SignalHandler handler, void *userdata) {
        sigset_t signals = loop->signals;
        int fd, r;

        if (signal_number <= 0 || signal_number >= NSIG)
                return -EINVAL;

        sigaddset(&signals, signal_number);
        r = pthread_sigmask(SIG_BLOCK, &signals, NULL);
        if (r != 0)
                return -r;

        fd = signalfd(loop->signal_fd, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;

        loop->signal_fd = fd;
        loop->signals = signals;
        loop->signal_entries[signal_number] = (SignalEntry) { handler, userdata };

        return loop->signal_watch ? 0
                                  : watch_new(loop, fd, WATCH_READ, on_signals, loop, &loop->signal_watch);
}

/* The signals stay blocked: one that comes during the end must not kill us half way. */
void loop_close_signals(Loop *loop) {
        loop->signal_watch = watch_free(loop->signal_watch);
        if (loop->signal_fd >= 0)
                close(loop->signal_fd);
        loop->signal_fd = -1;
}
