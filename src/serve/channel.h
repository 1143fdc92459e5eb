/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channels: topics joined on a WebSocket, their events tables of stages like routes. Messages of one topic
 * are answered in order, one at a time, the rest waits in a bounded queue; topics run side by side.
 * Dispatch rules: worker channel 1.3.
 *
 * When the socket goes, what has been received is still done if its row says so (`keep_going`): the peer
 * sent it and will not send it again. A channel is told that it is closed when the last of that is
 * through, so that a running stage always finds its channel.
 */

#include "net/websocket.h"
#include "phx/frame.h"
#include "serve/call.h"

/* Waiting messages of one topic; a peer that sends more is disconnected with 1013, "try again later". */
#define CHANNEL_MAX_MESSAGES 1000
#define CHANNEL_MAX_BYTES (64UL * 1024 * 1024)
/* Topics of one socket, joined or being joined; more are "unmatched". */
#define CHANNEL_MAX_TOPICS 1000

typedef struct ChannelSocket ChannelSocket;     /* one WebSocket */
typedef struct Channel Channel;                 /* one joined topic of it */
typedef struct ChannelKind ChannelKind;

typedef struct ChannelEvent {
        const char *event;
        const Stage *stages;
        size_t size;                    /* of the struct that begins with a ChannelCall */
        bool keep_going;                /* its stages run although the socket has gone */
} ChannelEvent;

/* Every event's struct begins with this. */
typedef struct ChannelCall {
        Call call;
        ChannelSocket *socket;          /* NULL once it has gone */
        Channel *channel;               /* during join: the one being made. NULL once the call has ended */
        Text join_ref, ref, topic;      /* in the call's arena */
        Text payload;                   /* raw object, in the call's arena */
        struct ChannelTopic *queue;     /* whose turn this is */
} ChannelCall;

struct ChannelKind {
        const char *topic;              /* exact, or a prefix that ends in ':' with a rest: "run:" */
        bool is_prefix;
        const Stage *join;              /* stages of phx_join; channel_reply_ok() admits */
        size_t join_size;
        const ChannelEvent *events;     /* ends with {} */
        /* Left, socket gone or evicted by a second join of the same topic; also when a join is refused
         * after it has set `state`. channel->socket is valid here, though its WebSocket may have gone.
         * Frees `state`. May be NULL. */
        void (*closed)(Channel *channel);
};

struct Channel {
        ChannelSocket *socket;
        const ChannelKind *kind;
        char *topic, *join_ref;
        void *state;                    /* the kind's own; freed by closed() */
        List link;                      /* socket->channels, once joined */
};

struct ChannelSocket {
        Service *service;
        WebSocket *web_socket;          /* NULL once it has gone */
        const ChannelKind *const *kinds;        /* NULL-terminated */
        void *state;                    /* the daemon's own */
        List channels;                  /* joined */
        List topics;                    /* of channel.c */
        size_t n_topics;
        List link;                      /* for the daemon's list of sockets; unlinked at the end */
        void (*gone)(ChannelSocket *socket);    /* last words, after the last closed(); may be NULL */
        uint64_t last_seen_usec;        /* monotonic: any frame counts */
        bool closing;                   /* nothing is read any more */
        bool walking;                   /* its topics are being gone through: it must not go yet */
};

/* Takes an upgraded socket into the dispatch. Returns NULL when the handshake was refused (and answered). */
ChannelSocket *channel_accept(Service *service, HttpRequest *request, const WebSocketConfig *config,
                              const ChannelKind *const kinds[], void *state,
                              void (*gone)(ChannelSocket *socket));
/* Nothing more is read; what was received is done. Not with 1000: workers would not come back. */
void channel_socket_close(ChannelSocket *socket, unsigned code, const char *reason);
/* A push on a joined channel: ref null, join_ref the channel's. Nothing when the socket has gone. */
void channel_push(Channel *channel, const char *event, Text payload);
/* The joined channel of that topic, or NULL. */
Channel *channel_find(const ChannelSocket *socket, Text topic);

/* Answers of a channel call; each returns CALL_DONE. `response` is raw JSON ("{}", "null" …). */
int channel_reply_ok(ChannelCall *call, Text response);
int channel_reply_error(ChannelCall *call, Text response);
int channel_reply_error_string(ChannelCall *call, const char *text);    /* a JSON string, for people */
int channel_reply_reason(ChannelCall *call, const char *reason);        /* {"reason":"…"} */
/* {"errors":{"field":["…"]}} */
int channel_reply_field(ChannelCall *call, const char *field, const char *message);
int channel_reply_binary(ChannelCall *call, Text data);
/* Errors of stages: -EINVAL answers what call_invalid() gathered as {"errors":{…}}, others a readable
 * message; those of a join answer {"reason":"unauthorized"} (-EACCES, -EKEYREJECTED), "not_found"
 * (-ENOENT), "unavailable" (the database is away) or "join crashed". */
