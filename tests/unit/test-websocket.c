/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSockets against a client that is written here byte by byte, so that it can break every rule.
 */

#include "basic/clock.h"
#include "net/http.h"
#include "crypto/password.h"
#include "net/websocket.h"
#include "peer.h"

#define MAX_MESSAGE (128 * 1024)
#define MAX_QUEUE (64 * 1024)

#define HANDSHAKE                                                                                            \
        "GET /socket?a=b HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"   \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

enum { CONTINUATION, TEXT_FRAME, BINARY_FRAME, CLOSE = 8, PING, PONG, FIN = 0x80, RSV1 = 0x40 };

typedef struct Fixture {
        char directory[32];
        char path[64];
        Loop *loop;
        HttpServer *server;
        uint64_t idle_timeout_usec;
        WebSocket *socket;      /* the last one */
        unsigned n_messages;
        unsigned n_closed;
        unsigned code;
        bool in_call;           /* into the WebSocket, on_close must not come */
} Fixture;

/* -- the server's side ------------------------------------------------------------------------- */

static void send_many(Fixture *fixture, WebSocket *socket, unsigned n) {
        char text[16];

        for (unsigned i = 0; i < n; i++) {
                snprintf(text, sizeof text, "%u", i);
                websocket_send(socket, WEBSOCKET_TEXT, text_of(text));
        }
}

static void on_message(WebSocket *socket, WebSocketKind kind, Text data, void *userdata) {
        Fixture *fixture = userdata;

        fixture->n_messages++;
        fixture->in_call = true;
        if (text_is(data, "many, then close")) {
                send_many(fixture, socket, 5000);
                websocket_close(socket, 4001, "enough");
                websocket_send(socket, kind, TEXT("ignored"));
                websocket_close(socket, 4002, "ignored");
        } else
                websocket_send(socket, kind, data);
        fixture->in_call = false;
}

static void on_close(WebSocket *socket, unsigned code, void *userdata) {
        Fixture *fixture = userdata;

        CHECK(!fixture->in_call);
        CHECK(socket == fixture->socket);
        websocket_send(socket, WEBSOCKET_TEXT, TEXT("ignored"));
        websocket_close(socket, 1000, NULL);

        fixture->socket = NULL;
        fixture->code = code;
        fixture->n_closed++;
        loop_exit(fixture->loop, 0);
}

static void on_request(HttpRequest *request, void *userdata) {
        static const WebSocketHandlers handlers = { on_message, on_close };
        Fixture *fixture = userdata;
        WebSocketConfig config = {
                .max_message = MAX_MESSAGE,
                .max_queue = MAX_QUEUE,
                .idle_timeout_usec = fixture->idle_timeout_usec,
                .protocol = "phoenix",
        };
        bool greets = text_is(http_query(request), "greet"), leaves = text_is(http_query(request), "leave");

        if (websocket_accept(request, &config, &handlers, fixture, &fixture->socket) < 0)
                return;

        /* Before the 101 is out. */
        if (greets)
                websocket_send(fixture->socket, WEBSOCKET_TEXT, TEXT("hello"));
        if (leaves)
                websocket_close(fixture->socket, 4003, NULL);
}

static void fixture_open(Fixture *fixture) {
        HttpServerConfig config = { .max_body = 1024, .handler = on_request, .userdata = fixture };

        *fixture = (Fixture){ .directory = "/tmp/test-websocket-XXXXXX",
                              .idle_timeout_usec = 60 * USEC_PER_SEC };
        CHECK(mkdtemp(fixture->directory));
        snprintf(fixture->path, sizeof fixture->path, "%s/socket", fixture->directory);
        CHECK(loop_new(&fixture->loop) == 0);
        CHECK(http_server_new(fixture->loop, &config, &fixture->server) == 0);
        CHECK(http_server_listen(fixture->server, peer_listen(fixture->path)) == 0);
}

static void fixture_close(Fixture *fixture) {
        fixture->server = http_server_free(fixture->server);
        fixture->loop = loop_free(fixture->loop);
        unlink(fixture->path);
        rmdir(fixture->directory);
}

static void wait_on_close(Fixture *fixture, unsigned n_closed, unsigned code) {
        while (fixture->n_closed < n_closed)
                loop_run(fixture->loop);
        CHECK_INT(fixture->n_closed, n_closed);
        CHECK_INT(fixture->code, code);
}

/* -- the client's side ------------------------------------------------------------------------- */

static void join(Peer *peer, Fixture *fixture, const char *handshake) {
        char value[256];
        Reply reply;

        peer_connect(peer, fixture->loop, fixture->path);
        peer_say(peer, handshake);
        peer_say(peer, "\r\n");
        peer_read_head(peer, &reply);
        CHECK_INT(reply.status, 101);
        CHECK_STRING(reply_header(&reply, "sec-websocket-accept", value), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        CHECK_STRING(reply_header(&reply, "upgrade", value), "websocket");
        CHECK_STRING(reply_header(&reply, "connection", value), "upgrade");
}

static void append_masked(Buffer *out, unsigned first, Text data) {
        static const char mask[4] = { 1, 2, 3, 4 };

        buffer_append_byte(out, (char) first);
        if (data.length < 126)
                buffer_append_byte(out, (char) (0x80 | data.length));
        else {
                unsigned n = data.length < 65536 ? 2 : 8;

                buffer_append_byte(out, (char) (0x80 | (n == 2 ? 126 : 127)));
                for (unsigned i = n; i-- > 0;)
                        buffer_append_byte(out, (char) ((uint64_t) data.length >> 8 * i));
        }
        buffer_append(out, mask, 4);
        for (size_t i = 0; i < data.length; i++)
                buffer_append_byte(out, (char) (data.data[i] ^ mask[i % 4]));
}

static void say_frame(Peer *peer, unsigned first, Text data) {
        Buffer out = BUFFER_NULL;

        append_masked(&out, first, data);
        CHECK(peer_send(peer, buffer_text(&out)));
        buffer_deinit(&out);
}

/* Points into the peer's buffer. */
static Text read_frame(Peer *peer, unsigned *ret_first, size_t *ret_frame_length) {
        size_t head = 2, length;

        peer_wait(peer, head);
        CHECK(peer->in.length >= head);
        *ret_first = (uint8_t) peer->in.data[0];
        length = (uint8_t) peer->in.data[1];
        CHECK(length < 128);
        if (length >= 126) {
                unsigned n = length == 126 ? 2 : 8;

                peer_wait(peer, head + n);
                CHECK(peer->in.length >= head + n);
                length = 0;
                for (unsigned i = 0; i < n; i++)
                        length = length << 8 | (uint8_t) peer->in.data[2 + i];
                head += n;
        }
        peer_wait(peer, head + length);
        CHECK(peer->in.length >= head + length);
        *ret_frame_length = head + length;
        return text_make(peer->in.data + head, length);
}

static void expect_frame(Peer *peer, unsigned first, Text data) {
        unsigned got_first;
        size_t length;
        Text got = read_frame(peer, &got_first, &length);

        CHECK_INT(got_first, first);
        CHECK(text_equal(got, data));
        peer_consume(peer, length);
}

static void expect_close(Peer *peer, unsigned code, const char *reason) {
        char data[128] = { (char) (code >> 8), (char) code };

        strcpy(data + 2, reason);
        expect_frame(peer, FIN | CLOSE, text_make(data, 2 + strlen(reason)));
}

/* -- handshakes -------------------------------------------------------------------------------- */

static void test_key(void) {
        char accept[WEBSOCKET_ACCEPT_SIZE];

        /* The example of RFC 6455; its 60 bytes make two blocks. */
        digest_websocket_accept(TEXT("dGhlIHNhbXBsZSBub25jZQ=="), accept);
        CHECK_STRING(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_refused(Fixture *fixture) {
        static const struct { const char *request; unsigned status; const char *version;
        } cases[] = {
                { "GET / HTTP/1.1\r\n\r\n", 426, "13" },
                { "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  426, "13" },
                { "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 426, "13" },
                { "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                  "8\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  426, "13" },
                { "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                  "13\r\n\r\n",
                  400, NULL },
                { "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                  "13\r\n"
                  "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
                  400, NULL },
                { "POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                  "13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n\r\n",
                  400, NULL },
        };
        char value[256];
        Reply reply;
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                peer_connect(&peer, fixture->loop, fixture->path);
                peer_say(&peer, cases[i].request);
                peer_read_reply(&peer, true, &reply);
                CHECK_INT(reply.status, cases[i].status);
                CHECK(text_equal(text_of(reply_header(&reply, "sec-websocket-version", value)),
                                 text_of(cases[i].version)));
                buffer_deinit(&reply.body);
                peer_close(&peer);
        }
        CHECK(!fixture->socket);
}

static void test_protocol(Fixture *fixture) {
        static const struct { const char *offer, *chosen; } cases[] = {
                { "phoenix, base64url.bearer.phx.abc", "phoenix" },
                { "base64url.bearer.phx.abc,phoenix", "phoenix" },
                { "chat", NULL },
        };
        unsigned n_closed = fixture->n_closed;
        char request[512], value[256];
        Reply reply;
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                snprintf(request, sizeof request, HANDSHAKE "Sec-WebSocket-Protocol: %s\r\n\r\n",
                         cases[i].offer);
                peer_connect(&peer, fixture->loop, fixture->path);
                peer_say(&peer, request);
                peer_read_head(&peer, &reply);
                CHECK_INT(reply.status, 101);
                CHECK(text_equal(text_of(reply_header(&reply, "sec-websocket-protocol", value)),
                                 text_of(cases[i].chosen)));
                peer_close(&peer);
                wait_on_close(fixture, ++n_closed, 1006);
        }
}

/* -- messages ---------------------------------------------------------------------------------- */

static void test_echo(Fixture *fixture) {
        static const size_t lengths[] = { 0, 1, 125, 126, 65535, 65536, MAX_MESSAGE };
        char *data = xmalloc(MAX_MESSAGE);
        Buffer out = BUFFER_NULL;
        unsigned n_closed = fixture->n_closed;
        Peer peer;

        memset(data, 'x', MAX_MESSAGE);
        join(&peer, fixture, HANDSHAKE);

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                say_frame(&peer, FIN | TEXT_FRAME, text_make(data, lengths[i]));
                expect_frame(&peer, FIN | TEXT_FRAME, text_make(data, lengths[i]));
                say_frame(&peer, FIN | BINARY_FRAME, text_make(data, lengths[i]));
                expect_frame(&peer, FIN | BINARY_FRAME, text_make(data, lengths[i]));
        }
        say_frame(&peer, FIN | BINARY_FRAME, TEXT("\xff\x00\xfe"));
        expect_frame(&peer, FIN | BINARY_FRAME, TEXT("\xff\x00\xfe"));

        /* Fragments, cut inside a character, with pings between; the pong does not wait for the message. */
        say_frame(&peer, TEXT_FRAME, TEXT("gr\xc3"));
        say_frame(&peer, FIN | PING, TEXT("1"));
        say_frame(&peer, CONTINUATION, TEXT("\xbc"));
        expect_frame(&peer, FIN | PONG, TEXT("1"));
        say_frame(&peer, FIN | PONG, TEXT("unasked"));
        say_frame(&peer, FIN | CONTINUATION, TEXT("n"));
        expect_frame(&peer, FIN | TEXT_FRAME, TEXT("gr\xc3\xbcn"));

        /* Many at once, and byte by byte. */
        for (unsigned i = 0; i < 1000; i++)
                append_masked(&out, FIN | TEXT_FRAME, TEXT("message"));
        CHECK(peer_send(&peer, buffer_text(&out)));
        for (unsigned i = 0; i < 1000; i++)
                expect_frame(&peer, FIN | TEXT_FRAME, TEXT("message"));
        buffer_clear(&out);
        append_masked(&out, FIN | TEXT_FRAME, TEXT("slow"));
        for (size_t i = 0; i < out.length; i++) {
                CHECK(peer_send(&peer, text_make(out.data + i, 1)));
                peer_pause(fixture->loop);
        }
        expect_frame(&peer, FIN | TEXT_FRAME, TEXT("slow"));

        peer_close(&peer);
        wait_on_close(fixture, n_closed + 1, 1006);
        buffer_deinit(&out);
        free(data);
}

/* The first message comes together with the handshake; ours were sent before it was answered. */
static void test_early(Fixture *fixture) {
        unsigned n_closed = fixture->n_closed;
        Buffer out = BUFFER_NULL;
        Reply reply;
        Peer peer;

        buffer_append_string(&out, "GET /?greet");
        buffer_append_string(&out, HANDSHAKE + sizeof("GET /socket?a=b") - 1);
        buffer_append_string(&out, "\r\n");
        append_masked(&out, FIN | TEXT_FRAME, TEXT("eager"));

        peer_connect(&peer, fixture->loop, fixture->path);
        CHECK(peer_send(&peer, buffer_text(&out)));
        peer_read_head(&peer, &reply);
        CHECK_INT(reply.status, 101);
        expect_frame(&peer, FIN | TEXT_FRAME, TEXT("hello"));
        expect_frame(&peer, FIN | TEXT_FRAME, TEXT("eager"));
        peer_close(&peer);
        wait_on_close(fixture, ++n_closed, 1006);

        buffer_clear(&out);
        buffer_append_string(&out, "GET /?leave");
        buffer_append_string(&out, HANDSHAKE + sizeof("GET /socket?a=b") - 1);
        buffer_append_string(&out, "\r\n");
        peer_connect(&peer, fixture->loop, fixture->path);
        CHECK(peer_send(&peer, buffer_text(&out)));
        peer_read_head(&peer, &reply);
        expect_close(&peer, 4003, "");
        say_frame(&peer, FIN | CLOSE, TEXT("\x0f\xa3"));
        wait_on_close(fixture, ++n_closed, 4003);
        peer_close(&peer);
        buffer_deinit(&out);
}

/* -- ends -------------------------------------------------------------------------------------- */

static void test_peer_closes(Fixture *fixture) {
        static const struct { Text payload; unsigned code; } cases[] = {
                { { "", 0 }, 1005 },
                { { "\x03\xe8" "bye", 5 }, 1000 },
                { { "\x0f\xa0", 2 }, 4000 },
        };
        unsigned n_closed = fixture->n_closed;
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                join(&peer, fixture, HANDSHAKE);
                say_frame(&peer, FIN | TEXT_FRAME, TEXT("last words"));
                say_frame(&peer, FIN | CLOSE, cases[i].payload);
                expect_frame(&peer, FIN | TEXT_FRAME, TEXT("last words"));
                expect_frame(&peer, FIN | CLOSE, cases[i].payload);
                peer_wait_closed(&peer);
                wait_on_close(fixture, ++n_closed, cases[i].code);
                peer_close(&peer);
        }
}

/* All that was sent before the close arrives before it. */
static void test_we_close(Fixture *fixture) {
        unsigned n_closed = fixture->n_closed, n_messages;
        char text[16];
        Peer peer;

        join(&peer, fixture, HANDSHAKE);
        say_frame(&peer, FIN | TEXT_FRAME, TEXT("many, then close"));
        for (unsigned i = 0; i < 5000; i++) {
                snprintf(text, sizeof text, "%u", i);
                expect_frame(&peer, FIN | TEXT_FRAME, text_of(text));
        }
        expect_close(&peer, 4001, "enough");
        CHECK_INT(fixture->n_closed, n_closed);

        /* What the peer still says is not heard, its close is. */
        n_messages = fixture->n_messages;
        say_frame(&peer, FIN | TEXT_FRAME, TEXT("wait"));
        say_frame(&peer, FIN | CLOSE, TEXT("\x0f\xa1"));
        peer_wait_closed(&peer);
        wait_on_close(fixture, n_closed + 1, 4001);
        CHECK_INT(fixture->n_messages, n_messages);
        CHECK_INT(peer.in.length, 0);
        peer_close(&peer);
}

static void test_broken_rules(Fixture *fixture) {
        static const struct { Text bytes; unsigned code;
        } cases[] = {
                { { "\x81\x02hi", 4 }, 1002 },                 /* not masked */
                { { "\xc1\x82\x00\x00\x00\x00hi", 8 }, 1002 }, /* a reserved bit */
                { { "\x83\x80\x00\x00\x00\x00", 6 }, 1002 },   /* no such opcode */
                { { "\x80\x80\x00\x00\x00\x00", 6 }, 1002 },   /* nothing to continue */
                { { "\x09\x80\x00\x00\x00\x00", 6 }, 1002 },   /* a fragmented ping */
                { { "\x81\x81\x00\x00\x00\x00\xff", 7 }, 1007 },
                { { "\x81\x82\x00\x00\x00\x00\xc0\x80", 8 }, 1007 },
                { { "\x82\xff\x00\x00\x00\x00\x00\x02\x00\x01\x00\x00\x00\x00x", 15 }, 1009 },
                { { "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", 15 }, 1009 },
        };
        unsigned n_closed = fixture->n_closed, n_messages = fixture->n_messages;
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t length;
                unsigned first;
                Text got;

                join(&peer, fixture, HANDSHAKE);
                CHECK(peer_send(&peer, cases[i].bytes));
                got = read_frame(&peer, &first, &length);
                CHECK_INT(first, FIN | CLOSE);
                CHECK(got.length >= 2);
                CHECK_INT((uint8_t) got.data[0] << 8 | (uint8_t) got.data[1], cases[i].code);
                CHECK_INT(fixture->n_closed, n_closed);
                peer_close(&peer);
                wait_on_close(fixture, ++n_closed, 1006);
        }
        CHECK_INT(fixture->n_messages, n_messages);
}

static void test_idle(Fixture *fixture) {
        unsigned n_closed = fixture->n_closed;
        Peer peer;

        fixture->idle_timeout_usec = 50 * USEC_PER_MSEC;
        join(&peer, fixture, HANDSHAKE);
        expect_close(&peer, 1001, "");
        say_frame(&peer, FIN | CLOSE, TEXT("\x03\xe9"));
        wait_on_close(fixture, n_closed + 1, 1001);
        peer_close(&peer);
        fixture->idle_timeout_usec = 60 * USEC_PER_SEC;
}

/* -- who does not read ------------------------------------------------------------------------- */

static void test_queue_limit(Fixture *fixture) {
        unsigned n_closed = fixture->n_closed, n = 0;
        static char data[16 * 1024];
        Peer peer;

        join(&peer, fixture, HANDSHAKE);
        watch_set(peer.watch, WATCH_NONE);
        while (fixture->n_closed == n_closed) {
                fixture->in_call = true;
                websocket_send(fixture->socket, WEBSOCKET_BINARY, text_make(data, sizeof data));
                CHECK(websocket_queued(fixture->socket) <= MAX_QUEUE + 2 * sizeof data);
                fixture->in_call = false;
                peer_pause(fixture->loop);
                CHECK(++n < 1000);
        }
        wait_on_close(fixture, n_closed + 1, 1006);
        peer_close(&peer);
}

/* Pings are answered without the owner: who sends them without reading is left waiting, not buffered. */
static void test_ping_flood(Fixture *fixture) {
        unsigned n_closed = fixture->n_closed, n = 0;
        char payload[125] = {};
        Buffer out = BUFFER_NULL;
        Peer peer;

        join(&peer, fixture, HANDSHAKE);
        watch_set(peer.watch, WATCH_NONE);
        for (unsigned i = 0; i < 500; i++)
                append_masked(&out, FIN | PING, text_make(payload, sizeof payload));
        for (unsigned i = 0; i < 100; i++) {
                ssize_t sent = send(peer.fd, out.data, out.length, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (sent < (ssize_t) out.length)
                        n++;
                peer_pause(fixture->loop);
                CHECK(websocket_queued(fixture->socket) < 2 * MAX_QUEUE);
                if (n > 3)
                        break;
        }
        CHECK(n > 3);
        CHECK_INT(fixture->n_closed, n_closed);
        peer_close(&peer);
        wait_on_close(fixture, n_closed + 1, 1006);
        buffer_deinit(&out);
}

int main(void) {
        Fixture fixture;
        Peer peer;

        alarm(60);
        test_key();

        fixture_open(&fixture);
        test_refused(&fixture);
        test_protocol(&fixture);
        test_echo(&fixture);
        test_early(&fixture);
        test_peer_closes(&fixture);
        test_we_close(&fixture);
        test_broken_rules(&fixture);
        test_idle(&fixture);
        test_queue_limit(&fixture);
        test_ping_flood(&fixture);

        /* The server may go with sockets open. */
        join(&peer, &fixture, HANDSHAKE);
        CHECK_INT(http_server_n_connections(fixture.server), 1);
        fixture.server = http_server_free(fixture.server);
        CHECK(!fixture.socket);
        peer_wait_closed(&peer);
        peer_close(&peer);
        fixture_close(&fixture);
        return 0;
}
