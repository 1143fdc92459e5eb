/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channels: topics joined on a WebSocket, their events tables of stages like routes. Messages of one topic are answered in order, one
 * at a time, the rest waits in a bounded queue; topics run side by side. Dispatch rules: worker-channel 1.3.
 */

#include "net/websocket.h"
#include "phx/frame.h"
#include "serve/call.h"

typedef struct ChannelSocket ChannelSocket;     /* one WebSocket */
typedef struct Channel Channel;                 /* one joined topic of it */
typedef struct ChannelKind ChannelKind;

typedef struct ChannelEvent {
        const char *event;
        const Stage *stages;
        size_t size;                    /* of the struct that begins with a ChannelCall */
} ChannelEvent;

/* Every event's struct begins with this. */
typedef struct ChannelCall {
        Call call;
        ChannelSocket *socket;          /* NULL once it has gone */
        Channel *channel;               /* NULL once left or gone; during join: the one being made */
        Text join_ref, ref, topic;      /* in the call's arena */
        Text payload;                   /* raw object, in the call's arena */
} ChannelCall;

struct ChannelKind {
        const char *topic;              /* exact, or a prefix that ends in ':' with a rest: "run:" */
        bool is_prefix;
        const Stage *join;              /* stages of phx_join; CALL_DONE by channel_reply_ok() admits */
        size_t join_size;
        const ChannelEvent *events;     /* sorted by name; ends with {} */
        /* Left, socket gone or evicted by a second join of the same topic. */
        void (*closed)(Channel *channel);
};

struct Channel {
        ChannelSocket *socket;
        const ChannelKind *kind;
        char *topic, *join_ref;
        void *state;                    /* the kind's own; freed by closed() */
        List calls;                     /* waiting messages, the first one is running */
        List link;                      /* socket->channels */
};

struct ChannelSocket {
        Service *service;
        WebSocket *web_socket;
        const ChannelKind *const *kinds;        /* NULL-terminated */
        void *state;                    /* the daemon's own */
        List channels;
        List link;                      /* for the daemon's list of sockets */
        void (*gone)(ChannelSocket *socket);    /* last words; may be NULL */
        uint64_t last_seen_usec;        /* monotonic: any frame counts */
};

/* Takes an upgraded socket into the dispatch. Returns NULL when the handshake was refused (and answered). */
ChannelSocket *channel_accept(Service *service, HttpRequest *request, const WebSocketConfig *config,
                              const ChannelKind *const kinds[], void *state, void (*gone)(ChannelSocket *socket));
void channel_socket_close(ChannelSocket *socket, unsigned code, const char *reason);
/* A push on a joined channel: ref null, join_ref the channel's. */
void channel_push(Channel *channel, const char *event, Text payload);

/* Answers of a channel call; each returns CALL_DONE. `response` is raw JSON ("{}", "null" …). */
int channel_reply_ok(ChannelCall *call, Text response);
int channel_reply_error(ChannelCall *call, Text response);
int channel_reply_error_string(ChannelCall *call, const char *text);            /* a JSON string, for people */
int channel_reply_reason(ChannelCall *call, const char *reason);                /* {"reason":"…"} */
int channel_reply_field(ChannelCall *call, const char *field, const char *message);    /* {"errors":{"field":["…"]}} */
int channel_reply_binary(ChannelCall *call, Text data);
/* Errors of stages: -EINVAL answers what call_invalid() gathered as {"errors":{…}}, others a readable message. */
