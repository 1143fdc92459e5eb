/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two connections, joined: what one says the other gets. A side is not read while the other has not taken
 * what it said before, so nothing is stored here beyond one read.
 */

#include <sys/socket.h>

#include "basic/clock.h"
#include "net/forward-private.h"

/* A peer that is there says something now and then (Phoenix: every 30 s). */
#define IDLE_USEC (300 * USEC_PER_SEC)
#define END_USEC (5 * USEC_PER_SEC)

typedef struct Tunnel {
        Upgraded upgraded;
        HttpServer *server;
        h2o_socket_t *client;           /* NULL until the 101 is written */
        h2o_socket_t *sibling;
        Timer timer;
        uint64_t heard_usec;
        bool ending;                    /* one side has left; the rest of the other is thrown away */
} Tunnel;

static void tunnel_close(Tunnel *tunnel) {
        list_unlink(&tunnel->upgraded.link);
        timer_stop(&tunnel->timer);
        if (tunnel->client)
                h2o_socket_close(tunnel->client);
        h2o_socket_close(tunnel->sibling);
        free(tunnel);
}

static void on_abort(Upgraded *upgraded) {
        tunnel_close(container_of(upgraded, Tunnel, upgraded));
}

static void on_timer(Timer *timer) {
        Tunnel *tunnel = container_of(timer, Tunnel, timer);
        uint64_t now = loop_now_usec(timer->loop), due = tunnel->heard_usec + IDLE_USEC;

        if (tunnel->ending || due <= now)
                tunnel_close(tunnel);
        else
                timer_start(timer, due - now);
}

static h2o_socket_t *other_side(Tunnel *tunnel, h2o_socket_t *socket) {
        return socket == tunnel->client ? tunnel->sibling : tunnel->client;
}

/*
 * Closing at once would reset the other side's connection if it has just said something, and the last words
 * (a close frame) would be lost to it. It is given the end to read and a while to leave.
 */
static void end(Tunnel *tunnel, h2o_socket_t *left) {
        if (tunnel->ending) {
                tunnel_close(tunnel);
                return;
        }

        tunnel->ending = true;
        h2o_socket_read_stop(left);
        shutdown(h2o_socket_get_fd(other_side(tunnel, left)), SHUT_WR);
        timer_start(&tunnel->timer, END_USEC);
}

static void on_read(h2o_socket_t *socket, const char *error);

static void on_written(h2o_socket_t *socket, const char *error) {
        Tunnel *tunnel = socket->data;
        h2o_socket_t *from = other_side(tunnel, socket);

        if (error) {
                tunnel_close(tunnel);
                return;
        }
        h2o_buffer_consume(&from->input, from->input->size);
        h2o_socket_read_start(from, on_read);
}

static void pass_on(Tunnel *tunnel, h2o_socket_t *from) {
        h2o_iovec_t data = { from->input->bytes, from->input->size };

        tunnel->heard_usec = loop_now_usec(tunnel->server->loop);
        if (tunnel->ending) {
                h2o_buffer_consume(&from->input, from->input->size);
                return;
        }
        h2o_socket_read_stop(from);
        h2o_socket_write(other_side(tunnel, from), &data, 1, on_written);
}

static void on_read(h2o_socket_t *socket, const char *error) {
        Tunnel *tunnel = socket->data;

        if (error)
                end(tunnel, socket);
        else if (socket->input->size > 0)
                pass_on(tunnel, socket);
}

static void start_reading(Tunnel *tunnel, h2o_socket_t *socket) {
        socket->data = tunnel;
        if (socket->input->size > 0)
                pass_on(tunnel, socket);
        else
                h2o_socket_read_start(socket, on_read);
}

static void on_upgraded(void *userdata, h2o_socket_t *client, size_t request_size) {
        Tunnel *tunnel = userdata;

        if (!client) {
                tunnel_close(tunnel);
                return;
        }

        h2o_buffer_consume(&client->input, request_size);
        client->data = tunnel;
        tunnel->client = client;
        tunnel->heard_usec = loop_now_usec(tunnel->server->loop);
        list_append(&tunnel->server->upgraded, &tunnel->upgraded.link);
        timer_start(&tunnel->timer, IDLE_USEC);
        start_reading(tunnel, tunnel->sibling);
        start_reading(tunnel, client);
}

void tunnel_open(HttpServer *server, h2o_req_t *req, h2o_socket_t *socket) {
        Tunnel *tunnel = xnew(Tunnel, 1);

        tunnel->server = server;
        tunnel->sibling = socket;
        tunnel->upgraded.abort = on_abort;
        tunnel->upgraded.ends_at_stop = true;
        list_init(&tunnel->upgraded.link);
        timer_init(&tunnel->timer, server->loop, on_timer);

        h2o_http1_upgrade(req, NULL, 0, on_upgraded, tunnel);
}
