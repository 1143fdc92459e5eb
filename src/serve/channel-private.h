/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between channel.c, which decides what a frame means and whose turn it is, and channel-reply.c, which
 * answers.
 */

#include "serve/channel.h"

/* One topic's turn: what waits, what runs, and the channel that is joined. Exists while any of these does. */
typedef struct ChannelTopic {
        ChannelSocket *socket;
        char *name;
        const ChannelKind *kind;
        List messages;
        size_t n_messages, n_bytes;
        ChannelCall *running;
        bool is_join;                   /* the running call is one */
        bool working;                   /* channel.c is going through the messages */
        Channel *channel;               /* joined, or NULL */
        List link;                      /* socket->topics */
} ChannelTopic;

extern const CallSource channel_source;

/* Sends a text frame unless the socket has gone. */
void channel_send(ChannelSocket *socket, const Buffer *frame);
/* An answer outside of any call: frame.ref gets ok or error, with that join_ref. */
void channel_answer(ChannelSocket *socket, Text join_ref, Text ref, Text topic, bool ok,
                    const char *response);

/* The call was answered with ok: its join counts. */
void channel_admit(ChannelCall *call);
/* The call has ended: the next message's turn. */
void channel_next(ChannelCall *call);
