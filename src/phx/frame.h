/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Phoenix frames, serializer 2.0.0: `[join_ref, ref, topic, event, payload]` in text frames, and the binary reply.
 * Protocol: worker-channel 1.2, 1.5. Reading copies nothing: Texts point into the frame.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

#define PHX_MAX_REF 255

typedef struct PhxFrame {
        Text join_ref, ref;     /* raw content, TEXT_NULL for null */
        Text topic, event;      /* unescaped */
        Text payload;           /* raw JSON, an object */
} PhxFrame;

/* -EBADMSG: not JSON, not an array of five, elements of the wrong kind, refs too long. Extra elements are ignored. */
int phx_frame_read(Text data, Arena *arena, PhxFrame *ret_frame);

/* Appends a whole text frame. */
void phx_write_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text response);
void phx_write_push(Buffer *buffer, Text join_ref, Text topic, const char *event, Text payload);
/* phx_close, phx_error: join_ref stands twice. */
void phx_write_close(Buffer *buffer, Text join_ref, Text topic, const char *event);
/* The binary reply of 1.5. Sizes are single bytes: topic and refs are at most 255 bytes. */
void phx_write_binary_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text data);
