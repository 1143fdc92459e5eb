/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSockets on an upgraded HTTP/1.1 connection: wslay with glue of our own (h2o's sends each frame with
 * two writes and keeps buffers). Messages arrive whole and in order. Sending is queued up to a high-water
 * mark; a reader that stops reading is dropped, not buffered for ever.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/text.h"
#include "net/http.h"

typedef struct WebSocket WebSocket;

typedef enum WebSocketKind { WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2 } WebSocketKind;

typedef struct WebSocketHandlers {
        void (*on_message)(WebSocket *socket, WebSocketKind kind, Text data, void *userdata);
        /* The last call for this socket: it is freed after it. `code`: the peer's close code, 1006 when it
         * just vanished. */
        void (*on_close)(WebSocket *socket, unsigned code, void *userdata);
} WebSocketHandlers;

typedef struct WebSocketConfig {
        size_t max_message;             /* bytes; larger: 1009 */
        size_t max_queue; /* bytes; who has more waiting when the next message is sent is dropped */
        uint64_t idle_timeout_usec;     /* nothing from the peer for that long: 1001; 0: never */
        const char *protocol;           /* subprotocol, chosen when the peer offers it; static; NULL: none */
} WebSocketConfig;

/* Checks the handshake (426/400 are answered by itself, -EPROTO returned) and upgrades. The request is done
 * afterwards either way. *ret_socket is valid until on_close. */
int websocket_accept(HttpRequest *request, const WebSocketConfig *config, const WebSocketHandlers *handlers,
                     void *userdata, WebSocket **ret_socket);
/* Copies. May be called inside on_message; ignored after close. */
void websocket_send(WebSocket *socket, WebSocketKind kind, Text data);
/* Sends what is queued, then the close frame; drops the peer after 5 s without an answer. Never 1000 to a
 * worker. */
void websocket_close(WebSocket *socket, unsigned code, const char *reason);
size_t websocket_queued(const WebSocket *socket);
