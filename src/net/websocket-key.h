/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "basic/text.h"

#define WEBSOCKET_ACCEPT_SIZE 29

/* What a server answers to Sec-WebSocket-Key (RFC 6455, 4.2.2). NUL-terminated. */
void websocket_accept_key(Text key, char accept[static WEBSOCKET_ACCEPT_SIZE]);
