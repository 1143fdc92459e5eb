/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What requests hold in memory before they are complete. h2o gathers each body whole, and one limit per body says
 * nothing about thousands of them: whoever sends many large ones and never finishes would have all memory. So a
 * look is taken now and then at what has arrived, as long as there are connections enough to exceed the limit, and
 * those that hold most are told to come again.
 */

#include <stdlib.h>
#include <sys/socket.h>

#include "basic/clock.h"
#include "log/log.h"
#include "net/http-private.h"

/* What a fast sender adds meanwhile is not counted. */
#define LOOK_USEC (100 * USEC_PER_MSEC)
#define TELL_USEC (10 * USEC_PER_SEC)
/* Nobody is refused for less: a head and a small body. */
#define SMALL_INPUT (64u * 1024)

typedef struct Unfinished {
        h2o_req_t *req;
        size_t n_bytes;
} Unfinished;

typedef struct Census {
        size_t n_bytes; /* of all requests */
        Unfinished *largest;
        size_t n, n_allocated;
} Census;

static int count(h2o_req_t *req, void *userdata) {
        Census *census = userdata;
        size_t n_bytes = http_socket_of(req)->input->size;

        census->n_bytes += n_bytes;
        /* A body is told to its request once it is whole. */
        if (n_bytes < SMALL_INPUT || req->entity.base || !h2o_socket_is_reading(http_socket_of(req)))
                return 0;

        if (census->n == census->n_allocated) {
                census->n_allocated = MAX((size_t) 64, 2 * census->n_allocated);
                census->largest = xrealloc(census->largest, census->n_allocated * sizeof *census->largest);
        }
        census->largest[census->n++] = (Unfinished){ req, n_bytes };
        return 0;
}

static int by_size(const void *a, const void *b) {
        size_t x = ((const Unfinished *) a)->n_bytes, y = ((const Unfinished *) b)->n_bytes;

        return (x < y) - (x > y);
}

/* Not through h2o, which answers complete requests only; of this one nothing has been answered yet. */
static void refuse(HttpServer *server, h2o_req_t *req) {
        static const char reply[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                    "connection: close\r\n"
                                    "content-length: 31\r\n"
                                    "content-type: application/json; charset=utf-8\r\n"
                                    "retry-after: 2\r\n\r\n"
                                    "{\"error\":\"Service Unavailable\"}";
        h2o_socket_t *socket = http_socket_of(req);

        (void) !send(h2o_socket_get_fd(socket), reply, sizeof reply - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        http_linger(server, socket);
        http_server_trim_soon(server);
        socket->_cb.read(socket, h2o_socket_error_closed);
}

static void tell_journal(HttpServer *server, size_t n) {
        uint64_t now = clock_monotonic_usec();

        server->n_unfinished_refused += n;
        if (server->told_refused_usec > 0 && now - server->told_refused_usec < TELL_USEC)
                return;
        log_warning("Unfinished requests held too much memory: %zu refused", server->n_unfinished_refused);
        server->told_refused_usec = now;
        server->n_unfinished_refused = 0;
}

static void on_look(Timer *timer) {
        HttpServer *server = container_of(timer, HttpServer, look);
        Census census = {};
        size_t i;

        server->globalconf.http1.callbacks.foreach_request(&server->context, count, &census);
        if (census.n > 1)
                qsort(census.largest, census.n, sizeof *census.largest, by_size);
        for (i = 0; i < census.n && census.n_bytes > server->config.max_unfinished; i++) {
                census.n_bytes -= census.largest[i].n_bytes;
                refuse(server, census.largest[i].req);
        }
        if (i > 0)
                tell_journal(server, i);
        free(census.largest);
        http_memory_watch(server);
}

void http_memory_init(HttpServer *server) {
        timer_init(&server->look, server->loop, on_look);
}

void http_memory_watch(HttpServer *server) {
        size_t largest = server->config.max_body + SMALL_INPUT;

        if (server->n_connections > server->config.max_unfinished / largest &&
            !timer_is_running(&server->look))
                timer_start(&server->look, LOOK_USEC);
}
