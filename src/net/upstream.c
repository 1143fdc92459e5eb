/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections to siblings, each given to one exchange at a time. An idle one is watched: a sibling that
 * ends (it may, when it has nothing to do) takes it out of the pool at once. Connecting to a unix socket
 * does not wait: the kernel queues us behind the listening socket, whether or not its service runs yet.
 */

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/clock.h"
#include "net/forward-private.h"

#define MAX_IDLE 64
/* Well below the time after which the sibling ends an idle connection (75 s): it should not have to. */
#define IDLE_USEC (20 * USEC_PER_SEC)

struct Upstream {
        List link;
        HttpServer *server;
        struct sockaddr_un address;
        List idle;                      /* the last used first */
        size_t n_idle;
        Timer expire;
};

typedef struct Idle {
        List link;
        Upstream *upstream;
        h2o_socket_t *socket;
        uint64_t due_usec;
} Idle;

static h2o_socket_t *unlink_idle(Idle *idle) {
        h2o_socket_t *socket = idle->socket;

        list_unlink(&idle->link);
        idle->upstream->n_idle--;
        free(idle);
        return socket;
}

/* The end of it, or something nobody asked for. */
static void on_idle_readable(h2o_socket_t *socket, const char *error) {
        h2o_socket_close(unlink_idle(socket->data));
}

static void on_expire(Timer *timer) {
        Upstream *upstream = container_of(timer, Upstream, expire);
        uint64_t now = clock_monotonic_usec();

        while (!list_is_empty(&upstream->idle)) {
                Idle *oldest = list_entry(upstream->idle.previous, Idle, link);

                if (oldest->due_usec > now) {
                        timer_start(timer, oldest->due_usec - now);
                        return;
                }
                h2o_socket_close(unlink_idle(oldest));
        }
}

int upstream_get(HttpServer *server, const char *path, Upstream **ret_upstream) {
        Upstream *upstream;

        list_for_each(link, &server->upstreams) {
                upstream = list_entry(link, Upstream, link);
                if (strcmp(upstream->address.sun_path, path) == 0) {
                        *ret_upstream = upstream;
                        return 0;
                }
        }

        if (strlen(path) >= sizeof upstream->address.sun_path)
                return -ENAMETOOLONG;

        upstream = xnew(Upstream, 1);
        upstream->server = server;
        upstream->address.sun_family = AF_UNIX;
        strcpy(upstream->address.sun_path, path);
        list_init(&upstream->idle);
        timer_init(&upstream->expire, server->loop, on_expire);
        list_append(&server->upstreams, &upstream->link);

        *ret_upstream = upstream;
        return 0;
}

h2o_socket_t *upstream_take_idle(Upstream *upstream) {
        if (list_is_empty(&upstream->idle))
                return NULL;
        return unlink_idle(list_entry(upstream->idle.next, Idle, link));
}

int upstream_connect(Upstream *upstream, h2o_socket_t **ret_socket) {
        int fd, r;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        if (connect(fd, (struct sockaddr *) &upstream->address, sizeof upstream->address) < 0) {
                r = -errno;
                close(fd);
                return r;
        }

        *ret_socket = h2o_evloop_socket_create(upstream->server->context.loop, fd, 0);
        return 0;
}

void upstream_give_back(Upstream *upstream, h2o_socket_t *socket) {
        Idle *idle;

        if (upstream->n_idle >= MAX_IDLE || upstream->server->stopping) {
                h2o_socket_close(socket);
                return;
        }

        idle = xnew(Idle, 1);
        idle->upstream = upstream;
        idle->socket = socket;
        idle->due_usec = clock_monotonic_usec() + IDLE_USEC;
        socket->data = idle;
        list_prepend(&upstream->idle, &idle->link);
        upstream->n_idle++;
        h2o_socket_read_start(socket, on_idle_readable);

        if (!timer_is_running(&upstream->expire))
                timer_start(&upstream->expire, IDLE_USEC);
}

void upstreams_free(HttpServer *server) {
        h2o_socket_t *socket;
        List *link;

        while ((link = list_pop(&server->upstreams))) {
                Upstream *upstream = list_entry(link, Upstream, link);

                while ((socket = upstream_take_idle(upstream)))
                        h2o_socket_close(socket);
                timer_stop(&upstream->expire);
                free(upstream);
        }
}
