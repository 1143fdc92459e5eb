/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a stranger sends over a WebSocket: the bytes follow a good handshake, in one piece or in pieces of
 * the first byte's size, and then the stranger is gone. Every socket gets its on_close once, and the
 * connection ends.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/clock.h"
#include "fuzz.h"
#include "net/http.h"
#include "net/websocket.h"

#define MAX_MESSAGE 4096

static const char handshake[] =
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static Loop *loop;
static HttpServer *server;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_length = sizeof(sa_family_t);
static unsigned n_open;

static void on_message(WebSocket *socket, WebSocketKind kind, Text data, void *userdata) {
        FUZZ_CHECK(data.length <= MAX_MESSAGE);
        FUZZ_CHECK(kind == WEBSOCKET_BINARY || text_is_utf8(data));
        websocket_send(socket, kind, data);
        if (text_is(data, "bye"))
                websocket_close(socket, 4000, "bye");
}

static void on_close(WebSocket *socket, unsigned code, void *userdata) {
        FUZZ_CHECK(n_open == 1);
        FUZZ_CHECK(code >= 1000 && code < 5000);
        n_open--;
}

static void on_request(HttpRequest *request, void *userdata) {
        static const WebSocketHandlers handlers = { on_message, on_close };
        static const WebSocketConfig config = {
                .max_message = MAX_MESSAGE,
                .max_queue = 16 * MAX_MESSAGE,
                .idle_timeout_usec = USEC_PER_MINUTE,
        };
        WebSocket *socket;

        if (websocket_accept(request, &config, &handlers, NULL, &socket) == 0)
                n_open++;
}

/* On an address that the kernel chooses, without a name in the file system. */
static void start(void) {
        static const HttpServerConfig config = { .max_body = 4096, .handler = on_request };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        FUZZ_CHECK(bind(fd, (struct sockaddr *) &address, sizeof(sa_family_t)) == 0 && listen(fd, 8) == 0);
        address_length = sizeof address;
        FUZZ_CHECK(getsockname(fd, (struct sockaddr *) &address, &address_length) == 0);
        FUZZ_CHECK(loop_new(&loop) == 0);
        FUZZ_CHECK(http_server_new(loop, &config, &server) == 0);
        FUZZ_CHECK(http_server_listen(server, fd) == 0);
}

static void on_soon(Soon *soon) {
        loop_exit(soon->loop, 0);
}

static void turn(void) {
        Soon soon;

        soon_init(&soon, loop, on_soon);
        soon_call(&soon);
        loop_run(loop);
}

static void say(int fd, const void *data, size_t length) {
        (void) send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t piece = size > 0 && data[0] > 0 ? data[0] : SIZE_MAX;
        int fd;

        if (!loop)
                start();

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        FUZZ_CHECK(connect(fd, (struct sockaddr *) &address, address_length) == 0);
        say(fd, handshake, sizeof handshake - 1);
        for (size_t at = 1; at < size; at += MIN(piece, size - at))
                say(fd, data + at, MIN(piece, size - at));

        close(fd);
        for (unsigned i = 0; i < 20 && http_server_n_connections(server) > 0; i++)
                turn();
        FUZZ_CHECK(http_server_n_connections(server) == 0);
        FUZZ_CHECK(n_open == 0);
        return 0;
}
