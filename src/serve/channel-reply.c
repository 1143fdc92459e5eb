/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channel messages as a source of calls: how they are answered.
 */

#include "serve/channel-private.h"
#include "serve/channel.h"

/* Tells a binary answer from a JSON one on its way through call_reply(). */
static const char binary_type[] = "application/octet-stream";

static void channel_source_reply(Call *call, unsigned status, Text body);
static bool channel_source_is_gone(const Call *call);
static void channel_source_fail(Call *call, int error);
static void channel_source_ended(Call *call);

const CallSource channel_source = {
        .reply = channel_source_reply,
        .is_gone = channel_source_is_gone,
        .fail = channel_source_fail,
        .ended = channel_source_ended,
};

/* -- the source ---------------------------------------------------------------------------------- */

void channel_send(ChannelSocket *socket, const Buffer *frame) {
        if (socket && socket->web_socket)
                websocket_send(socket->web_socket, WEBSOCKET_TEXT, buffer_text(frame));
}

void channel_answer(ChannelSocket *socket, Text join_ref, Text ref, Text topic, bool ok,
                    const char *response) {
        _cleanup_(buffer_deinit) Buffer frame = BUFFER_NULL;

        phx_write_reply(&frame, join_ref, ref, topic, ok, text_of(response));
        channel_send(socket, &frame);
}

static ChannelCall *channel_call(const Call *call) {
        return container_of(call, ChannelCall, call);
}

/* An event is answered with the join_ref of its channel, whatever the message said; a join with its own. */
static Text reply_join_ref(const ChannelCall *call) {
        return call->queue->is_join || !call->channel ? call->join_ref : text_of(call->channel->join_ref);
}

static void channel_source_reply(Call *base, unsigned status, Text body) {
        ChannelCall *call = channel_call(base);
        _cleanup_(buffer_deinit) Buffer frame = BUFFER_NULL;
        Text response = body.length > 0 ? body : TEXT("{}");
        bool ok = status < 400;

        if (ok && call->queue->is_join)
                channel_admit(call);
        if (!call->socket || !call->socket->web_socket)
                return;

        if (base->content_type == binary_type) {
                phx_write_binary_reply(&frame, reply_join_ref(call), call->ref, call->topic, ok, body);
                websocket_send(call->socket->web_socket, WEBSOCKET_BINARY, buffer_text(&frame));
        } else {
                phx_write_reply(&frame, reply_join_ref(call), call->ref, call->topic, ok, response);
                channel_send(call->socket, &frame);
        }
}

static bool channel_source_is_gone(const Call *base) {
        const ChannelCall *call = channel_call(base);

        return !call->socket || !call->socket->web_socket;
}

static void channel_source_ended(Call *base) {
        channel_next(channel_call(base));
}

/* -- errors of stages ---------------------------------------------------------------------------- */

static const struct {
        int error;
        const char *text, *reason;
} failures[] = {
        { -EACCES,          "Not allowed",                                       "unauthorized" },
        { -EAGAIN,          "The server is busy, please try again",              "unavailable"  },
        { -EBUSY,           "The server is busy, please try again",              "unavailable"  },
        { -ECANCELED,       "The server is stopping, please try again",          "unavailable"  },
        { -EEXIST,          "Already there",                                     "conflict"     },
        { -EKEYREJECTED,    "Not allowed",                                       "unauthorized" },
        { -EMSGSIZE,        "Too large",                                         "too_large"    },
        { -ENOENT,          "Not found",                                         "not_found"    },
        { -ENOTCONN,        "The database is away, please try again",            "unavailable"  },
        { -ENOTRECOVERABLE, "The database is not ready for this server version", "unavailable"  },
        { -ETIMEDOUT,       "The server took too long",                          "unavailable"  },
};

static void channel_source_fail(Call *base, int error) {
        ChannelCall *call = channel_call(base);
        const char *text = "Internal server error", *reason = "join crashed";
        Buffer body = BUFFER_NULL;

        if (error == -EINVAL) {
                call_write_invalid(base, &body);
                (void) call_reply_buffer(base, 422, &body);
                return;
        }

        for (size_t i = 0; i < ELEMENTSOF(failures); i++)
                if (failures[i].error == error) {
                        text = failures[i].text;
                        reason = failures[i].reason;
                }

        if (call->queue->is_join)
                (void) channel_reply_reason(call, reason);
        else
                (void) channel_reply_error_string(call, text);
}

/* -- answers of stages --------------------------------------------------------------------------- */

int channel_reply_ok(ChannelCall *call, Text response) {
        return call_reply(&call->call, 200, response);
}

int channel_reply_error(ChannelCall *call, Text response) {
        return call_reply(&call->call, 400, response);
}

int channel_reply_error_string(ChannelCall *call, const char *text) {
        Buffer body = BUFFER_NULL;

        json_append_string(&body, text_of(text));
        return call_reply_buffer(&call->call, 400, &body);
}

int channel_reply_reason(ChannelCall *call, const char *reason) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_string(&w, "reason", reason);
        json_end(&w);
        return call_reply_buffer(&call->call, 400, &body);
}

int channel_reply_field(ChannelCall *call, const char *field, const char *message) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        FieldErrors errors = {};

        field_errors_add(&errors, field, message);
        json_begin(&w, NULL);
        field_errors_write(&errors, &w, "errors");
        json_end(&w);
        return call_reply_buffer(&call->call, 422, &body);
}

int channel_reply_binary(ChannelCall *call, Text data) {
        call->call.content_type = binary_type;
        return call_reply(&call->call, 200, data);
}
