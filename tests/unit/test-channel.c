/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channels: conversations. What a peer says on its WebSocket, what it hears, in which order.
 *
 * The WebSocket is a stand-in that keeps what is sent; net/websocket.c has its own test.
 */

#include <errno.h>

#include "check.h"
#include "serve/channel.h"
#include "serve/service.h"

struct WebSocket {
        WebSocketHandlers handlers;
        void *userdata;
        unsigned close_code;
};

static Service service;
static WebSocket web_socket;
static Buffer heard[64];
static WebSocketKind heard_kinds[ELEMENTSOF(heard)];
static size_t n_heard, next_heard;
static unsigned n_gone, n_closed;

/* -- the stand-in ---------------------------------------------------------------------------------- */

int websocket_accept(HttpRequest *request, const WebSocketConfig *config, const WebSocketHandlers *handlers,
                     void *userdata, WebSocket **ret_socket) {
        if (!config)
                return -EPROTO;

        web_socket = (WebSocket) { .handlers = *handlers, .userdata = userdata };
        *ret_socket = &web_socket;
        return 0;
}

void websocket_send(WebSocket *socket, WebSocketKind kind, Text data) {
        CHECK(socket->close_code == 0);
        CHECK(n_heard < ELEMENTSOF(heard));
        heard_kinds[n_heard] = kind;
        buffer_append_text(&heard[n_heard++], data);
}

void websocket_close(WebSocket *socket, unsigned code, const char *reason) {
        CHECK_INT(socket->close_code, 0);
        socket->close_code = code;
}

static void forget_heard(void) {
        for (size_t i = 0; i < n_heard; i++)
                buffer_deinit(&heard[i]);
        memset(heard, 0, sizeof heard);
        n_heard = next_heard = 0;
}

/* -- the kinds --------------------------------------------------------------------------------------- */

static ChannelCall *waiting[8];
static size_t n_waiting;

static ChannelCall *as_channel_call(Call *call) {
        return container_of(call, ChannelCall, call);
}

static int join_room(Call *call) {
        return channel_reply_ok(as_channel_call(call), TEXT("{}"));
}

static int wait_here(Call *call) {
        CHECK(n_waiting < ELEMENTSOF(waiting));
        waiting[n_waiting++] = as_channel_call(call);
        return call_wait(call);
}

static int join_run_at_once(Call *call) {
        ChannelCall *self = as_channel_call(call);

        self->channel->state = xstrdup("state");
        if (text_contains(self->payload, "wait"))
                return CALL_NEXT;
        if (text_contains(self->payload, "deny"))
                return channel_reply_reason(self, "unauthorized");
        if (text_contains(self->payload, "crash"))
                return -EIO;
        if (text_contains(self->payload, "unknown"))
                return -ENOENT;
        return channel_reply_ok(self, TEXT("{}"));
}

static int wait_to_join(Call *call) {
        ChannelCall *self = as_channel_call(call);

        if (text_contains(self->payload, "later"))
                self->payload = TEXT("deny");
        return wait_here(call);
}

static int join_after_wait(Call *call) {
        ChannelCall *self = as_channel_call(call);

        if (text_is(self->payload, "deny"))
                return channel_reply_reason(self, "not_found");
        return channel_reply_ok(self, TEXT("{}"));
}

static int echo(Call *call) {
        ChannelCall *self = as_channel_call(call);

        CHECK(self->channel);
        return channel_reply_ok(self, self->payload);
}

static int give_binary(Call *call) {
        return channel_reply_binary(as_channel_call(call), TEXT("data"));
}

static int give_invalid(Call *call) {
        call_invalid(call, "state", "is invalid");
        return -EINVAL;
}

static int give_error(Call *call) {
        return text_contains(as_channel_call(call)->payload, "busy") ? -EBUSY : -EIO;
}

static int give_string(Call *call) {
        return channel_reply_error_string(as_channel_call(call), "No \"credential\"");
}

static int give_field(Call *call) {
        return channel_reply_field(as_channel_call(call), "job_id", "does not exist");
}

static void free_state(Channel *channel) {
        n_closed++;
        CHECK(channel->socket->service == &service);
        free(channel->state);
}

static const Stage join_room_stages[] = { join_room, NULL };
static const Stage join_run_stages[] = { join_run_at_once, wait_to_join, join_after_wait, NULL };
static const Stage echo_stages[] = { echo, NULL };
static const Stage binary_stages[] = { give_binary, NULL };
static const Stage invalid_stages[] = { give_invalid, NULL };
static const Stage error_stages[] = { give_error, NULL };
static const Stage string_stages[] = { give_string, NULL };
static const Stage field_stages[] = { give_field, NULL };
static const Stage slow_stages[] = { wait_here, echo, NULL };

static const ChannelEvent events[] = {
        { "binary",  binary_stages,  sizeof(ChannelCall) },
        { "echo",    echo_stages,    sizeof(ChannelCall) },
        { "error",   error_stages,   sizeof(ChannelCall) },
        { "field",   field_stages,   sizeof(ChannelCall) },
        { "invalid", invalid_stages, sizeof(ChannelCall) },
        { "read",    slow_stages,    sizeof(ChannelCall) },
        { "string",  string_stages,  sizeof(ChannelCall) },
        { "write",   slow_stages,    sizeof(ChannelCall), .keep_going = true },
        {}
};

static const ChannelKind room = { "worker:queue", false, join_room_stages, sizeof(ChannelCall), events, free_state };
static const ChannelKind run = { "run:", true, join_run_stages, sizeof(ChannelCall), events, free_state };
static const ChannelKind *const kinds[] = { &room, &run, NULL };

/* -- talking ----------------------------------------------------------------------------------------- */

static void on_turn_end(Timer *timer) {
        loop_exit(timer->loop, 0);
}

static void turn(void) {
        Timer timer;

        timer_init(&timer, service.loop, on_turn_end);
        timer_start(&timer, 0);
        CHECK_INT(loop_run(service.loop), 0);
}

static void on_gone(ChannelSocket *socket) {
        n_gone++;
}

static ChannelSocket *connect_peer(void) {
        static const WebSocketConfig config = { .max_message = 1 << 20 };

        forget_heard();
        n_gone = n_closed = 0;
        return channel_accept(&service, NULL, &config, kinds, NULL, on_gone);
}

static void say(const char *frame) {
        web_socket.handlers.on_message(&web_socket, WEBSOCKET_TEXT, text_of(frame), web_socket.userdata);
}

static void hear(const char *frame) {
        CHECK(next_heard < n_heard);
        CHECK_STRING(buffer_string(&heard[next_heard]), frame);
        CHECK_INT(heard_kinds[next_heard], WEBSOCKET_TEXT);
        next_heard++;
}

static void hear_nothing(void) {
        if (next_heard < n_heard)
                fprintf(stderr, "heard %s\n", buffer_string(&heard[next_heard]));
        CHECK_INT(next_heard, n_heard);
}

/* The wait that began first is over. */
static void finish_one(void) {
        Call *call;

        CHECK(n_waiting > 0);
        call = &waiting[0]->call;
        memmove(waiting, waiting + 1, --n_waiting * sizeof waiting[0]);
        call_resume(call, CALL_NEXT);
        turn();
}

static void hang_up(void) {
        web_socket.handlers.on_close(&web_socket, 1006, web_socket.userdata);
}

static void check_all_gone(void) {
        turn();
        CHECK_INT(service.n_calls, 0);
        CHECK_INT(n_gone, 1);
        CHECK_INT(n_waiting, 0);
        forget_heard();
}

#define JOIN(ref, topic) "[\"" ref "\",\"" ref "\",\"" topic "\",\"phx_join\",{}]"
#define JOIN_WITH(ref, topic, word) "[\"" ref "\",\"" ref "\",\"" topic "\",\"phx_join\",{\"" word "\":1}]"
#define EVENT(join_ref, ref, topic, event, payload) \
        "[\"" join_ref "\",\"" ref "\",\"" topic "\",\"" event "\"," payload "]"
#define REPLY(join_ref, ref, topic, status, response)                                   \
        "[\"" join_ref "\",\"" ref "\",\"" topic "\",\"phx_reply\",{\"status\":\"" status \
        "\",\"response\":" response "}]"
#define UNMATCHED(ref, topic)                                                         \
        "[null,\"" ref "\",\"" topic "\",\"phx_reply\",{\"status\":\"error\",\"response\":" \
        "{\"reason\":\"unmatched topic\"}}]"
#define CLOSED(ref, topic) "[\"" ref "\",\"" ref "\",\"" topic "\",\"phx_close\",{}]"

/* -- dispatch rules, in the order of the protocol's list --------------------------------------------- */

static void test_heartbeat(void) {
        connect_peer();
        say("[null,\"13\",\"phoenix\",\"heartbeat\",{}]");
        hear("[null,\"13\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
        say("[null,\"14\",\"phoenix\",\"other\",{}]");
        hear(UNMATCHED("14", "phoenix"));
        hear_nothing();
        hang_up();
        check_all_gone();
}

static void test_join(void) {
        ChannelSocket *socket = connect_peer();

        say(JOIN("6", "worker:queue"));
        hear(REPLY("6", "6", "worker:queue", "ok", "{}"));
        CHECK(channel_find(socket, TEXT("worker:queue")));
        say(JOIN("7", "run:1"));
        hear(REPLY("7", "7", "run:1", "ok", "{}"));

        /* No such topic: a prefix needs a rest, an exact name none. */
        say(JOIN("8", "worker:queue:x"));
        hear(UNMATCHED("8", "worker:queue:x"));
        say(JOIN("9", "run:"));
        hear(UNMATCHED("9", "run:"));
        say(JOIN("10", "elsewhere"));
        hear(UNMATCHED("10", "elsewhere"));
        say(JOIN("11", "run:\\u0000"));
        hear(UNMATCHED("11", "run:\\u0000"));

        hear_nothing();
        hang_up();
        CHECK_INT(n_closed, 2);
        check_all_gone();
}

/* Only an ok join is recorded; its state is let go. */
static void test_refused_join(void) {
        ChannelSocket *socket = connect_peer();

        say(JOIN_WITH("1", "run:1", "deny"));
        hear(REPLY("1", "1", "run:1", "error", "{\"reason\":\"unauthorized\"}"));
        say(JOIN_WITH("2", "run:1", "crash"));
        hear(REPLY("2", "2", "run:1", "error", "{\"reason\":\"join crashed\"}"));
        say(JOIN_WITH("3", "run:1", "unknown"));
        hear(REPLY("3", "3", "run:1", "error", "{\"reason\":\"not_found\"}"));
        CHECK_INT(n_closed, 3);
        CHECK(!channel_find(socket, TEXT("run:1")));
        say(EVENT("3", "4", "run:1", "echo", "{}"));
        hear(UNMATCHED("4", "run:1"));
        hear_nothing();
        hang_up();
        check_all_gone();
}

static void test_duplicate_join(void) {
        connect_peer();
        say(JOIN("1", "run:1"));
        hear(REPLY("1", "1", "run:1", "ok", "{}"));
        say(JOIN("2", "run:1"));
        hear(CLOSED("1", "run:1"));
        hear(REPLY("2", "2", "run:1", "ok", "{}"));
        CHECK_INT(n_closed, 1);
        /* Answered for the new instance, whatever join_ref the message names. */
        say(EVENT("1", "3", "run:1", "echo", "{\"a\":1}"));
        hear(REPLY("2", "3", "run:1", "ok", "{\"a\":1}"));
        hear_nothing();
        hang_up();
        CHECK_INT(n_closed, 2);
        check_all_gone();
}

static void test_leave(void) {
        connect_peer();
        say(JOIN("5", "run:1"));
        hear(REPLY("5", "5", "run:1", "ok", "{}"));
        /* Another instance's good-bye is not for this one. */
        say(EVENT("4", "6", "run:1", "phx_leave", "{}"));
        hear_nothing();
        say(EVENT("5", "7", "run:1", "phx_leave", "{}"));
        hear(REPLY("5", "7", "run:1", "ok", "{}"));
        hear(CLOSED("5", "run:1"));
        CHECK_INT(n_closed, 1);
        say(EVENT("5", "8", "run:1", "phx_leave", "{}"));
        hear(REPLY("5", "8", "run:1", "ok", "{}"));
        say(EVENT("5", "9", "run:1", "echo", "{}"));
        hear(UNMATCHED("9", "run:1"));
        hear_nothing();
        hang_up();
        CHECK_INT(n_closed, 1);
        check_all_gone();
}

static void test_not_a_frame(void) {
        static const struct {
                WebSocketKind kind;
                const char *data;
                unsigned code;
        } cases[] = {
                { WEBSOCKET_TEXT,   "garbage",                               1002 },
                { WEBSOCKET_TEXT,   "[1,2,3]",                               1002 },
                { WEBSOCKET_TEXT,   "[null,\"1\",\"run:1\",\"phx_join\",1]", 1002 },
                { WEBSOCKET_BINARY, "\x01",                                  1003 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                connect_peer();
                say(JOIN("1", "run:1"));
                hear(REPLY("1", "1", "run:1", "ok", "{}"));
                web_socket.handlers.on_message(&web_socket, cases[i].kind, text_of(cases[i].data), web_socket.userdata);
                CHECK_INT(web_socket.close_code, cases[i].code);
                say(JOIN("2", "run:2"));        /* nothing is read any more */
                hear_nothing();
                CHECK_INT(n_closed, 0);
                hang_up();
                CHECK_INT(n_closed, 1);
                check_all_gone();
        }
}

/* -- events ------------------------------------------------------------------------------------------ */

static void test_answers(void) {
        static const struct {
                const char *event, *payload, *status, *response;
        } cases[] = {
                { "echo",    "{\"a\":[1,2.50]}", "ok",    "{\"a\":[1,2.50]}"                              },
                { "invalid", "{}",               "error", "{\"errors\":{\"state\":[\"is invalid\"]}}"     },
                { "field",   "{}",               "error", "{\"errors\":{\"job_id\":[\"does not exist\"]}}" },
                { "string",  "{}",               "error", "\"No \\\"credential\\\"\""                     },
                { "error",   "{}",               "error", "\"Internal server error\""                     },
                { "error",   "{\"busy\":1}",     "error", "\"The server is busy, please try again\""      },
                { "unheard", "{}",               "error", "{\"errors\":{\"event\":[\"is unknown\"]}}"     },
        };

        connect_peer();
        say(JOIN("1", "run:1"));
        hear(REPLY("1", "1", "run:1", "ok", "{}"));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer question = BUFFER_NULL, answer = BUFFER_NULL;

                buffer_printf(&question, "[\"1\",\"2\",\"run:1\",\"%s\",%s]", cases[i].event, cases[i].payload);
                buffer_printf(&answer, "[\"1\",\"2\",\"run:1\",\"phx_reply\",{\"status\":\"%s\",\"response\":%s}]",
                              cases[i].status, cases[i].response);
                say(buffer_string(&question));
                hear(buffer_string(&answer));
        }

        say(EVENT("1", "9", "run:1", "binary", "{}"));
        CHECK_INT(heard_kinds[next_heard], WEBSOCKET_BINARY);
        CHECK(text_equal(buffer_text(&heard[next_heard++]), TEXT("\x01\x01\x01\x05\x02" "19run:1okdata")));
        hear_nothing();
        hang_up();
        check_all_gone();
}

static void test_push(void) {
        ChannelSocket *socket = connect_peer();

        say(JOIN("6", "worker:queue"));
        hear(REPLY("6", "6", "worker:queue", "ok", "{}"));
        channel_push(channel_find(socket, TEXT("worker:queue")), "work-available", TEXT("{}"));
        hear("[\"6\",null,\"worker:queue\",\"work-available\",{}]");
        hang_up();
        check_all_gone();
}

/* -- order --------------------------------------------------------------------------------------------- */

static void test_order(void) {
        connect_peer();
        say(JOIN("1", "run:1"));
        say(JOIN("2", "run:2"));
        hear(REPLY("1", "1", "run:1", "ok", "{}"));
        hear(REPLY("2", "2", "run:2", "ok", "{}"));

        say(EVENT("1", "3", "run:1", "write", "{\"n\":3}"));
        say(EVENT("1", "4", "run:1", "echo", "{\"n\":4}"));
        say(EVENT("1", "5", "run:1", "write", "{\"n\":5}"));
        say(EVENT("1", "6", "run:1", "phx_leave", "{}"));
        hear_nothing();
        /* Another topic does not wait for this one. */
        say(EVENT("2", "7", "run:2", "echo", "{}"));
        hear(REPLY("2", "7", "run:2", "ok", "{}"));

        finish_one();
        hear(REPLY("1", "3", "run:1", "ok", "{\"n\":3}"));
        hear(REPLY("1", "4", "run:1", "ok", "{\"n\":4}"));
        hear_nothing();
        finish_one();
        hear(REPLY("1", "5", "run:1", "ok", "{\"n\":5}"));
        hear(REPLY("1", "6", "run:1", "ok", "{}"));
        hear(CLOSED("1", "run:1"));
        hear_nothing();
        hang_up();
        check_all_gone();
}

/* What a worker sends when it comes back, in one breath and before any of it is answered. */
static void test_join_leave_join(void) {
        connect_peer();
        say(JOIN_WITH("316", "run:1", "wait"));
        say(EVENT("316", "317", "run:1", "phx_leave", "{}"));
        say(JOIN_WITH("318", "run:1", "wait"));
        say(EVENT("318", "319", "run:1", "echo", "{}"));
        hear_nothing();
        finish_one();
        hear(REPLY("316", "316", "run:1", "ok", "{}"));
        hear(REPLY("316", "317", "run:1", "ok", "{}"));
        hear(CLOSED("316", "run:1"));
        hear_nothing();
        finish_one();
        hear(REPLY("318", "318", "run:1", "ok", "{}"));
        hear(REPLY("318", "319", "run:1", "ok", "{}"));
        hear_nothing();
        hang_up();
        check_all_gone();
}

static void test_events_behind_refused_join(void) {
        connect_peer();
        say("[\"1\",\"1\",\"run:1\",\"phx_join\",{\"wait\":\"later\"}]");
        say(EVENT("1", "2", "run:1", "echo", "{}"));
        say(EVENT("1", "3", "run:1", "phx_leave", "{}"));
        finish_one();
        hear(REPLY("1", "1", "run:1", "error", "{\"reason\":\"not_found\"}"));
        hear(UNMATCHED("2", "run:1"));
        hear(REPLY("1", "3", "run:1", "ok", "{}"));
        hear_nothing();
        hang_up();
        check_all_gone();
}

static void test_flood(void) {
        connect_peer();
        say(JOIN("1", "run:1"));
        hear(REPLY("1", "1", "run:1", "ok", "{}"));
        say(EVENT("1", "2", "run:1", "read", "{}"));
        for (size_t i = 0; i < CHANNEL_MAX_MESSAGES; i++)
                say(EVENT("1", "3", "run:1", "echo", "{}"));
        CHECK_INT(web_socket.close_code, 0);
        say(EVENT("1", "4", "run:1", "echo", "{}"));
        CHECK_INT(web_socket.close_code, 1013);
        hang_up();
        finish_one();
        hear_nothing();
        check_all_gone();
}

/* A thousand at once are no thousand calls deep. */
static void test_backlog(void) {
        connect_peer();
        say(JOIN("1", "run:1"));
        say(EVENT("1", "2", "run:1", "write", "{}"));
        for (size_t i = 0; i < 50; i++)
                say(EVENT("1", "3", "run:1", "echo", "{}"));
        hear(REPLY("1", "1", "run:1", "ok", "{}"));
        finish_one();
        CHECK_INT(n_heard, 52);
        hang_up();
        check_all_gone();
}

/* -- the socket goes ------------------------------------------------------------------------------------ */

static void test_gone(void) {
        ChannelSocket *socket = connect_peer();

        say(JOIN("1", "run:1"));
        say(JOIN("2", "run:2"));
        say(EVENT("1", "3", "run:1", "write", "{\"n\":3}"));
        say(EVENT("1", "4", "run:1", "read", "{\"n\":4}"));
        say(EVENT("1", "5", "run:1", "write", "{\"n\":5}"));
        say(EVENT("2", "6", "run:2", "read", "{}"));
        CHECK_INT(n_waiting, 2);
        forget_heard();

        hang_up();
        CHECK(!socket->web_socket);
        CHECK(!waiting[0]->socket);
        CHECK(waiting[0]->channel);
        CHECK_INT(n_closed, 0);
        CHECK_INT(n_gone, 0);

        finish_one();           /* the write is done, the read behind it skipped, the next write begun */
        CHECK_INT(n_closed, 0);
        finish_one();           /* the read of the other topic */
        CHECK_INT(n_closed, 1);
        CHECK_INT(n_gone, 0);
        CHECK_INT(n_waiting, 1);
        CHECK_TEXT(waiting[0]->payload, "{\"n\":5}");
        finish_one();
        CHECK_INT(n_closed, 2);
        hear_nothing();
        check_all_gone();
}

static void test_gone_while_joining(void) {
        connect_peer();
        say(JOIN_WITH("1", "run:1", "wait"));
        hang_up();
        CHECK_INT(n_gone, 0);
        finish_one();
        CHECK_INT(n_closed, 1);
        check_all_gone();
}

static void test_close(void) {
        ChannelSocket *socket = connect_peer();

        say(JOIN("1", "run:1"));
        say(EVENT("1", "2", "run:1", "write", "{}"));
        forget_heard();
        channel_socket_close(socket, 1012, "restart");
        channel_socket_close(socket, 1012, "restart");
        CHECK_INT(web_socket.close_code, 1012);
        say(EVENT("1", "3", "run:1", "echo", "{}"));
        hear_nothing();
        hang_up();
        finish_one();
        CHECK_INT(n_closed, 1);
        check_all_gone();
}

static void test_refused_handshake(void) {
        CHECK(!channel_accept(&service, NULL, NULL, kinds, NULL, on_gone));
}

int main(void) {
        CHECK_INT(loop_new(&service.loop), 0);
        list_init(&service.calls);

        test_heartbeat();
        test_join();
        test_refused_join();
        test_duplicate_join();
        test_leave();
        test_not_a_frame();
        test_answers();
        test_push();
        test_order();
        test_join_leave_join();
        test_events_behind_refused_join();
        test_flood();
        test_backlog();
        test_gone();
        test_gone_while_joining();
        test_close();
        test_refused_handshake();

        service.loop = loop_free(service.loop);
        return 0;
}
