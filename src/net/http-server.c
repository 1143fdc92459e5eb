/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server's life: listening, counting connections, stopping in good order.
 *
 * One configuration, one host, no paths: every request reaches the one handler through the host's
 * fallback path, and routing is done above us.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "basic/clock.h"
#include "net/http-private.h"

#define DEFAULT_MAX_CONNECTIONS 10000
#define DEFAULT_REQUEST_TIMEOUT_USEC (75 * USEC_PER_SEC)
/* More would let one process drain the backlog that it shares with others. */
#define ACCEPTS_PER_WAKEUP 4
#define DEFAULT_MAX_UNFINISHED (256u * 1024 * 1024)
#define ACCEPT_RETRY_USEC (1 * USEC_PER_SEC)
#define END_IDLE_USEC (250 * USEC_PER_MSEC)
#define NEW_USEC (2 * USEC_PER_SEC)
#define END_TUNNELS_USEC (2 * USEC_PER_SEC)
#define TRIM_USEC (100 * USEC_PER_MSEC)
#define TRIM_CLOSED_USEC (1 * USEC_PER_SEC)

typedef struct Listener {
        List link;
        HttpServer *server;
        h2o_socket_t *socket;
} Listener;

typedef struct Handler {
        h2o_handler_t super;
        HttpServer *server;
} Handler;

/* -- requests ---------------------------------------------------------------------------------- */

static int on_request(h2o_handler_t *handler, h2o_req_t *req) {
        HttpServer *server = ((Handler *) handler)->server;
        const char *problem = http_head_problem(req);

        if (req->entity.len > HTTP_LARGE_BODY)
                http_server_trim_after(server, req);
        if (problem) {
                http_refuse_head(req, problem);
                return 0;
        }

        server->config.handler(http_request_new(server, req), server->config.userdata);
        return 0;
}

/* A little later, because a body is freed after its request; and once for many. */
void http_server_trim_soon(HttpServer *server) {
        if (!timer_is_running(&server->trim))
                timer_start(&server->trim, TRIM_USEC);
}

static void on_large_gone(void *token) {
        http_server_trim_soon(*(HttpServer **) token);
}

void http_server_trim_after(HttpServer *server, h2o_req_t *req) {
        HttpServer **token = h2o_mem_alloc_shared(&req->pool, sizeof *token, on_large_gone);

        *token = server;
}

static void on_trim(Timer *timer) {
        malloc_trim(0);
}

/* -- accepting --------------------------------------------------------------------------------- */

static void on_acceptable(h2o_socket_t *socket, const char *error);

static void set_accepting(HttpServer *server, bool accepting) {
        if (accepting == server->accepting)
                return;
        server->accepting = accepting;

        list_for_each(link, &server->listeners) {
                h2o_socket_t *socket = list_entry(link, Listener, link)->socket;

                if (accepting)
                        h2o_socket_read_start(socket, on_acceptable);
                else
                        h2o_socket_read_stop(socket);
        }
}

static void on_retry_accept(Timer *timer) {
        HttpServer *server = container_of(timer, HttpServer, retry_accept);

        set_accepting(server, server->n_connections < server->config.max_connections);
}

static void on_connection_closed(void *userdata) {
        HttpServer *server = userdata;

        server->n_connections--;
        /* Half of a large body may have gone with it, which no request tells of. */
        if (!timer_is_running(&server->trim))
                timer_start(&server->trim, TRIM_CLOSED_USEC);
        if (!timer_is_running(&server->retry_accept))
                set_accepting(server, true);
}

static void accept_one(HttpServer *server, h2o_socket_t *socket) {
        server->n_connections++;
        socket->on_close.cb = on_connection_closed;
        socket->on_close.data = server;
        h2o_accept(&server->accept, socket);
        http_memory_watch(server);

        if (server->n_connections >= server->config.max_connections)
                set_accepting(server, false);
}

static void on_acceptable(h2o_socket_t *listener, const char *error) {
        HttpServer *server = ((Listener *) listener->data)->server;

        for (unsigned i = 0; i < ACCEPTS_PER_WAKEUP && server->accepting; i++) {
                h2o_socket_t *socket = h2o_evloop_socket_accept(listener);

                if (socket) {
                        accept_one(server, socket);
                        continue;
                }

                /* The connection stays in the backlog and would wake us without end. */
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        set_accepting(server, false);
                        timer_start(&server->retry_accept, ACCEPT_RETRY_USEC);
                }
                return;
        }
}

int http_server_listen(HttpServer *server, int fd) {
        Listener *listener;
        int flags;

        flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
                return -errno;

        listener = xnew(Listener, 1);
        listener->server = server;
        listener->socket = h2o_evloop_socket_create(server->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
        listener->socket->data = listener;
        list_append(&server->listeners, &listener->link);

        if (server->accepting)
                h2o_socket_read_start(listener->socket, on_acceptable);
        return 0;
}

static void close_listeners(HttpServer *server) {
        List *link;

        server->accepting = false;
        timer_stop(&server->retry_accept);

        while ((link = list_pop(&server->listeners))) {
                Listener *listener = list_entry(link, Listener, link);

                h2o_socket_close(listener->socket);
                free(listener);
        }
}

/* -- stopping ---------------------------------------------------------------------------------- */

/* Who has just connected is about to ask: ended now, it would be reset with its request on the way. */
static bool is_new(const h2o_req_t *req, struct timeval now) {
        h2o_iovec_t number = req->conn->callbacks->log_.http1.request_index((h2o_req_t *) req);
        int64_t age_usec = h2o_timeval_subtract((struct timeval *) &req->conn->connected_at, &now);

        return text_is(text_make(number.base, number.len), "1") && age_usec < (int64_t) NEW_USEC;
}

/* version 0: no request is being read or answered. What has arrived already is still served, as a shut
 * down socket gives its data before its end. */
static int end_if_idle(h2o_req_t *req, void *userdata) {
        h2o_socket_t *socket = http_socket_of(req);
        const struct timeval *now = userdata;

        if (req->version == 0 && socket->input->size == 0 && !is_new(req, *now))
                shutdown(h2o_socket_get_fd(socket), SHUT_RD);
        return 0;
}

static void on_end_idle(Timer *timer) {
        HttpServer *server = container_of(timer, HttpServer, end_idle);

        struct timeval now;

        gettimeofday(&now, NULL);
        server->globalconf.http1.callbacks.foreach_request(&server->context, end_if_idle, &now);
        if (server->n_connections > 0)
                timer_start(&server->end_idle, END_IDLE_USEC);
}

static void on_end_tunnels(Timer *timer) {
        HttpServer *server = container_of(timer, HttpServer, end_tunnels);

        list_for_each(link, &server->upgraded) {
                Upgraded *upgraded = list_entry(link, Upgraded, link);

                if (upgraded->ends_at_stop)
                        upgraded->abort(upgraded);
        }
        /* One that was just opened for a request of before. */
        if (server->n_connections > 0)
                timer_start(timer, END_TUNNELS_USEC);
}

void http_server_stop(HttpServer *server) {
        if (server->stopping)
                return;
        server->stopping = true;

        close_listeners(server);
        h2o_context_request_shutdown(&server->context);
        on_end_idle(&server->end_idle);
        timer_start(&server->end_tunnels, END_TUNNELS_USEC);
}

size_t http_server_n_connections(const HttpServer *server) {
        return server->n_connections;
}

/* -- birth and death --------------------------------------------------------------------------- */

static void configure(HttpServer *server) {
        h2o_globalconf_t *conf = &server->globalconf;

        h2o_config_init(conf);
        conf->server_name = h2o_iovec_init("", 0);
        conf->max_request_entity_size = server->config.max_body;
        conf->http1.req_timeout = server->config.request_timeout_usec / USEC_PER_MSEC;
        conf->http1.upgrade_to_http2 = 0;
        /* Without HTTP/2 there is nobody to say goodbye to; its timer would outlive the context. */
        conf->http2.callbacks.request_shutdown = NULL;

        /* Large bodies stay in memory: the limit is ours, and a service may have no place for files. */
        h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
}

static void register_handler(HttpServer *server) {
        h2o_hostconf_t *host =
                h2o_config_register_host(&server->globalconf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
        Handler *handler = (Handler *) h2o_create_handler(&host->fallback_path, sizeof *handler);

        handler->super.on_req = on_request;
        handler->server = server;
        host->fallback_path.error_log.emit_request_errors = 0;
        http_error_filter_register(server, &host->fallback_path);

        server->hosts[0] = host;
}

int http_server_new(Loop *loop, const HttpServerConfig *config, HttpServer **ret_server) {
        HttpServer *server = xnew(HttpServer, 1);

        server->loop = loop;
        server->config = *config;
        if (server->config.max_connections == 0)
                server->config.max_connections = DEFAULT_MAX_CONNECTIONS;
        if (server->config.max_unfinished == 0)
                server->config.max_unfinished = MAX(DEFAULT_MAX_UNFINISHED, 16 * server->config.max_body);
        if (server->config.request_timeout_usec == 0)
                server->config.request_timeout_usec = DEFAULT_REQUEST_TIMEOUT_USEC;

        server->accepting = true;
        list_init(&server->listeners);
        list_init(&server->requests);
        list_init(&server->free_requests);
        list_init(&server->upgraded);
        list_init(&server->lingering);
        list_init(&server->upstreams);
        timer_init(&server->retry_accept, loop, on_retry_accept);
        timer_init(&server->end_idle, loop, on_end_idle);
        timer_init(&server->end_tunnels, loop, on_end_tunnels);
        timer_init(&server->trim, loop, on_trim);
        http_memory_init(server);

        configure(server);
        register_handler(server);
        h2o_context_init(&server->context, loop_native(loop), &server->globalconf);
        server->accept = (h2o_accept_ctx_t) { .ctx = &server->context, .hosts = server->hosts };

        *ret_server = server;
        return 0;
}

static int first_request(h2o_req_t *req, void *userdata) {
        *(h2o_req_t **) userdata = req;
        return 1;
}

/*
 * h2o closes a connection only from its own callbacks, so they are called with the error they would
 * get. In a handler or a proxied reply there is none: the reply is cut, which leaves one to call, as
 * nothing can be written any more.
 */
static void end_connection(h2o_req_t *req) {
        h2o_socket_t *socket = http_socket_of(req);
        h2o_socket_cb callback;

        shutdown(h2o_socket_get_fd(socket), SHUT_RDWR);
        req->http1_is_persistent = 0;

        if (h2o_socket_is_writing(socket)) {
                callback = socket->_cb.write;
                socket->_cb.write = NULL;
                callback(socket, h2o_socket_error_io);
        } else if (h2o_socket_is_reading(socket))
                socket->_cb.read(socket, h2o_socket_error_closed);
        else if (req->_generator)
                h2o_send(req, NULL, 0, H2O_SEND_STATE_ERROR);
        else
                http_send(req, 503, NULL, NULL, 0, TEXT_NULL);
}

static void end_connections(HttpServer *server) {
        for (h2o_req_t *req; req = NULL,
             server->globalconf.http1.callbacks.foreach_request(&server->context, first_request, &req), req;)
                end_connection(req);

        while (!list_is_empty(&server->upgraded)) {
                Upgraded *upgraded = list_entry(server->upgraded.next, Upgraded, link);

                list_unlink(&upgraded->link);
                upgraded->abort(upgraded);
        }
}

HttpServer *http_server_free(HttpServer *server) {
        if (!server)
                return NULL;

        close_listeners(server);
        http_requests_free(server);
        end_connections(server);
        upstreams_free(server);
        http_linger_free_all(server);
        timer_stop(&server->end_idle);
        timer_stop(&server->end_tunnels);
        timer_stop(&server->trim);
        timer_stop(&server->look);

        h2o_context_dispose(&server->context);
        free(server->context.queue);    /* h2o 2.2 disposes of what is in it and forgets the rest */
        h2o_config_dispose(&server->globalconf);
        free(server);
        return NULL;
}
