/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The other side of a connection, for tests of what serves: a plain socket in the same loop. Waiting turns
 * the loop until what is waited for is there; alarm(2) ends a test that waits for ever.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/buffer.h"
#include "check.h"
#include "loop/loop.h"

typedef struct Peer {
        Loop *loop;
        int fd;
        Watch *watch;
        Buffer in;
        size_t want;            /* ends the wait */
        bool closed;
} Peer;

static inline struct sockaddr_un peer_address(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        CHECK(strlen(path) < sizeof address.sun_path);
        strcpy(address.sun_path, path);
        return address;
}

static inline int peer_listen(const char *path) {
        struct sockaddr_un address = peer_address(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        unlink(path);
        CHECK(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
        CHECK(listen(fd, 64) == 0);
        return fd;
}

static inline void peer_on_readable(Watch *watch, unsigned events, void *userdata) {
        Peer *peer = userdata;
        char data[64 * 1024];
        ssize_t n = read(peer->fd, data, sizeof data);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0) {
                peer->closed = true;
                watch_set(watch, WATCH_NONE);
        } else
                buffer_append(&peer->in, data, (size_t) n);

        if (peer->closed || peer->in.length >= peer->want)
                loop_exit(peer->loop, 0);
}

static inline void peer_open(Peer *peer, Loop *loop, int fd) {
        CHECK(fd >= 0);
        *peer = (Peer) { .loop = loop, .fd = fd };
        CHECK(watch_new(loop, fd, WATCH_READ, peer_on_readable, peer, &peer->watch) == 0);
}

static inline void peer_connect(Peer *peer, Loop *loop, const char *path) {
        struct sockaddr_un address = peer_address(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        CHECK(connect(fd, (struct sockaddr *) &address, sizeof address) == 0);
        peer_open(peer, loop, fd);
}

static inline void peer_close(Peer *peer) {
        peer->watch = watch_free(peer->watch);
        close(peer->fd);
        buffer_deinit(&peer->in);
}

static inline void peer_timer(Timer *timer) {
        loop_exit(timer->loop, 0);
}

/* Some turns, for what must not happen. */
static inline void peer_pause(Loop *loop) {
        Timer timer;

        timer_init(&timer, loop, peer_timer);
        timer_start(&timer, 20000);
        loop_run(loop);
        timer_stop(&timer);
}

static inline void peer_wait(Peer *peer, size_t length) {
        peer->want = length;
        while (!peer->closed && peer->in.length < length)
                loop_run(peer->loop);
}

static inline void peer_wait_closed(Peer *peer) {
        peer_wait(peer, SIZE_MAX);
}

static inline void peer_wait_for(Peer *peer, const bool *condition) {
        while (!*condition)
                peer_pause(peer->loop);
}

/* False when the other side has closed. */
static inline bool peer_send(Peer *peer, Text data) {
        while (data.length > 0) {
                ssize_t n = send(peer->fd, data.data, data.length, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        peer_pause(peer->loop);
                else if (n < 0)
                        return false;
                else
                        data = text_make(data.data + n, data.length - (size_t) n);
        }
        return true;
}

static inline void peer_say(Peer *peer, const char *text) {
        CHECK(peer_send(peer, text_of(text)));
}

static inline void peer_consume(Peer *peer, size_t length) {
        CHECK(length <= peer->in.length);
        memmove(peer->in.data, peer->in.data + length, peer->in.length - length);
        peer->in.length -= length;
}

/* -- HTTP -------------------------------------------------------------------------------------- */

typedef struct Reply {
        unsigned status;
        char head[4096];
        Buffer body;
} Reply;

static inline const char *reply_header(const Reply *reply, const char *name, char value[static 256]) {
        const char *line = reply->head;

        while ((line = strstr(line, "\r\n"))) {
                line += 2;
                if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
                        const char *start = line + strlen(name) + 2, *end = strstr(start, "\r\n");
                        int length = end ? (int) (end - start) : (int) strlen(start);

                        snprintf(value, 256, "%.*s", length, start);
                        return value;
                }
        }
        return NULL;
}

static inline void peer_read_head(Peer *peer, Reply *reply) {
        const char *end;

        for (;;) {
                end = peer->in.length ? memmem(peer->in.data, peer->in.length, "\r\n\r\n", 4) : NULL;
                if (end)
                        break;
                CHECK(!peer->closed);
                peer_wait(peer, peer->in.length + 1);
        }

        CHECK((size_t) (end - peer->in.data) < sizeof reply->head);
        *reply = (Reply) {};
        memcpy(reply->head, peer->in.data, (size_t) (end - peer->in.data));
        CHECK(sscanf(reply->head, "HTTP/1.1 %u ", &reply->status) == 1);
        peer_consume(peer, (size_t) (end + 4 - peer->in.data));
}

/* A whole reply of known length; `has_body` false for HEAD. */
static inline void peer_read_reply(Peer *peer, bool has_body, Reply *reply) {
        char value[256];
        size_t length = 0;

        peer_read_head(peer, reply);
        if (has_body && reply_header(reply, "content-length", value))
                length = strtoul(value, NULL, 10);
        peer_wait(peer, length);
        CHECK(peer->in.length >= length);
        if (length > 0) {
                buffer_append(&reply->body, peer->in.data, length);
                peer_consume(peer, length);
        }
}

static inline void peer_expect(Peer *peer, unsigned status, const char *body) {
        Reply reply;

        peer_read_reply(peer, true, &reply);
        CHECK_INT(reply.status, status);
        if (body)
                CHECK_TEXT(buffer_text(&reply.body), body);
        buffer_deinit(&reply.body);
}
