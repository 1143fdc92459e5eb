/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Phoenix frames, serializer 2.0.0: `[join_ref, ref, topic, event, payload]` in text frames, and the
 * binary reply. Protocol: docs/protocol, worker channel 1.2 and 1.5. Reading copies nothing but escaped
 * topics and events: the other Texts point into the frame.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

/* A size in a binary frame is one byte, and everything here may end up in one. */
#define PHX_MAX_REF 255
#define PHX_MAX_TOPIC 255
#define PHX_MAX_EVENT 255

typedef struct PhxFrame {
        Text join_ref, ref;     /* between the quotes, as it was written; TEXT_NULL for null */
        Text topic, event;      /* unescaped */
        Text payload;           /* raw JSON, an object */
} PhxFrame;

/* -EBADMSG: not JSON, not an array of five, elements of the wrong kind, refs, topic or event too long. Extra
 * elements are ignored. (The WebSocket beneath has refused text that is not UTF-8.) */
int phx_frame_read(Text data, Arena *arena, PhxFrame *ret_frame);

/* Each appends a whole text frame. Refs are written as phx_frame_read() returned them; `response` and
 * `payload` are raw JSON. */
void phx_write_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text response);
void phx_write_push(Buffer *buffer, Text join_ref, Text topic, const char *event, Text payload);
/* phx_close, phx_error: join_ref stands twice. */
void phx_write_close(Buffer *buffer, Text join_ref, Text topic, const char *event);
/* The binary reply of 1.5. */
void phx_write_binary_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text data);
