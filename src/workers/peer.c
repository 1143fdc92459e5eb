/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connected worker says of itself: kept short, as it comes from outside.
 */

#include "workers/peer.h"

#include "basic/clock.h"

static void keep(char target[static PEER_TEXT_SIZE], Text text) {
        size_t length = MIN(text.length, (size_t) PEER_TEXT_SIZE - 1);

        if (length > 0)
                memcpy(target, text.data, length);
        target[length] = '\0';
        /* PostgreSQL keeps no control characters in JSON that was text before. */
        for (char *c = target; *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f)
                        *c = ' ';
}

Peer *peer_new(Text id, Text version) {
        Peer *peer = xnew(Peer, 1);

        keep(peer->id, id);
        keep(peer->version, version);
        peer->connected_usec = clock_now_usec();
        return peer;
}

void peer_set_name(Peer *peer, Text name) {
        keep(peer->name, name);
}

void peer_write(const Peer *peer, JsonWriter *w) {
        json_begin(w, NULL);
        json_string(w, "worker_id", peer->id);
        json_string(w, "name", *peer->name ? peer->name : NULL);
        json_int(w, "capacity", peer->capacity);
        json_string(w, "version", peer->version);
        json_time_usec(w, "connected_at", peer->connected_usec);
        json_end(w);
}
