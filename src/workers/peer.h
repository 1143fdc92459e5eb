/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a connected worker says of itself: shown by `fulgurctl worker list`, believed by nobody. The state of
 * its socket.
 */

#include "json/writer.h"

#define PEER_TEXT_SIZE 64

typedef struct Peer {
        char id[PEER_TEXT_SIZE], version[PEER_TEXT_SIZE], name[PEER_TEXT_SIZE];
        int64_t capacity;
        uint64_t connected_usec;        /* wall clock */
} Peer;

/* Longer texts are cut. Freed with free(). */
Peer *peer_new(Text id, Text version);
/* From its claims; empty or null: none. */
void peer_set_name(Peer *peer, Text name);
void peer_write(const Peer *peer, JsonWriter *w);
