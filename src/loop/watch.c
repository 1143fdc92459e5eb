/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors of others (libpq, signalfd, eventfd …) on the loop. h2o closes what it watches, so it
 * gets a duplicate, and DONT_READ, so that it only tells.
 */

#include <errno.h>
#include <fcntl.h>

#include "loop/loop-private.h"

struct Watch {
        h2o_socket_t *socket;           /* on the duplicate; its data points back */
        unsigned events;                /* as wanted */
        WatchHandler handler;
        void *userdata;
};

static void on_readable(h2o_socket_t *socket, const char *error) {
        Watch *watch = socket->data;

        watch->handler(watch, WATCH_READ, watch->userdata);
}

static void on_writable(h2o_socket_t *socket, const char *error) {
        Watch *watch = socket->data;

        /* h2o has no way to take a write notification back: it may come once after it was unwanted. */
        if (!(watch->events & WATCH_WRITE))
                return;

        /* One-shot: armed again first, as the handler may free the watch. */
        h2o_socket_notify_write(socket, on_writable);
        watch->handler(watch, WATCH_WRITE, watch->userdata);
}

int watch_new(Loop *loop, int fd, unsigned events, WatchHandler handler, void *userdata, Watch **ret_watch) {
        Watch *watch;
        int duplicate;

        duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (duplicate < 0)
                return -errno;

        watch = xnew(Watch, 1);
        watch->handler = handler;
        watch->userdata = userdata;
        watch->socket = h2o_evloop_socket_create(loop->native, duplicate, H2O_SOCKET_FLAG_DONT_READ);
        watch->socket->data = watch;
        watch_set(watch, events);

        *ret_watch = watch;
        return 0;
}

void watch_set(Watch *watch, unsigned events) {
        h2o_socket_t *socket = watch->socket;

        watch->events = events;

        if (events & WATCH_READ)
                h2o_socket_read_start(socket, on_readable);
        else if (h2o_socket_is_reading(socket))
                h2o_socket_read_stop(socket);

        if ((events & WATCH_WRITE) && !h2o_socket_is_writing(socket))
                h2o_socket_notify_write(socket, on_writable);
}

Watch *watch_free(Watch *watch) {
        if (!watch)
                return NULL;

        h2o_socket_close(watch->socket);
        free(watch);
        return NULL;
}
