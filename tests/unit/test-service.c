/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a daemon, seen from outside: a child runs service_main() on a socket in a directory of ours,
 * with its database away. What it tells the service manager arrives on a socket as well; what callers hear
 * is read from the connection.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "serve/route.h"
#include "serve/service.h"
#include "serve/session.h"

static char directory[] = "/tmp/test-service-XXXXXX";
static char socket_path[64], notify_path[64];

/* -- the daemon --------------------------------------------------------------------------------------- */

static int say_hello(Call *call) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_text(&w, "hello", call_path_value(call, 0));
        json_text(&w, "query", call_query(call, "q"));
        json_end(&w);
        call_header(call, "x-test", TEXT("a value"));
        return call_reply_buffer(call, 201, &body);
}

static int echo(Call *call) {
        return call_reply(call, 200, call_body(call));
}

typedef struct Slow {
        Call call;
        Timer timer;
} Slow;

static void on_slow(Timer *timer) {
        call_resume(&container_of(timer, Slow, timer)->call, CALL_NEXT);
}

/* Until the service stops: so that a stop always meets it under way. */
static int be_slow(Call *call) {
        Slow *slow = container_of(call, Slow, call);

        timer_init(&slow->timer, call->service->loop, on_slow);
        call->service->state = slow;
        return call_wait(call);
}

static void on_stop(Service *service) {
        Slow *slow = service->state;

        if (slow)
                timer_start(&slow->timer, 10 * USEC_PER_MSEC);
}

static int reply_empty(Call *call) {
        return call_reply(call, 200, TEXT("{\"slow\":true}"));
}

static const Query query = { "test", "SELECT $1::text", 1 };

static int ask_database(Call *call) {
        return db_ask(call, &query, P_TEXT(TEXT("x")));
}

static int who(Call *call) {
        return call_reply(call, 200, call->principal->superuser ? TEXT("{\"root\":true}") : TEXT("{}"));
}

static int authenticate(Call *call) {
        Text token;
        int r;

        r = session_bearer(call, &token);
        if (r < 0)
                return r;
        if (!text_is(token, "good"))
                return -EKEYREJECTED;

        session_set_principal(call, &(Principal) { .kind = PRINCIPAL_USER, .superuser = true });
        return CALL_NEXT;
}

static const Stage hello_stages[] = { say_hello, NULL };
static const Stage echo_stages[] = { echo, NULL };
static const Stage slow_stages[] = { be_slow, reply_empty, NULL };
static const Stage database_stages[] = { ask_database, reply_empty, NULL };
static const Stage who_stages[] = { who, NULL };
static const Stage authenticate_stages[] = { authenticate, NULL };

static const Route routes[] = {
        { "GET", "/hello/{name}", hello_stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
        { "POST", "/api/echo", echo_stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC, 16 },
        { "GET", "/api/database", database_stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
        { "GET", "/api/who", who_stages, sizeof(Call), AUTH_TOKEN, RIGHT_AUTHENTICATED },
        { "GET", "/slow", slow_stages, sizeof(Slow), AUTH_NONE, RIGHT_PUBLIC },
        {}
};

static void on_request(HttpRequest *request, void *userdata) {
        route_serve(userdata, routes, request);
}

static const ServiceConfig config = {
        .name = "fulgur-test",
        .summary = "Is tested",
        .n_connections = 1,
        .handler = on_request,
        .routes = routes,
        .stop = on_stop,
        .authenticate = authenticate_stages,
};

/* -- starting and stopping it --------------------------------------------------------------------------- */

static int notify_fd;

static int bind_unix(const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        strcpy(address.sun_path, path);
        CHECK(bind(fd, (struct sockaddr *) &address, sizeof address) == 0);
        return fd;
}

/* As the service manager starts it: a listening socket is number 3. */
static void become_activated(int listener) {
        char pid[16];

        CHECK(dup2(listener, 3) == 3);
        snprintf(pid, sizeof pid, "%d", (int) getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_FDNAMES", "test", 1);
}

static pid_t start(const char *const arguments[], const char *const environment[], int listener) {
        char listen_option[96];
        char *argv[8] = { (char *) "fulgur-test" };
        int argc = 1;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        CHECK(pid >= 0);
        if (pid > 0)
                return pid;

        clearenv();
        setenv("NOTIFY_SOCKET", notify_path, 1);
        setenv("FULGUR_ENV_FILE", "/nonexistent", 1);
        setenv("DATABASE_URL", "postgresql:///none?host=/nonexistent", 1);
        setenv("DATABASE_TIMEOUT", "100", 1);
        for (size_t i = 0; environment && environment[i]; i += 2)
                setenv(environment[i], environment[i + 1], 1);

        if (listener >= 0)
                become_activated(listener);
        else {
                snprintf(listen_option, sizeof listen_option, "--listen=%s", socket_path);
                argv[argc++] = listen_option;
        }
        for (size_t i = 0; arguments && arguments[i]; i++)
                argv[argc++] = (char *) arguments[i];

        exit(service_main(&config, argc, argv));
}

static int stopped(pid_t pid) {
        int status;

        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The next message that begins so; others (STATUS=) are passed over. */
static void expect_notify(const char *start_of_message, char message[static 512]) {
        for (;;) {
                ssize_t n = recv(notify_fd, message, 511, 0);

                CHECK(n > 0);
                message[n] = '\0';
                if (strncmp(message, start_of_message, strlen(start_of_message)) == 0)
                        return;
        }
}

static void expect(const char *start_of_message) {
        char message[512];

        expect_notify(start_of_message, message);
}

/* -- talking to it
 * ------------------------------------------------------------------------------------------ */

static int dial(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        strcpy(address.sun_path, socket_path);
        CHECK(connect(fd, (struct sockaddr *) &address, sizeof address) == 0);
        return fd;
}

static void ask(int fd, const char *method, const char *path, const char *headers, const char *body) {
        char request[2048];
        int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
                         method, path, strlen(body), headers, body);

        CHECK(n > 0 && (size_t) n < sizeof request);
        CHECK(write(fd, request, (size_t) n) == n);
}

static void hear(int fd, char reply[static 4096]) {
        size_t length = 0;
        ssize_t n;

        while ((n = read(fd, reply + length, 4095 - length)) > 0)
                length += (size_t) n;
        CHECK(n == 0);
        reply[length] = '\0';
        close(fd);
}

static void check_contains(const char *text, const char *part) {
        if (!strstr(text, part))
                fprintf(stderr, "\"%s\" is missing in:\n%s\n", part, text);
        CHECK(strstr(text, part));
}

/* -- what callers hear
 * ---------------------------------------------------------------------------------------- */

#define ID "0123456789-abcdefghij"

static void test_replies(void) {
        static const struct {
                const char *method, *path, *headers, *body, *contains[4];
        } cases[] = {
                { "GET", "/hello/w%C3%B6rld?q=a+b%21", "x-request-id: " ID "\r\n", "",
                  { "HTTP/1.1 201 Created\r\n", "\r\nx-request-id: " ID "\r\n", "\r\nx-test: a value\r\n",
                    "{\"hello\":\"w\xc3\xb6rld\",\"query\":\"a b!\"}" } },
                { "GET", "/hello/x", "", "",
                  { "\r\ncontent-type: application/json; charset=utf-8\r\n", "\r\nx-request-id: ",
                    "\r\naccess-control-allow-origin: *\r\n", "\r\naccess-control-allow-credentials: true\r\n" } },
                { "HEAD", "/hello/x", "", "", { "HTTP/1.1 201 Created\r\n" } },
                { "GET", "/nowhere", "", "", { "HTTP/1.1 404 Not Found\r\n", "\r\n\r\n{\"error\":\"Not Found\"}" } },
                { "PUT", "/hello/x", "", "", { "HTTP/1.1 404 Not Found\r\n", "{\"error\":\"Not Found\"}" } },
                { "GET", "/hello/%00", "", "", { "HTTP/1.1 400 Bad Request\r\n", "\r\n\r\nBad Request" } },
                { "GET", "/hello/%zz", "Accept: application/json\r\n", "", { "HTTP/1.1 400 ", "{\"error\":\"Bad Request\"}" } },
                { "POST", "/api/echo", "", "{\"a\":1}", { "HTTP/1.1 200 OK\r\n", "\r\n\r\n{\"a\":1}" } },
                { "POST", "/api/echo", "", "0123456789abcdef", { "HTTP/1.1 200 OK\r\n" } },
                { "POST", "/api/echo", "", "0123456789abcdef0",
                  { "HTTP/1.1 413 Request Entity Too Large\r\n", "\r\n\r\nRequest Entity Too Large" } },
                { "POST", "/api/echo", "Accept: application/json\r\n", "0123456789abcdef0",
                  { "HTTP/1.1 413 ", "{\"error\":\"Request Entity Too Large\"}" } },
                { "POST", "/api/echo", "Accept: text/html\r\n", "{}", { "HTTP/1.1 406 Not Acceptable\r\n" } },
                { "POST", "/api/echo", "Accept: text/html, */*;q=0.1\r\n", "{}", { "HTTP/1.1 200 OK\r\n" } },
                /* A body where none is read is no reason to refuse. */
                { "GET", "/hello/x", "", "{}", { "HTTP/1.1 201 Created\r\n" } },
                { "GET", "/api/who", "", "", { "HTTP/1.1 401 Unauthorized\r\n", "{\"error\":\"Unauthorized\"}" } },
                { "GET", "/api/who", "Authorization: Bearer bad\r\n", "", { "HTTP/1.1 401 " } },
                { "GET", "/api/who", "Authorization: bearer good\r\n", "", { "HTTP/1.1 401 " } },
                { "GET", "/api/who", "Authorization: Bearer \r\n", "", { "HTTP/1.1 401 " } },
                { "GET", "/api/who", "Authorization: Bearer good\r\nAuthorization: Bearer good\r\n", "", { "HTTP/1.1 401 " } },
                { "GET", "/api/who", "Authorization: Bearer good\r\n", "", { "HTTP/1.1 200 OK\r\n", "{\"root\":true}" } },
                /* Nobody is asked who they are by a preflight, wherever it goes. */
                { "OPTIONS", "/api/who", "Origin: https://a.example\r\n", "",
                  { "HTTP/1.1 204 No Content\r\n", "\r\naccess-control-max-age: 1728000\r\n",
                    "\r\naccess-control-allow-methods: GET,POST,PUT,PATCH,DELETE,OPTIONS\r\n" } },
                { "OPTIONS", "/nowhere", "", "", { "HTTP/1.1 204 No Content\r\n" } },
                /* Ids that could do harm, or are none, are replaced. */
                { "GET", "/nowhere", "x-request-id: short\r\n", "", { "\r\nx-request-id: 0" } },
                { "GET", "/nowhere", "x-request-id: 0123456789\"0123456789\r\n", "", { "\r\nx-request-id: 0" } },
                { "GET", "/api/database", "", "", { "HTTP/1.1 503 Service Unavailable\r\n", "{\"error\":\"Service Unavailable\"}" } },
        };
        pid_t pid = start(NULL, NULL, -1);

        expect("READY=1");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char reply[4096];
                int fd = dial();

                ask(fd, cases[i].method, cases[i].path, cases[i].headers, cases[i].body);
                hear(fd, reply);
                for (size_t n = 0; n < ELEMENTSOF(cases[i].contains) && cases[i].contains[n]; n++)
                        check_contains(reply, cases[i].contains[n]);
                if (strcmp(cases[i].method, "HEAD") == 0)
                        CHECK_STRING(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
        }

        kill(pid, SIGTERM);
        CHECK_INT(stopped(pid), 0);
}

static void test_cors_list(void) {
        static const char *const environment[] = { "CORS_ORIGIN", "https://a.example, https://b.example", NULL };
        static const struct {
                const char *origin;
                bool is_listed;
        } cases[] = {
                { "https://a.example", true  }, { "https://b.example",   true  }, { "https://c.example", false },
                { "https://a.exampl",  false }, { "https://a.example.x", false }, { "",                  false },
        };
        pid_t pid = start(NULL, environment, -1);

        expect("READY=1");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char reply[4096], header[128], allowed[128];
                int fd = dial();

                snprintf(header, sizeof header, "Origin: %s\r\n", cases[i].origin);
                snprintf(allowed, sizeof allowed, "\r\naccess-control-allow-origin: %s\r\n", cases[i].origin);
                ask(fd, "GET", "/hello/x", header, "");
                hear(fd, reply);
                check_contains(reply, "\r\nvary: Origin\r\n");
                if (cases[i].is_listed)
                        check_contains(reply, allowed);
                else
                        CHECK(!strstr(reply, "access-control-allow-origin"));
        }

        kill(pid, SIGTERM);
        CHECK_INT(stopped(pid), 0);
}

/* -- its life
 * ------------------------------------------------------------------------------------------------- */

static void test_notify(void) {
        static const char *const environment[] = { "WATCHDOG_USEC", "20000", NULL };
        pid_t pid = start(NULL, environment, -1);
        char message[512];

        expect_notify("READY=1", message);
        expect_notify("STATUS=", message);
        check_contains(message, "0 calls, 0 connections, database away");
        expect("WATCHDOG=1");

        kill(pid, SIGHUP);
        expect_notify("RELOADING=1\nMONOTONIC_USEC=", message);
        expect("READY=1");

        kill(pid, SIGINT);
        expect("STOPPING=1");
        CHECK_INT(stopped(pid), 0);
}

/* What is under way is finished, and new callers are left to the next one. */
static void test_graceful_stop(void) {
        pid_t pid = start(NULL, NULL, -1);
        char reply[4096];
        int fd, idle;

        expect("READY=1");
        idle = dial();
        fd = dial();
        ask(fd, "GET", "/slow", "", "");
        /* Answered in turn behind it: the slow one has been taken in. */
        hear((ask(idle, "GET", "/hello/x", "", ""), idle), reply);
        check_contains(reply, "201 Created");

        kill(pid, SIGTERM);
        expect("STOPPING=1");
        hear(fd, reply);
        check_contains(reply, "HTTP/1.1 200 OK\r\n");
        check_contains(reply, "{\"slow\":true}");
        CHECK_INT(stopped(pid), 0);
}

static void test_idle_exit(void) {
        static const char *const arguments[] = { "--exit-idle-time=1", NULL };
        int listener = bind_unix(socket_path, SOCK_STREAM);
        char reply[4096];
        pid_t pid;
        int fd;

        CHECK(listen(listener, 8) == 0);
        pid = start(arguments, NULL, listener);
        expect("READY=1");
        fd = dial();
        ask(fd, "GET", "/hello/x", "", "");
        hear(fd, reply);
        check_contains(reply, "201 Created");

        /* By itself; the socket stays with us, and who comes next waits in it. */
        expect("STOPPING=1");
        CHECK_INT(stopped(pid), 0);
        fd = dial();
        ask(fd, "GET", "/hello/y", "", "");
        pid = start(NULL, NULL, listener);
        hear(fd, reply);
        check_contains(reply, "{\"hello\":\"y\"");
        kill(pid, SIGTERM);
        CHECK_INT(stopped(pid), 0);

        close(listener);
        (void) unlink(socket_path);
}

static void test_refuses_to_start(void) {
        static const struct {
                const char *arguments[2], *environment[3];
                int status;
        } cases[] = {
                { { "--help" },              {},                          0 },
                { { "--version" },           {},                          0 },
                { { "--list-routes" },       {},                          0 },
                { { "--nonsense" },          {},                          1 },
                { { "argument" },            {},                          1 },
                { { "--exit-idle-time=x" },  {},                          1 },
                { { "--listen=nowhere" },    {},                          1 },
                { { "--listen=/no/such/s" }, {},                          1 },
                { {},                        { "PORT", "x" },             78 },
                { {},                        { "DATABASE_URL", "x://" },  1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int status = stopped(start(cases[i].arguments, cases[i].environment, -1));

                if (status != cases[i].status)
                        fprintf(stderr, "case %zu\n", i);
                CHECK_INT(status, cases[i].status);
        }
}

/* Messages of expected refusals and the printed table are not this test's result. */
static void be_quiet(void) {
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

        CHECK(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
        close(fd);
}

int main(void) {
        CHECK(mkdtemp(directory));
        snprintf(socket_path, sizeof socket_path, "%s/http", directory);
        snprintf(notify_path, sizeof notify_path, "%s/notify", directory);
        notify_fd = bind_unix(notify_path, SOCK_DGRAM);
        be_quiet();

        test_replies();
        test_cors_list();
        test_notify();
        test_graceful_stop();
        (void) unlink(socket_path);
        test_idle_exit();
        test_refuses_to_start();

        close(notify_fd);
        (void) unlink(notify_path);
        (void) unlink(socket_path);
        CHECK(rmdir(directory) == 0);
        return 0;
}
