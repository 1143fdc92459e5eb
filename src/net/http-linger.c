/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A sender that is refused in the middle of its body usually goes on sending. Closing then makes the
 * kernel reset the connection, and the refusal is lost on the way. So the rest is read and thrown away
 * for a short while, on a duplicate that outlives h2o's end of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/clock.h"
#include "net/http-private.h"

#define LINGER_USEC (2 * USEC_PER_SEC)
#define MAX_LINGERING 64

typedef struct Linger {
        List link;
        int fd;
        Watch *watch;
        Timer timer;
        h2o_socket_t *socket;           /* h2o's; NULL once closed */
        void (*on_close)(void *data);   /* what was hooked to it before */
        void *on_close_data;
} Linger;

static void linger_free(Linger *linger) {
        if (linger->socket) {
                linger->socket->on_close.cb = linger->on_close;
                linger->socket->on_close.data = linger->on_close_data;
        }
        list_unlink(&linger->link);
        timer_stop(&linger->timer);
        watch_free(linger->watch);
        close(linger->fd);
        free(linger);
}

static void on_timer(Timer *timer) {
        linger_free(container_of(timer, Linger, timer));
}

static void on_readable(Watch *watch, unsigned events, void *userdata) {
        Linger *linger = userdata;
        char waste[16 * 1024];
        ssize_t n = recv(linger->fd, waste, sizeof waste, MSG_DONTWAIT);

        if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
                return;
        linger_free(linger);
}

/* The reply is out: the peer may see the end of it, though we go on reading. */
static void on_socket_closed(void *userdata) {
        Linger *linger = userdata;

        linger->socket = NULL;
        shutdown(linger->fd, SHUT_WR);
        linger->on_close(linger->on_close_data);
}

static void hook_close(Linger *linger, h2o_socket_t *socket) {
        linger->socket = socket;
        linger->on_close = socket->on_close.cb;
        linger->on_close_data = socket->on_close.data;
        socket->on_close.cb = on_socket_closed;
        socket->on_close.data = linger;
}

static bool is_full(const HttpServer *server) {
        size_t n = 0;

        list_for_each(link, &server->lingering)
                n++;
        return n >= MAX_LINGERING;
}

void http_linger(HttpServer *server, h2o_socket_t *socket) {
        Linger *linger;
        int fd;

        /* A courtesy: nobody may hold many descriptors by it. */
        if (is_full(server))
                return;
        fd = fcntl(h2o_socket_get_fd(socket), F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return;

        linger = xnew(Linger, 1);
        linger->fd = fd;
        timer_init(&linger->timer, server->loop, on_timer);
        list_append(&server->lingering, &linger->link);

        if (watch_new(server->loop, fd, WATCH_READ, on_readable, linger, &linger->watch) < 0) {
                linger_free(linger);
                return;
        }
        hook_close(linger, socket);
        timer_start(&linger->timer, LINGER_USEC);
}

void http_linger_free_all(HttpServer *server) {
        while (!list_is_empty(&server->lingering))
                linger_free(list_entry(server->lingering.next, Linger, link));
}
