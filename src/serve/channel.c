/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a frame means, and whose turn it is.
 *
 * Each topic has a queue: joins, leaves and events wait in it in the order they came, and one of them
 * runs. A worker that reconnects sends join, leave, join of one topic in one breath; each has to find what
 * the one before it left. Bad input is answered, never punished with phx_error: the real worker would drop
 * the run. Only what is no frame at all ends the connection.
 */

#include "serve/channel.h"

#include "serve/channel-private.h"
#include "serve/service.h"

/* Below the 30 s after which a worker counts the answer as lost. */
#define DEADLINE_USEC (25 * USEC_PER_SEC)

#define CLOSE_PROTOCOL_ERROR 1002
#define CLOSE_UNSUPPORTED 1003
#define CLOSE_TRY_AGAIN_LATER 1013

typedef struct Message {
        Arena arena;                    /* holds the whole frame */
        PhxFrame frame;
        size_t length;
        List link;
} Message;

static void on_message(WebSocket *web_socket, WebSocketKind kind, Text data, void *userdata);
static void on_close(WebSocket *web_socket, unsigned code, void *userdata);

/* -- sockets ------------------------------------------------------------------------------------- */

ChannelSocket *channel_accept(Service *service, HttpRequest *request, const WebSocketConfig *config,
                              const ChannelKind *const kinds[], void *state,
                              void (*gone)(ChannelSocket *socket)) {
        static const WebSocketHandlers handlers = { .on_message = on_message, .on_close = on_close };
        ChannelSocket *socket = xnew(ChannelSocket, 1);

        socket->service = service;
        socket->kinds = kinds;
        socket->state = state;
        socket->gone = gone;
        socket->last_seen_usec = loop_now_usec(service->loop);
        list_init(&socket->channels);
        list_init(&socket->topics);
        list_init(&socket->link);

        if (websocket_accept(request, config, &handlers, socket, &socket->web_socket) < 0) {
                free(socket);
                return NULL;
        }

        return socket;
}

void channel_socket_close(ChannelSocket *socket, unsigned code, const char *reason) {
        if (socket->closing || !socket->web_socket)
                return;

        socket->closing = true;
        websocket_close(socket->web_socket, code, reason);
}

/* The socket goes once it is closed and no topic has anything left to do. */
static void release_socket(ChannelSocket *socket) {
        if (socket->web_socket || socket->walking || !list_is_empty(&socket->topics))
                return;

        if (socket->gone)
                socket->gone(socket);
        list_unlink(&socket->link);
        free(socket);
}

/* -- topics -------------------------------------------------------------------------------------- */

static ChannelTopic *topic_find(const ChannelSocket *socket, Text name) {
        list_for_each(link, &socket->topics) {
                ChannelTopic *topic = list_entry(link, ChannelTopic, link);

                if (text_is(name, topic->name))
                        return topic;
        }

        return NULL;
}

static const ChannelKind *kind_find(const ChannelSocket *socket, Text name) {
        /* A NUL would end the topic early where it is kept as a string. */
        if (memchr(name.data, 0, name.length))
                return NULL;

        for (const ChannelKind *const *kind = socket->kinds; *kind; kind++)
                if ((*kind)->is_prefix ? text_starts_with(name, (*kind)->topic) &&
                                                 name.length > strlen((*kind)->topic) :
                                         text_is(name, (*kind)->topic))
                        return *kind;

        return NULL;
}

static ChannelTopic *topic_new(ChannelSocket *socket, const ChannelKind *kind, Text name) {
        ChannelTopic *topic = xnew(ChannelTopic, 1);

        topic->socket = socket;
        topic->kind = kind;
        topic->name = xstrndup(name.data, name.length);
        list_init(&topic->messages);
        list_append(&socket->topics, &topic->link);
        socket->n_topics++;
        return topic;
}

static Message *message_free(Message *message) {
        arena_deinit(&message->arena);
        free(message);
        return NULL;
}

/* -- channels ------------------------------------------------------------------------------------ */

static Channel *channel_new(ChannelTopic *topic, Text join_ref) {
        Channel *channel = xnew(Channel, 1);

        channel->socket = topic->socket;
        channel->kind = topic->kind;
        channel->topic = xstrdup(topic->name);
        channel->join_ref = join_ref.data ? xstrndup(join_ref.data, join_ref.length) : NULL;
        list_init(&channel->link);
        return channel;
}

static void channel_free(Channel *channel, bool was_joined) {
        list_unlink(&channel->link);
        if (channel->kind->closed && (was_joined || channel->state))
                channel->kind->closed(channel);
        free(channel->topic);
        free(channel->join_ref);
        free(channel);
}

/* Ends the joined channel of the topic; phx_close only where the peer expects it. */
static void topic_close_channel(ChannelTopic *topic, bool tell) {
        _cleanup_(buffer_deinit) Buffer frame = BUFFER_NULL;
        Channel *channel = TAKE_PTR(topic->channel);

        if (tell) {
                phx_write_close(&frame, text_of(channel->join_ref), text_of(topic->name), "phx_close");
                channel_send(topic->socket, &frame);
        }

        channel_free(channel, true);
}

void channel_admit(ChannelCall *call) {
        call->queue->channel = call->channel;
        list_append(&call->channel->socket->channels, &call->channel->link);
}

Channel *channel_find(const ChannelSocket *socket, Text topic) {
        ChannelTopic *found = topic_find(socket, topic);

        return found ? found->channel : NULL;
}

void channel_push(Channel *channel, const char *event, Text payload) {
        _cleanup_(buffer_deinit) Buffer frame = BUFFER_NULL;

        phx_write_push(&frame, text_of(channel->join_ref), text_of(channel->topic), event, payload);
        channel_send(channel->socket, &frame);
}

/* -- one message after the other ----------------------------------------------------------------- */

static void run_call(ChannelTopic *topic, Message *message, const Stage *stages, size_t size, bool keep_going,
                     Channel *channel) {
        ChannelSocket *socket = topic->socket;
        Call *base = call_new(socket->service, &channel_source, NULL, size, stages, DEADLINE_USEC);
        ChannelCall *call = container_of(base, ChannelCall, call);

        /* The frame moves into the call with everything that points into it. */
        base->arena = message->arena;
        message->arena = ARENA_NULL;
        base->keep_going = keep_going;

        call->socket = socket->web_socket ? socket : NULL;
        call->channel = channel;
        call->join_ref = message->frame.join_ref;
        call->ref = message->frame.ref;
        call->topic = message->frame.topic;
        call->payload = message->frame.payload;
        call->queue = topic;
        call_log_field(base, "FULGUR_ROUTE", message->frame.event);

        topic->running = call;
        call_start(base);
}

static void do_join(ChannelTopic *topic, Message *message) {
        /* A second join: the old instance goes, the new one starts afresh. */
        if (topic->channel)
                topic_close_channel(topic, true);

        topic->is_join = true;
        run_call(topic, message, topic->kind->join, topic->kind->join_size, false,
                 channel_new(topic, message->frame.join_ref));
}

static void do_leave(ChannelTopic *topic, const PhxFrame *frame) {
        const char *joined = topic->channel ? topic->channel->join_ref : NULL;

        /* An outdated instance of the client's says good-bye: not to this one. */
        if (joined && !text_is(frame->join_ref, joined))
                return;

        channel_answer(topic->socket, frame->join_ref, frame->ref, frame->topic, true, "{}");
        if (topic->channel)
                topic_close_channel(topic, true);
}

static const ChannelEvent *event_find(const ChannelKind *kind, Text name) {
        for (const ChannelEvent *event = kind->events; event && event->event; event++)
                if (text_is(name, event->event))
                        return event;

        return NULL;
}

static void do_event(ChannelTopic *topic, Message *message) {
        static const char unmatched[] = "{\"reason\":\"unmatched topic\"}";
        static const char unknown[] = "{\"errors\":{\"event\":[\"is unknown\"]}}";
        const PhxFrame *frame = &message->frame;
        const ChannelEvent *event = event_find(topic->kind, frame->event);

        topic->is_join = false;
        if (!topic->channel)
                channel_answer(topic->socket, TEXT_NULL, frame->ref, frame->topic, false, unmatched);
        else if (!event)
                channel_answer(topic->socket, text_of(topic->channel->join_ref), frame->ref, frame->topic,
                               false, unknown);
        else
                run_call(topic, message, event->stages, event->size, event->keep_going, topic->channel);
}

static void do_message(ChannelTopic *topic, Message *message) {
        if (text_is(message->frame.event, "phx_join"))
                do_join(topic, message);
        else if (text_is(message->frame.event, "phx_leave"))
                do_leave(topic, &message->frame);
        else
                do_event(topic, message);
}

/* Goes through the messages until one has to wait. Never from inside itself: a call that ends at once only
 * leaves its place to the next turn of the loop here. */
static void topic_work(ChannelTopic *topic) {
        ChannelSocket *socket = topic->socket;
        List *link;

        if (topic->working)
                return;

        topic->working = true;
        while (!topic->running && (link = list_pop(&topic->messages))) {
                Message *message = list_entry(link, Message, link);

                topic->n_messages--;
                topic->n_bytes -= message->length;
                do_message(topic, message);
                message_free(message);
        }
        topic->working = false;

        if (topic->running)
                return;
        if (topic->channel && !socket->web_socket)
                topic_close_channel(topic, false);
        if (topic->channel)
                return;

        list_unlink(&topic->link);
        socket->n_topics--;
        free(topic->name);
        free(topic);
        release_socket(socket);
}

void channel_next(ChannelCall *call) {
        ChannelTopic *topic = call->queue;

        /* A refused join leaves nothing behind. */
        if (topic->is_join && topic->channel != call->channel)
                channel_free(call->channel, false);

        call->channel = NULL;
        call->socket = NULL;
        call->queue = NULL;
        topic->is_join = false;
        topic->running = NULL;
        topic_work(topic);
}

/* -- dispatch ------------------------------------------------------------------------------------ */

/* What concerns no topic that anybody has joined or is about to join. */
static void answer_without_topic(ChannelSocket *socket, const PhxFrame *frame) {
        static const char unmatched[] = "{\"reason\":\"unmatched topic\"}";

        if (text_is(frame->topic, "phoenix") && text_is(frame->event, "heartbeat"))
                channel_answer(socket, frame->join_ref, frame->ref, frame->topic, true, "{}");
        else if (text_is(frame->event, "phx_leave"))
                channel_answer(socket, frame->join_ref, frame->ref, frame->topic, true, "{}");
        else
                channel_answer(socket, TEXT_NULL, frame->ref, frame->topic, false, unmatched);
}

static ChannelTopic *topic_for(ChannelSocket *socket, const PhxFrame *frame) {
        ChannelTopic *topic = topic_find(socket, frame->topic);
        const ChannelKind *kind;

        if (topic || !text_is(frame->event, "phx_join") || socket->n_topics >= CHANNEL_MAX_TOPICS)
                return topic;

        kind = kind_find(socket, frame->topic);
        return kind ? topic_new(socket, kind, frame->topic) : NULL;
}

static void dispatch(ChannelSocket *socket, Message *message) {
        ChannelTopic *topic = topic_for(socket, &message->frame);

        if (!topic) {
                answer_without_topic(socket, &message->frame);
                message_free(message);
                return;
        }

        /* One message may be as large as the socket takes. */
        if (topic->n_messages >= CHANNEL_MAX_MESSAGES ||
            (topic->n_messages > 0 && topic->n_bytes + message->length > CHANNEL_MAX_BYTES)) {
                message_free(message);
                channel_socket_close(socket, CLOSE_TRY_AGAIN_LATER, "too many unanswered messages");
                return;
        }

        topic->n_messages++;
        topic->n_bytes += message->length;
        list_append(&topic->messages, &message->link);
        topic_work(topic);
}

static void on_message(WebSocket *web_socket, WebSocketKind kind, Text data, void *userdata) {
        ChannelSocket *socket = userdata;
        Message *message;

        if (socket->closing)
                return;

        socket->last_seen_usec = loop_now_usec(socket->service->loop);
        if (kind != WEBSOCKET_TEXT) {
                channel_socket_close(socket, CLOSE_UNSUPPORTED, "text frames only");
                return;
        }

        message = xnew(Message, 1);
        message->length = data.length;
        data = arena_text(&message->arena, data);
        if (phx_frame_read(data, &message->arena, &message->frame) < 0) {
                message_free(message);
                channel_socket_close(socket, CLOSE_PROTOCOL_ERROR, "not a frame");
                return;
        }

        dispatch(socket, message);
}

/* A topic that is idle is closed now; one that still works closes itself when it is through. */
static void on_close(WebSocket *web_socket, unsigned code, void *userdata) {
        ChannelSocket *socket = userdata;

        socket->web_socket = NULL;
        socket->closing = true;

        socket->walking = true;
        list_for_each(link, &socket->topics) {
                ChannelTopic *topic = list_entry(link, ChannelTopic, link);

                if (topic->running)
                        topic->running->socket = NULL;
                topic_work(topic);
        }
        socket->walking = false;

        release_socket(socket);
}
