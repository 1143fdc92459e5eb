/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One WebSocket. wslay reads: masks, fragments, UTF-8, limits, the order of a close. What we send is framed
 * here, because a server's frame is its length and its bytes, and wslay's own queue lets a close overtake
 * data. Everything goes to one buffer, ours and what wslay answers by itself (pong, close), and from there
 * with one write at a time.
 *
 * All progress is made by turn(), which is called from the loop and from nowhere else; what the owner calls
 * only fills the buffer. So the owner never sees on_close inside a call of its own.
 */

#include <errno.h>
#include <wslay/wslay.h>

#include "basic/buffer.h"
#include "basic/clock.h"
#include "net/websocket-private.h"

#define CLOSE_USEC (5 * USEC_PER_SEC)
#define MAX_REASON 123                  /* a control frame's 125 bytes less the code */
#define KEPT_BUFFER (4 * 1024)          /* larger ones are freed when they are empty */
#define LARGE_MESSAGE (1024 * 1024)
/* wslay keeps fragments apart until the last one, with some 50 bytes of its own for each. */
#define MAX_FRAGMENTS 4096

struct WebSocket {
        Upgraded upgraded;
        HttpServer *server;
        h2o_socket_t *socket;           /* NULL until the 101 is written */
        wslay_event_context_ptr wslay;

        WebSocketConfig config;
        WebSocketHandlers handlers;
        void *userdata;

        Buffer out;                     /* frames to be written */
        Buffer in_flight;               /* h2o's, until it says so */
        Soon kick;
        Timer timer;                    /* the idle peer's; after a close the unanswered one's */
        uint64_t heard_usec;
        unsigned n_fragments;           /* of the message that is coming in */

        bool in_turn;
        bool close_asked;
        bool close_sent;                /* to the buffer */
        bool lost;                      /* nothing can be sent or received any more */
        unsigned close_code;
        size_t reason_length;
        char reason[MAX_REASON];
};

static void turn(WebSocket *socket);

/* -- the end ----------------------------------------------------------------------------------- */

static void finish(WebSocket *socket) {
        unsigned code = wslay_event_get_status_code_received(socket->wslay);

        /* Sending from on_close is allowed and does nothing. */
        socket->lost = true;
        list_unlink(&socket->upgraded.link);
        /* The last of many leaves a large heap of nothing behind. */
        if (list_is_empty(&socket->server->upgraded))
                http_server_trim_soon(socket->server);
        timer_stop(&socket->timer);
        soon_cancel(&socket->kick);
        if (socket->socket)
                h2o_socket_close(socket->socket);

        socket->handlers.on_close(socket, code, socket->userdata);

        soon_cancel(&socket->kick);
        wslay_event_context_free(socket->wslay);
        buffer_deinit(&socket->out);
        buffer_deinit(&socket->in_flight);
        free(socket);
}

static void on_server_freed(Upgraded *upgraded) {
        finish(container_of(upgraded, WebSocket, upgraded));
}

/* -- frames ------------------------------------------------------------------------------------ */

static void append_frame(Buffer *out, uint8_t opcode, Text data) {
        uint8_t head[10] = { 0x80 | opcode };
        unsigned n_length = data.length < 126 ? 0 : data.length <= UINT16_MAX ? 2 : 8;

        head[1] = n_length == 0 ? (uint8_t) data.length : n_length == 2 ? 126 : 127;
        for (unsigned i = 0; i < n_length; i++)
                head[2 + i] = (uint8_t) ((uint64_t) data.length >> 8 * (n_length - 1 - i));

        buffer_reserve(out, sizeof head + data.length);
        buffer_append(out, head, 2 + n_length);
        buffer_append(out, data.data, data.length);
}

/* -- what wslay asks of us --------------------------------------------------------------------- */

/* A peer that does not read but keeps asking (pings too are answered) is not listened to for a while. */
static bool is_clogged(const WebSocket *socket) {
        return websocket_queued(socket) > socket->config.max_queue / 2;
}

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *data, size_t size, int flags, void *userdata) {
        WebSocket *socket = userdata;
        h2o_buffer_t *input = socket->socket->input;
        size_t length = MIN(size, input->size);

        if (length == 0 || is_clogged(socket)) {
                wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }

        memcpy(data, input->bytes, length);
        h2o_buffer_consume(&socket->socket->input, length);
        return (ssize_t) length;
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t length, int flags,
                       void *userdata) {
        WebSocket *socket = userdata;

        buffer_append(&socket->out, data, length);
        return (ssize_t) length;
}

static void on_frame(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *arg,
                     void *userdata) {
        WebSocket *socket = userdata;

        if (wslay_is_ctrl_frame(arg->opcode))
                return;
        socket->n_fragments = arg->fin ? 0 : socket->n_fragments + 1;
        if (socket->n_fragments > MAX_FRAGMENTS)
                socket->lost = true;
}

static void on_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *arg,
                       void *userdata) {
        WebSocket *socket = userdata;

        if (wslay_is_ctrl_frame(arg->opcode) || socket->close_asked || socket->lost)
                return;

        if (arg->msg_length > LARGE_MESSAGE)
                http_server_trim_soon(socket->server);
        socket->handlers.on_message(socket,
                                    arg->opcode == WSLAY_TEXT_FRAME ? WEBSOCKET_TEXT : WEBSOCKET_BINARY,
                                    text_make(arg->msg, arg->msg_length), socket->userdata);
}

/* -- turning ----------------------------------------------------------------------------------- */

static void on_read(h2o_socket_t *h2o_socket, const char *error) {
        WebSocket *socket = h2o_socket->data;

        socket->heard_usec = loop_now_usec(socket->timer.loop);
        if (error)
                socket->lost = true;
        turn(socket);
}

static void on_written(h2o_socket_t *h2o_socket, const char *error) {
        WebSocket *socket = h2o_socket->data;

        buffer_clear(&socket->in_flight);
        if (socket->in_flight.room > KEPT_BUFFER)
                buffer_deinit(&socket->in_flight);
        if (error)
                socket->lost = true;
        else if (socket->close_sent)
                timer_start(&socket->timer, CLOSE_USEC);
        turn(socket);
}

static void note_close_sent(WebSocket *socket) {
        socket->close_sent = true;
        timer_start(&socket->timer, CLOSE_USEC);
}

static void receive(WebSocket *socket) {
        h2o_socket_t *h2o_socket = socket->socket;

        if (!wslay_event_get_read_enabled(socket->wslay)) {
                /* After a close or an error the peer's rest is of no interest, but unread it would
                 * reset the connection and take our close frame with it. */
                h2o_buffer_consume(&h2o_socket->input, h2o_socket->input->size);
                return;
        }
        if (h2o_socket->input->size == 0 || wslay_event_recv(socket->wslay) == 0)
                return;

        /* A frame that is none: wslay would close without saying why. */
        append_frame(&socket->out, WSLAY_CONNECTION_CLOSE, TEXT("\x03\xea"));
        note_close_sent(socket);
}

/* Behind all data, as that is in the buffer already. */
static void queue_close(WebSocket *socket) {
        if (!socket->close_asked || socket->close_sent || wslay_event_get_close_received(socket->wslay))
                return;
        if (wslay_event_queue_close(socket->wslay, (uint16_t) socket->close_code,
                                    (const uint8_t *) socket->reason, socket->reason_length) != 0)
                socket->lost = true;
}

static void let_wslay_send(WebSocket *socket) {
        if (socket->close_sent)
                return;
        if (wslay_event_want_write(socket->wslay) && wslay_event_send(socket->wslay) != 0)
                socket->lost = true;
        if (wslay_event_get_close_sent(socket->wslay))
                note_close_sent(socket);
}

static void flush(WebSocket *socket) {
        Buffer buffer = socket->out;

        if (buffer.length == 0 || h2o_socket_is_writing(socket->socket))
                return;

        socket->out = socket->in_flight;
        socket->in_flight = buffer;
        h2o_socket_write(socket->socket, &(h2o_iovec_t) { buffer.data, buffer.length }, 1, on_written);
}

/* Both have said goodbye and ours is out: the server closes first. */
static bool is_done(WebSocket *socket) {
        return socket->close_sent && wslay_event_get_close_received(socket->wslay) &&
               websocket_queued(socket) == 0;
}

static void listen_or_not(WebSocket *socket) {
        if (!is_clogged(socket))
                h2o_socket_read_start(socket->socket, on_read);
        else if (h2o_socket_is_reading(socket->socket))
                h2o_socket_read_stop(socket->socket);
}

static void turn(WebSocket *socket) {
        socket->in_turn = true;
        if (!socket->lost)
                receive(socket);
        queue_close(socket);
        if (!socket->lost)
                let_wslay_send(socket);
        socket->in_turn = false;

        if (socket->lost || is_done(socket)) {
                finish(socket);
                return;
        }
        flush(socket);
        listen_or_not(socket);
}

static void on_kick(Soon *soon) {
        WebSocket *socket = container_of(soon, WebSocket, kick);

        /* Before the 101 is written on_upgraded() is still to come, and does this. */
        if (socket->socket)
                turn(socket);
}

static void kick(WebSocket *socket) {
        if (!socket->in_turn)
                soon_call(&socket->kick);
}

/* The idle peer's deadline moves with all it sends; the timer finds out when it fires. */
static void on_timer(Timer *timer) {
        WebSocket *socket = container_of(timer, WebSocket, timer);
        uint64_t silent_usec = loop_now_usec(timer->loop) - socket->heard_usec;

        if (socket->close_sent || socket->close_asked)
                finish(socket);
        else if (silent_usec < socket->config.idle_timeout_usec)
                timer_start(timer, socket->config.idle_timeout_usec - silent_usec);
        else {
                websocket_close(socket, WSLAY_CODE_GOING_AWAY, NULL);
                timer_start(timer, CLOSE_USEC);
        }
}

/* -- the owner's side -------------------------------------------------------------------------- */

static void on_upgraded(void *userdata, h2o_socket_t *h2o_socket, size_t request_size) {
        WebSocket *socket = userdata;

        if (!h2o_socket || socket->lost) {
                socket->socket = h2o_socket;
                finish(socket);
                return;
        }

        h2o_buffer_consume(&h2o_socket->input, request_size);
        h2o_socket->data = socket;
        socket->socket = h2o_socket;
        socket->heard_usec = loop_now_usec(socket->timer.loop);
        list_append(&socket->server->upgraded, &socket->upgraded.link);
        if (socket->config.idle_timeout_usec > 0)
                timer_start(&socket->timer, socket->config.idle_timeout_usec);
        turn(socket);
}

int websocket_accept(HttpRequest *request, const WebSocketConfig *config, const WebSocketHandlers *handlers,
                     void *userdata, WebSocket **ret_socket) {
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .on_frame_recv_start_callback = on_frame,
                .on_msg_recv_callback = on_message,
        };
        WebSocket *socket;
        int r;

        if (http_request_is_gone(request)) {
                http_reply(request, 400, NULL, NULL, 0, TEXT_NULL);
                return -EPROTO;
        }
        r = websocket_check_handshake(request);
        if (r < 0)
                return r;

        socket = xnew(WebSocket, 1);
        socket->server = request->server;
        socket->config = *config;
        socket->handlers = *handlers;
        socket->userdata = userdata;
        socket->upgraded.abort = on_server_freed;
        list_init(&socket->upgraded.link);
        timer_init(&socket->timer, socket->server->loop, on_timer);
        soon_init(&socket->kick, socket->server->loop, on_kick);
        if (wslay_event_context_server_init(&socket->wslay, &callbacks, socket) != 0)
                out_of_memory();
        wslay_event_config_set_max_recv_msg_length(socket->wslay, config->max_message);

        websocket_upgrade(request, config->protocol, on_upgraded, socket);
        *ret_socket = socket;
        return 0;
}

static bool is_open(const WebSocket *socket) {
        return !socket->lost && !socket->close_asked && !socket->close_sent &&
               !wslay_event_get_close_received(socket->wslay);
}

void websocket_send(WebSocket *socket, WebSocketKind kind, Text data) {
        if (!is_open(socket))
                return;

        if (websocket_queued(socket) > socket->config.max_queue)
                socket->lost = true;
        else
                append_frame(&socket->out, kind == WEBSOCKET_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
                             data);
        kick(socket);
}

void websocket_close(WebSocket *socket, unsigned code, const char *reason) {
        if (socket->lost || socket->close_asked)
                return;

        socket->close_asked = true;
        socket->close_code = code;
        socket->reason_length = reason ? MIN(strlen(reason), (size_t) MAX_REASON) : 0;
        if (reason)
                memcpy(socket->reason, reason, socket->reason_length);
        kick(socket);
}

size_t websocket_queued(const WebSocket *socket) {
        return socket->out.length + socket->in_flight.length;
}
