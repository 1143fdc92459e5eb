/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two servers in one loop: the front forwards everything to the back, the peer sees one.
 */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "basic/clock.h"
#include "net/http.h"
#include "net/websocket.h"
#include "peer.h"

#define LARGE (3 * 1024 * 1024)

#define HANDSHAKE                                                                                            \
        "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                   \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

typedef struct Fixture {
        char directory[32];
        char front_path[64];
        char back_path[64];
        Loop *loop;
        HttpServer *front;
        HttpServer *back;
        HttpRequest *held;
        WebSocket *socket;
        unsigned n_sockets;
        unsigned close_code;
        unsigned n_requests;    /* at the back */
        int forwarded;          /* what http_forward() said last */
} Fixture;

/* -- the back ---------------------------------------------------------------------------------- */

static void on_message(WebSocket *socket, WebSocketKind kind, Text data, void *userdata) {
        if (text_is(data, "close"))
                websocket_close(socket, 4000, "as you say");
        else
                websocket_send(socket, kind, data);
}

static void on_close(WebSocket *socket, unsigned code, void *userdata) {
        Fixture *fixture = userdata;

        fixture->socket = NULL;
        fixture->n_sockets--;
        fixture->close_code = code;
        loop_exit(fixture->loop, 0);
}

static void accept_socket(Fixture *fixture, HttpRequest *request) {
        static const WebSocketHandlers handlers = { on_message, on_close };
        static const WebSocketConfig config = {
                .max_message = 16 * 1024 * 1024,
                .max_queue = 16 * 1024 * 1024,
                .idle_timeout_usec = 60 * USEC_PER_SEC,
        };

        if (websocket_accept(request, &config, &handlers, fixture, &fixture->socket) == 0) {
                fixture->n_sockets++;
                websocket_send(fixture->socket, WEBSOCKET_TEXT, TEXT("hello"));
        }
}

static void describe(HttpRequest *request) {
        static const char *const names[] = { "x-forwarded-for", "x-forwarded-proto", "cookie", "te",
                                             "x-empty" };
        Text method = http_method(request), path = http_path(request), query = http_query(request),
             host = http_authority(request), body = http_body(request);
        Buffer out = BUFFER_NULL;

        buffer_printf(&out, "%.*s %.*s %.*s host=%.*s", (int) method.length, method.data, (int) path.length,
                      path.data, (int) query.length, query.data ? query.data : "", (int) host.length,
                      host.data ? host.data : "");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Text value = http_header(request, names[i]);

                if (value.data)
                        buffer_printf(&out, " %s=%.*s", names[i], (int) value.length, value.data);
        }
        buffer_printf(&out, " body=%zu:%.*s", body.length, (int) MIN(body.length, (size_t) 8),
                      body.data ? body.data : "");

        http_reply(request, 201, "text/x-described", (HttpHeader[]) {
                { "set-cookie", TEXT("a=1") },
                { "set-cookie", TEXT("b=2") },
                { "x-own", TEXT("value") },
        }, 3, buffer_text(&out));
        buffer_deinit(&out);
}

static void on_back_request(HttpRequest *request, void *userdata) {
        Fixture *fixture = userdata;
        Text path = http_path(request);

        fixture->n_requests++;
        if (http_is_upgrade(request) || text_is(path, "/socket"))
                accept_socket(fixture, request);
        else if (text_is(path, "/hold")) {
                fixture->held = request;
                loop_exit(fixture->loop, 0);
        } else if (text_is(path, "/none"))
                http_reply(request, 204, NULL, NULL, 0, TEXT_NULL);
        else if (text_is(path, "/same"))
                http_reply(request, 304, NULL, (HttpHeader[]) { { "etag", TEXT("\"x\"") } }, 1, TEXT_NULL);
        else if (text_is(path, "/large")) {
                char *data = xmalloc(LARGE);

                memset(data, 'x', LARGE);
                http_reply(request, 200, "text/plain", NULL, 0, text_make(data, LARGE));
                free(data);
        } else
                describe(request);
}

static void back_open(Fixture *fixture, size_t max_body) {
        HttpServerConfig config = { .max_body = max_body, .handler = on_back_request, .userdata = fixture };

        CHECK(http_server_new(fixture->loop, &config, &fixture->back) == 0);
        CHECK(http_server_listen(fixture->back, peer_listen(fixture->back_path)) == 0);
}

/* -- the front --------------------------------------------------------------------------------- */

static void on_front_request(HttpRequest *request, void *userdata) {
        Fixture *fixture = userdata;

        fixture->forwarded = http_forward(request, fixture->back_path);
}

static void fixture_open(Fixture *fixture) {
        HttpServerConfig config = { .max_body = 8 * 1024 * 1024,
                                    .handler = on_front_request,
                                    .userdata = fixture };

        *fixture = (Fixture) { .directory = "/tmp/test-forward-XXXXXX" };
        CHECK(mkdtemp(fixture->directory));
        snprintf(fixture->front_path, sizeof fixture->front_path, "%s/front", fixture->directory);
        snprintf(fixture->back_path, sizeof fixture->back_path, "%s/back", fixture->directory);
        CHECK(loop_new(&fixture->loop) == 0);
        CHECK(http_server_new(fixture->loop, &config, &fixture->front) == 0);
        CHECK(http_server_listen(fixture->front, peer_listen(fixture->front_path)) == 0);
        back_open(fixture, 4 * 1024 * 1024);
}

static void fixture_close(Fixture *fixture) {
        fixture->front = http_server_free(fixture->front);
        fixture->back = http_server_free(fixture->back);
        fixture->loop = loop_free(fixture->loop);
        unlink(fixture->front_path);
        unlink(fixture->back_path);
        rmdir(fixture->directory);
}

static void wait_held(Fixture *fixture) {
        while (!fixture->held)
                loop_run(fixture->loop);
}

/* -- requests and replies ---------------------------------------------------------------------- */

static void test_requests(Fixture *fixture) {
        static const struct { const char *request, *reply;
        } cases[] = {
                { "GET /a%2Fb/../c?d=e%20f HTTP/1.1\r\nHost: Some.Host:99\r\n\r\n",
                  "GET /a%2Fb/../c d=e%20f host=Some.Host:99 body=0:" },
                { "DELETE / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\nCookie: a=b\r\nTE: "
                  "trailers\r\nKeep-Alive: 5\r\n"
                  "X-Empty:\r\n\r\n",
                  "DELETE /  host=h x-forwarded-proto=https cookie=a=b x-empty= body=0:" },
                { "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n\r\n",
                  "GET /  host=h x-forwarded-for=1.2.3.4, 5.6.7.8 body=0:" },
                { "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
                  "POST /p  host=h body=4:body" },
                { "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
                  "POST /p  host=h body=4:body" },
                { "POST /p HTTP/1.1\r\nHost: h\r\n\r\n", "POST /p  host=h body=0:" },
        };
        Peer peer;

        peer_connect(&peer, fixture->loop, fixture->front_path);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                peer_say(&peer, cases[i].request);
                peer_expect(&peer, 201, cases[i].reply);
        }
        /* All over one connection to the back. */
        CHECK_INT(http_server_n_connections(fixture->back), 1);
        peer_close(&peer);
}

static void test_replies(Fixture *fixture) {
        char value[256];
        Reply reply;
        Peer peer;

        peer_connect(&peer, fixture->loop, fixture->front_path);

        peer_say(&peer, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_read_reply(&peer, true, &reply);
        CHECK(strncmp(reply.head, "HTTP/1.1 201 Created\r\n", 22) == 0);
        CHECK_STRING(reply_header(&reply, "content-type", value), "text/x-described");
        CHECK_STRING(reply_header(&reply, "x-own", value), "value");
        CHECK_STRING(reply_header(&reply, "connection", value), "keep-alive");
        CHECK(strstr(reply.head, "set-cookie: a=1\r\nset-cookie: b=2"));
        CHECK(strcasestr(reply.head, "\r\ndate: ") == strstr(reply.head, "\r\nDate: "));
        buffer_deinit(&reply.body);

        peer_say(&peer, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_read_reply(&peer, false, &reply);
        CHECK_INT(reply.status, 201);
        CHECK_STRING(reply_header(&reply, "content-length", value), "23");

        peer_say(&peer, "GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET /same HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_read_reply(&peer, false, &reply);
        CHECK_INT(reply.status, 204);
        CHECK(!reply_header(&reply, "content-length", value));
        peer_read_reply(&peer, false, &reply);
        CHECK_INT(reply.status, 304);
        CHECK_STRING(reply_header(&reply, "etag", value), "\"x\"");

        peer_say(&peer, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_read_reply(&peer, true, &reply);
        CHECK_INT(reply.body.length, LARGE);
        CHECK(!memchr(reply.body.data, '\0', LARGE));
        buffer_deinit(&reply.body);

        CHECK_INT(http_server_n_connections(fixture->back), 1);
        peer_close(&peer);
}

static void test_large_request(Fixture *fixture) {
        char *data = xmalloc(LARGE);
        Peer peer;

        memset(data, 'y', LARGE);
        peer_connect(&peer, fixture->loop, fixture->front_path);
        peer_say(&peer, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3145728\r\n\r\n");
        CHECK(peer_send(&peer, text_make(data, LARGE)));
        peer_expect(&peer, 201, "POST /p  host=h body=3145728:yyyyyyyy");

        /* The back refuses it before it has read it. */
        peer_say(&peer, "POST /p HTTP/1.1\r\nHost: h\r\nAccept: */json\r\nContent-Length: 6291456\r\n\r\n");
        CHECK(peer_send(&peer, text_make(data, LARGE)));
        CHECK(peer_send(&peer, text_make(data, LARGE)));
        peer_expect(&peer, 413, "{\"error\":\"Request Entity Too Large\"}");

        /* The front does. */
        peer_say(&peer, "POST /p HTTP/1.1\r\nHost: h\r\nAccept: */json\r\nContent-Length: 8388609\r\n\r\n");
        peer_expect(&peer, 413, "{\"error\":\"Request Entity Too Large\"}");
        peer_wait_closed(&peer);
        peer_close(&peer);
        free(data);
}

/* A peer on TCP is named to the back. */
static void test_forwarded_for(Fixture *fixture) {
        struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
        struct sockaddr_in target = { .sin_family = AF_INET };
        socklen_t length = sizeof address;
        int fd, off = 0;
        Peer peer;

        fd = socket(AF_INET6, SOCK_STREAM, 0);
        CHECK(fd >= 0);
        CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0);
        CHECK(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
        CHECK(listen(fd, 4) == 0);
        CHECK(getsockname(fd, (struct sockaddr *) &address, &length) == 0);
        CHECK(http_server_listen(fixture->front, fd) == 0);

        target.sin_port = address.sin6_port;
        target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(fd, (struct sockaddr *) &target, sizeof target) == 0);
        peer_open(&peer, fixture->loop, fd);
        peer_say(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: "
                        "9.9.9.9\r\n\r\n");
        peer_expect(&peer, 201, "GET /  host=h x-forwarded-for=127.0.0.1 body=0:");
        peer_expect(&peer, 201, "GET /  host=h x-forwarded-for=9.9.9.9, 127.0.0.1 body=0:");
        peer_close(&peer);

        address.sin6_addr = in6addr_loopback;
        fd = socket(AF_INET6, SOCK_STREAM, 0);
        CHECK(connect(fd, (struct sockaddr *) &address, sizeof address) == 0);
        peer_open(&peer, fixture->loop, fd);
        peer_say(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_expect(&peer, 201, "GET /  host=h x-forwarded-for=::1 body=0:");
        peer_close(&peer);
}

/* -- siblings that come and go ----------------------------------------------------------------- */

static void test_away(Fixture *fixture) {
        Peer peer, waiting;

        peer_connect(&peer, fixture->loop, fixture->front_path);
        peer_say(&peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        peer_expect(&peer, 201, NULL);

        /* Ended: the kept connection is found dead, a new one is refused. */
        fixture->back = http_server_free(fixture->back);
        peer_say(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_expect(&peer, 502, "{\"error\":\"Bad Gateway\"}");
        CHECK_INT(fixture->forwarded, -ECONNREFUSED);
        unlink(fixture->back_path);
        peer_say(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_expect(&peer, 502, "{\"error\":\"Bad Gateway\"}");
        CHECK_INT(fixture->forwarded, -ENOENT);

        /* Only listened for: the request waits until somebody accepts it. */
        {
                HttpServerConfig config = { .max_body = 4 * 1024 * 1024,
                                            .handler = on_back_request,
                                            .userdata = fixture };
                int fd = peer_listen(fixture->back_path);

                peer_connect(&waiting, fixture->loop, fixture->front_path);
                peer_say(&waiting, "GET /w HTTP/1.1\r\nHost: h\r\n\r\n");
                peer_pause(fixture->loop);
                CHECK_INT(waiting.in.length, 0);
                CHECK(http_server_new(fixture->loop, &config, &fixture->back) == 0);
                CHECK(http_server_listen(fixture->back, fd) == 0);
                peer_expect(&waiting, 201, "GET /w  host=h body=0:");
                peer_close(&waiting);
        }
        peer_say(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_expect(&peer, 201, NULL);
        peer_close(&peer);
}

/* The back stops and another takes its place between two requests, and in the middle of one: no error is
 * seen. */
static void test_restart(Fixture *fixture) {
        Peer peer, other;

        peer_connect(&peer, fixture->loop, fixture->front_path);
        for (unsigned i = 0; i < 5; i++) {
                HttpServer *old = fixture->back;

                peer_say(&peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
                peer_expect(&peer, 201, NULL);

                peer_connect(&other, fixture->loop, fixture->front_path);
                peer_say(&other, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
                wait_held(fixture);

                http_server_stop(old);
                back_open(fixture, 4 * 1024 * 1024);
                /* Not even a turn of the loop for the news that the kept connection has ended. */
                peer_say(&peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
                peer_expect(&peer, 201, NULL);

                http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("the old one's last"));
                peer_expect(&other, 200, "the old one's last");
                peer_close(&other);
                while (http_server_n_connections(old) > 0)
                        peer_pause(fixture->loop);
                http_server_free(old);
        }
        peer_close(&peer);
}

/* A sibling that is not what it should be, written by hand. */
static void test_broken_replies(Fixture *fixture) {
        static const struct { const char *reply; unsigned status; const char *body; } cases[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi" },
                { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi" },
                { "HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end" },
                { "HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n", 200, "" },
                { "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ncut", 502, "{\"error\":\"Bad Gateway\"}" },
                { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 502, NULL },
                { "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhi", 502, NULL },
                { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhi", 502, NULL },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, NULL },
                { "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 502, NULL },
                { "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", 502, NULL },
                { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 502, NULL },
                { "HTTP/1.1 99 No\r\n\r\n", 502, NULL },
                { "HTTP/1.1 2000 No\r\n\r\n", 200, "" },
                { "SSH-2.0-x\r\n\r\n", 502, NULL },
                { "HTTP/1.1 200 OK\r\nhalf", 502, NULL },
                { "", 502, NULL },
        };
        Peer peer, sibling;
        int fd;

        fixture->back = http_server_free(fixture->back);
        fd = peer_listen(fixture->back_path);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                peer_connect(&peer, fixture->loop, fixture->front_path);
                peer_say(&peer,
                         "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
                peer_pause(fixture->loop);
                peer_open(&sibling, fixture->loop, accept(fd, NULL, NULL));
                peer_wait(&sibling, 20);
                peer_say(&sibling, cases[i].reply);
                peer_close(&sibling);
                peer_expect(&peer, cases[i].status, cases[i].body);
                peer_close(&peer);
        }
        close(fd);
        back_open(fixture, 4 * 1024 * 1024);
}

/* -- clients that go --------------------------------------------------------------------------- */

/* Noticed after a second of waiting: the sibling's connection is let go. */
static void test_client_goes(Fixture *fixture) {
        Peer peer;

        peer_connect(&peer, fixture->loop, fixture->front_path);
        peer_say(&peer, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_held(fixture);
        peer_close(&peer);
        while (http_server_n_connections(fixture->front) > 0)
                peer_pause(fixture->loop);
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("nobody"));
}

/* -- WebSockets -------------------------------------------------------------------------------- */

static void join(Peer *peer, Fixture *fixture) {
        char value[256];
        Reply reply;

        peer_connect(peer, fixture->loop, fixture->front_path);
        peer_say(peer, HANDSHAKE);
        peer_read_head(peer, &reply);
        CHECK_INT(reply.status, 101);
        CHECK_STRING(reply_header(&reply, "sec-websocket-accept", value), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        CHECK_STRING(reply_header(&reply, "upgrade", value), "websocket");
        CHECK_STRING(reply_header(&reply, "connection", value), "upgrade");
        peer_wait(peer, 7);
        CHECK(memcmp(peer->in.data, "\x81\x05hello", 7) == 0);
        peer_consume(peer, 7);
}

static void expect_bytes(Peer *peer, Text bytes) {
        peer_wait(peer, bytes.length);
        CHECK(peer->in.length == bytes.length && memcmp(peer->in.data, bytes.data, bytes.length) == 0);
        peer_consume(peer, bytes.length);
}

static void wait_no_sockets(Fixture *fixture) {
        while (fixture->n_sockets > 0)
                loop_run(fixture->loop);
}

static void test_websocket(Fixture *fixture) {
        Buffer out = BUFFER_NULL;
        Peer peer;

        join(&peer, fixture);
        for (unsigned i = 0; i < 100; i++) {
                CHECK(peer_send(&peer, TEXT("\x81\x82\0\0\0\0hi")));
                expect_bytes(&peer, TEXT("\x81\x02hi"));
        }

        /* Five megabytes there and back. */
        buffer_append(&out, "\x82\xff\0\0\0\0\0\x50\0\0\0\0\0\0", 14);
        for (unsigned i = 0; i < 0x500000 / 16; i++)
                buffer_append(&out, "0123456789abcdef", 16);
        CHECK(peer_send(&peer, buffer_text(&out)));
        peer_wait(&peer, 10 + 0x500000);
        CHECK_INT(peer.in.length, 10 + 0x500000);
        CHECK(memcmp(peer.in.data, "\x82\x7f\0\0\0\0\0\x50\0\0", 10) == 0);
        CHECK(memcmp(peer.in.data + 10, out.data + 14, 0x500000) == 0);
        peer_consume(&peer, peer.in.length);

        /* The back closes; the client's answer gets there; both connections end. */
        CHECK(peer_send(&peer, TEXT("\x81\x85\0\0\0\0close")));
        expect_bytes(&peer, TEXT("\x88\x0c\x0f\xa0" "as you say"));
        CHECK(peer_send(&peer, TEXT("\x88\x82\0\0\0\0\x0f\xa0")));
        peer_wait_closed(&peer);
        wait_no_sockets(fixture);
        CHECK_INT(fixture->close_code, 4000);
        peer_close(&peer);

        /* The client just goes. */
        join(&peer, fixture);
        peer_close(&peer);
        wait_no_sockets(fixture);
        CHECK_INT(fixture->close_code, 1006);

        /* A refusal comes back as what it is. */
        peer_connect(&peer, fixture->loop, fixture->front_path);
        peer_say(&peer,
                 "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        peer_expect(&peer, 426, "Upgrade Required");
        peer_close(&peer);

        while (http_server_n_connections(fixture->front) > 0)
                peer_pause(fixture->loop);
        buffer_deinit(&out);
}

/* Freed in the middle of everything. */
static void test_free_busy(Fixture *fixture) {
        Peer socket, waiting;

        join(&socket, fixture);
        peer_connect(&waiting, fixture->loop, fixture->front_path);
        peer_say(&waiting, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_held(fixture);

        fixture->front = http_server_free(fixture->front);
        peer_wait_closed(&socket);
        peer_wait_closed(&waiting);
        wait_no_sockets(fixture);
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("nobody"));
        peer_close(&socket);
        peer_close(&waiting);
}

/* The front stops: what it has joined ends too, though neither side asked for it. */
static void test_stop(void) {
        Fixture fixture;
        Peer socket;

        fixture_open(&fixture);
        join(&socket, &fixture);
        http_server_stop(fixture.front);
        CHECK(peer_send(&socket, TEXT("\x81\x82\0\0\0\0hi")));
        expect_bytes(&socket, TEXT("\x81\x02hi"));
        peer_wait_closed(&socket);
        wait_no_sockets(&fixture);
        CHECK_INT(http_server_n_connections(fixture.front), 0);
        peer_close(&socket);
        fixture_close(&fixture);
}

int main(void) {
        Fixture fixture;

        alarm(60);

        fixture_open(&fixture);
        test_requests(&fixture);
        test_replies(&fixture);
        test_large_request(&fixture);
        test_forwarded_for(&fixture);
        test_away(&fixture);
        test_restart(&fixture);
        test_broken_replies(&fixture);
        test_client_goes(&fixture);
        test_websocket(&fixture);
        test_free_busy(&fixture);
        fixture_close(&fixture);
        test_stop();
        return 0;
}
