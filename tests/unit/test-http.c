/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The HTTP server over a unix socket: what comes in, what goes out, and what happens when a peer behaves
 * badly or leaves.
 */

#include <sys/stat.h>

#include "basic/clock.h"
#include "net/http.h"
#include "peer.h"

#define MAX_BODY (256 * 1024)

typedef struct Fixture {
        char directory[32];
        char path[64];
        Loop *loop;
        HttpServer *server;
        HttpRequest *held;
        bool gone;
        unsigned n_requests;
} Fixture;

/* -- the server's side ------------------------------------------------------------------------- */

static void reply_described(HttpRequest *request) {
        Text method = http_method(request), path = http_path(request), query = http_query(request),
             host = http_authority(request), body = http_body(request), x = http_header(request, "x-test");
        Buffer out = BUFFER_NULL;

        buffer_printf(&out, "%.*s|%.*s|%.*s|%.*s|%.*s|%zu|%.*s", (int) method.length, method.data,
                      (int) path.length, path.data, query.data ? (int) query.length : 1,
                      query.data ? query.data : "-", (int) host.length, host.data ? host.data : "",
                      (int) x.length, x.data ? x.data : "", http_header_count(request, "x-test"),
                      (int) MIN(body.length, (size_t) 32), body.data ? body.data : "");
        http_reply(request, 200, "text/plain", (HttpHeader[]){ { "x-reply", TEXT("a\r\nb") } }, 1,
                   buffer_text(&out));
        buffer_deinit(&out);
}

static void on_gone(void *userdata) {
        Fixture *fixture = userdata;

        fixture->gone = true;
        loop_exit(fixture->loop, 0);
}

static void on_request(HttpRequest *request, void *userdata) {
        Fixture *fixture = userdata;
        Text path = http_path(request);

        fixture->n_requests++;

        if (text_is(path, "/hold") || text_is(path, "/watch")) {
                fixture->held = request;
                if (text_is(path, "/watch"))
                        http_request_on_gone(request, on_gone, fixture);
                loop_exit(fixture->loop, 0);
        } else if (text_is(path, "/empty"))
                http_reply(request, 204, NULL, NULL, 0, TEXT_NULL);
        else if (text_is(path, "/teapot"))
                http_reply(request, 418, "text/plain", NULL, 0, TEXT("short and stout"));
        else if (text_is(path, "/large")) {
                char *data = xmalloc(4 * 1024 * 1024);

                memset(data, 'x', 4 * 1024 * 1024);
                http_reply(request, 200, "text/plain", NULL, 0, text_make(data, 4 * 1024 * 1024));
                free(data);
        } else
                reply_described(request);
}

static void fixture_open(Fixture *fixture) {
        HttpServerConfig config = {
                .max_body = MAX_BODY,
                .handler = on_request,
                .userdata = fixture,
                .max_connections = 3,
        };

        *fixture = (Fixture) { .directory = "/tmp/test-http-XXXXXX" };
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

static void wait_held(Fixture *fixture) {
        while (!fixture->held)
                loop_run(fixture->loop);
}

/* -- requests ---------------------------------------------------------------------------------- */

static void test_requests(Fixture *fixture) {
        static const struct { const char *request, *reply;
        } cases[] = {
                { "GET /a/b?c=d HTTP/1.1\r\nHost: h:1\r\nX-Test: v\r\n\r\n", "GET|/a/b|c=d|h:1|v|1|" },
                { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET|/|-|h||0|" },
                { "GET /? HTTP/1.1\r\n\r\n", "GET|/||||0|" },
                { "GET /a%2Fb/../c HTTP/1.1\r\n\r\n", "GET|/a%2Fb/../c|-|||0|" },
                { "GET http://x.org/y?z HTTP/1.1\r\nHost: h\r\n\r\n", "GET|/y|z|h||0|" },
                { "GET http://x.org HTTP/1.1\r\nHost: h\r\n\r\n", "GET|/|-|h||0|" },
                { "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS|*|-|h||0|" },
                { "POST /p HTTP/1.1\r\nX-Test: 1\r\nX-TEST: 2\r\nContent-Length: 5\r\n\r\nhello",
                  "POST|/p|-||1|2|hello" },
                { "PUT /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: "
                  "r\r\n\r\n",
                  "PUT|/p|-|||0|abcde" },
                /* Only the head counts, and whole names. */
                { "POST /p HTTP/1.1\r\nX-Content-Length: 1\r\nContent-Length: 21\r\n\r\n"
                  "host: a\nhost: b\n c\n\nx",
                  "POST|/p|-|||0|host: a\nhost: b\n c\n\nx" },
                { "GET /u HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
                  "AAMAAABkAAQAAP__\r\n\r\n",
                  "GET|/u|-|||0|" },
        };
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                peer_connect(&peer, fixture->loop, fixture->path);
                peer_say(&peer, cases[i].request);
                peer_expect(&peer, 200, cases[i].reply);
                peer_close(&peer);
        }

        /* One connection, byte by byte, and all at once. */
        peer_connect(&peer, fixture->loop, fixture->path);
        for (const char *c = cases[7].request; *c; c++) {
                CHECK(peer_send(&peer, text_make(c, 1)));
                if (c[0] == '\n')
                        peer_pause(fixture->loop);
        }
        peer_expect(&peer, 200, cases[7].reply);
        for (unsigned i = 0; i < 3; i++)
                for (size_t c = 0; c < 9; c++)
                        peer_say(&peer, cases[c].request);
        for (unsigned i = 0; i < 3; i++)
                for (size_t c = 0; c < 9; c++)
                        peer_expect(&peer, 200, cases[c].reply);
        peer_close(&peer);
}

static void test_replies(Fixture *fixture) {
        char value[256];
        Reply reply;
        Peer peer;

        peer_connect(&peer, fixture->loop, fixture->path);

        peer_say(&peer, "HEAD /head HTTP/1.1\r\n\r\nGET /teapot HTTP/1.1\r\n\r\n");
        peer_read_reply(&peer, false, &reply);
        CHECK_INT(reply.status, 200);
        CHECK_STRING(reply_header(&reply, "content-length", value), "17");
        CHECK_STRING(reply_header(&reply, "x-reply", value), "a  b");
        CHECK_STRING(reply_header(&reply, "content-type", value), "text/plain");
        CHECK(!reply_header(&reply, "server", value));
        CHECK(reply_header(&reply, "date", value));

        /* A status other than 200 keeps the connection. */
        peer_expect(&peer, 418, "short and stout");
        peer_say(&peer, "GET /empty HTTP/1.1\r\n\r\n");
        peer_read_reply(&peer, false, &reply);
        CHECK_INT(reply.status, 204);
        CHECK(strncmp(reply.head, "HTTP/1.1 204 No Content\r\n", 25) == 0);
        CHECK(!reply_header(&reply, "content-length", value));
        CHECK_STRING(reply_header(&reply, "connection", value), "keep-alive");

        peer_say(&peer, "GET /large HTTP/1.1\r\n\r\n");
        peer_read_reply(&peer, true, &reply);
        CHECK_INT(reply.body.length, 4 * 1024 * 1024);
        buffer_deinit(&reply.body);

        /* HTTP/1.0 ends with the reply. */
        peer_say(&peer, "GET /x HTTP/1.0\r\n\r\n");
        peer_expect(&peer, 200, "GET|/x|-|||0|");
        peer_wait_closed(&peer);
        peer_close(&peer);
}

/* -- what is refused --------------------------------------------------------------------------- */

static void test_refused(Fixture *fixture) {
        static const struct { const char *request; unsigned status; const char *body;
        } cases[] = {
                { "POST /x HTTP/1.1\r\nAccept: application/json\r\nContent-Length: 262145\r\n\r\n", 413,
                  "{\"error\":\"Request Entity Too Large\"}" },
                { "POST /x HTTP/1.1\r\nContent-Length: 262145\r\n\r\n", 413, "Request Entity Too Large" },
                { "POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "Bad Request" },
                { "POST /x HTTP/1.1\r\nAccept: application/vnd.api+json\r\nTransfer-Encoding: gzip\r\n\r\n",
                  400, "{\"error\":\"Bad Request\"}" },
                { "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "Bad Request" },
                { "POST /x HTTP/1.1\r\nExpect: pie\r\nContent-Length: 1\r\n\r\na", 417,
                  "Expectation Failed" },
                { "\x16\x03\x01 what is this\r\n\r\n", 400, "Bad Request" },
                { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "Bad Request" },
                { "GET / HTTP/1.1\r\nbroken\x01header: x\r\n\r\n", 400, "Bad Request" },
                { "POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
                  "Bad Request: There is more than one Content-Length header." },
                { "\r\nPOST /x HTTP/1.1\r\nAccept: */json\r\nCONTENT-LENGTH: 5\r\nA: b\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n0\r\n\r\n",
                  400,
                  "{\"error\":\"Bad Request\",\"message\":\"There are both Content-Length and "
                  "Transfer-Encoding.\"}" },
                { "POST /x HTTP/1.1\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\r\n\r\n", 400,
                  "Bad Request: There is more than one Transfer-Encoding header." },
                { "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                  "Bad Request: HTTP/1.0 knows no Transfer-Encoding." },
                { "GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400,
                  "Bad Request: There is more than one Host header." },
                { "GET /x HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400,
                  "Bad Request: A header is folded over two lines." },
        };
        unsigned before = fixture->n_requests;
        Peer peer;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                peer_connect(&peer, fixture->loop, fixture->path);
                peer_say(&peer, cases[i].request);
                peer_expect(&peer, cases[i].status, cases[i].body);
                peer_wait_closed(&peer);
                peer_close(&peer);
        }
        CHECK_INT(fixture->n_requests, before);
}

/* A sender that does not read until it has sent everything gets its 413 nevertheless. */
static void test_too_large_body(Fixture *fixture) {
        char data[4096];
        Peer peer;

        memset(data, 'x', sizeof data);

        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /x HTTP/1.1\r\nContent-Length: 4194304\r\n\r\n");
        for (unsigned i = 0; i < 1024; i++)
                CHECK(peer_send(&peer, text_make(data, sizeof data)));
        peer_expect(&peer, 413, NULL);
        peer_close(&peer);

        /* Chunks have no length in advance. */
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (unsigned i = 0; i < 80; i++) {
                peer_say(&peer, "1000\r\n");
                CHECK(peer_send(&peer, text_make(data, sizeof data)));
                peer_say(&peer, "\r\n");
        }
        peer_expect(&peer, 413, "Request Entity Too Large");
        peer_close(&peer);

        /* The largest that is allowed. */
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 262144\r\n\r\n");
        peer_expect(&peer, 100, NULL);
        for (unsigned i = 0; i < 64; i++)
                CHECK(peer_send(&peer, text_make(data, sizeof data)));
        peer_expect(&peer, 200, "POST|/x|-|||0|xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        peer_close(&peer);
}

/* -- replies that come later ------------------------------------------------------------------- */

static void test_late_reply(Fixture *fixture) {
        Peer peer;

        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /hold HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
        wait_held(fixture);
        CHECK(!http_request_is_gone(fixture->held));
        CHECK_TEXT(http_body(fixture->held), "body");
        CHECK_INT(http_n_headers(fixture->held), 0);
        http_reply(TAKE_PTR(fixture->held), 202, NULL, NULL, 0, TEXT("later"));
        peer_expect(&peer, 202, "later");

        /* The watch on a peer that stays, with the next request already there, does no harm. */
        peer_say(&peer, "GET /watch HTTP/1.1\r\nA: b\r\n\r\nGET /hold HTTP/1.1\r\n\r\n");
        wait_held(fixture);
        CHECK_STRING(http_header_at(fixture->held, 0).name, "a");
        CHECK_TEXT(http_header_at(fixture->held, 0).value, "b");
        peer_pause(fixture->loop);
        CHECK(!http_request_is_gone(fixture->held));
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("first"));
        peer_expect(&peer, 200, "first");
        wait_held(fixture);
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("second"));
        peer_expect(&peer, 200, "second");
        CHECK(!fixture->gone);
        peer_close(&peer);
}

static void test_peer_goes(Fixture *fixture) {
        Peer peer;

        /* Noticed by the watch; what the request says stays readable; the reply is harmless. */
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /watch HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
        wait_held(fixture);
        peer_close(&peer);
        while (!fixture->gone)
                loop_run(fixture->loop);
        CHECK(http_request_is_gone(fixture->held));
        CHECK_TEXT(http_body(fixture->held), "body");
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("too late"));

        /* Without a watch the write finds out. */
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "GET /hold HTTP/1.1\r\n\r\n");
        wait_held(fixture);
        peer_close(&peer);
        peer_pause(fixture->loop);
        http_reply(TAKE_PTR(fixture->held), 200, NULL, NULL, 0, TEXT("too late"));

        /* In the middle of its body, and of its head. */
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /x HTTP/1.1\r\nContent-Length: 400\r\n\r\nbody");
        peer_pause(fixture->loop);
        peer_close(&peer);
        peer_connect(&peer, fixture->loop, fixture->path);
        peer_say(&peer, "POST /x HT");
        peer_pause(fixture->loop);
        peer_close(&peer);

        while (http_server_n_connections(fixture->server) > 0)
                peer_pause(fixture->loop);
}

/* The fourth waits in the backlog until one of the three leaves. */
static void test_max_connections(Fixture *fixture) {
        Peer peers[4];

        for (unsigned i = 0; i < 4; i++)
                peer_connect(&peers[i], fixture->loop, fixture->path);
        for (unsigned i = 0; i < 4; i++)
                peer_say(&peers[i], "GET /teapot HTTP/1.1\r\n\r\n");
        for (unsigned i = 0; i < 3; i++)
                peer_expect(&peers[i], 418, NULL);
        peer_pause(fixture->loop);
        CHECK_INT(http_server_n_connections(fixture->server), 3);
        CHECK_INT(peers[3].in.length, 0);

        peer_close(&peers[1]);
        peer_expect(&peers[3], 418, NULL);
        peer_close(&peers[0]);
        peer_close(&peers[2]);
        peer_close(&peers[3]);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void test_stop(void) {
        struct sockaddr_un address;
        Peer idle, busy, slow;
        Fixture fixture;
        int fd;

        fixture_open(&fixture);
        peer_connect(&idle, fixture.loop, fixture.path);
        peer_say(&idle, "GET /teapot HTTP/1.1\r\n\r\n");
        peer_expect(&idle, 418, NULL);
        peer_connect(&slow, fixture.loop, fixture.path);
        peer_say(&slow, "POST /slow HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
        peer_connect(&busy, fixture.loop, fixture.path);
        peer_say(&busy, "GET /hold HTTP/1.1\r\n\r\n");
        wait_held(&fixture);

        http_server_stop(fixture.server);
        peer_wait_closed(&idle);
        CHECK_INT(http_server_n_connections(fixture.server), 2);

        address = peer_address(fixture.path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(connect(fd, (struct sockaddr *) &address, sizeof address) < 0 && errno == ECONNREFUSED);
        close(fd);

        http_reply(TAKE_PTR(fixture.held), 200, NULL, NULL, 0, TEXT("done"));
        peer_expect(&busy, 200, "done");
        peer_wait_closed(&busy);
        peer_say(&slow, "dy");
        peer_expect(&slow, 200, "POST|/slow|-|||0|body");
        peer_wait_closed(&slow);
        CHECK_INT(http_server_n_connections(fixture.server), 0);

        peer_close(&idle);
        peer_close(&busy);
        peer_close(&slow);
        fixture_close(&fixture);
}

/* Freed with everything still going on: the handle stays good for one reply. */
static void test_free_busy(void) {
        Peer idle, busy, slow, large;
        HttpServerConfig config;
        Fixture fixture;

        fixture_open(&fixture);
        http_server_free(fixture.server);
        config = (HttpServerConfig) { .max_body = MAX_BODY, .handler = on_request, .userdata = &fixture };
        CHECK(http_server_new(fixture.loop, &config, &fixture.server) == 0);
        CHECK(http_server_listen(fixture.server, peer_listen(fixture.path)) == 0);

        peer_connect(&idle, fixture.loop, fixture.path);
        peer_connect(&slow, fixture.loop, fixture.path);
        peer_say(&slow, "POST /slow HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
        peer_connect(&large, fixture.loop, fixture.path);
        watch_set(large.watch, WATCH_NONE);
        peer_say(&large, "GET /large HTTP/1.1\r\n\r\n");
        peer_connect(&busy, fixture.loop, fixture.path);
        peer_say(&busy, "GET /watch HTTP/1.1\r\n\r\n");
        wait_held(&fixture);

        fixture.server = http_server_free(fixture.server);
        CHECK(fixture.gone);
        CHECK(http_request_is_gone(fixture.held));
        CHECK_INT(http_body(fixture.held).length, 0);
        http_reply(TAKE_PTR(fixture.held), 200, NULL, NULL, 0, TEXT("nobody"));

        peer_wait_closed(&busy);
        peer_wait_closed(&idle);
        peer_wait_closed(&slow);
        peer_close(&idle);
        peer_close(&busy);
        peer_close(&slow);
        peer_close(&large);
        fixture_close(&fixture);
}

int main(void) {
        Fixture fixture;

        alarm(60);

        fixture_open(&fixture);
        test_requests(&fixture);
        test_replies(&fixture);
        test_refused(&fixture);
        test_too_large_body(&fixture);
        test_late_reply(&fixture);
        test_peer_goes(&fixture);
        test_max_connections(&fixture);
        fixture_close(&fixture);

        test_stop();
        test_free_busy();
        return 0;
}
