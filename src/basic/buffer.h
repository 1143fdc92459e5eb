/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A growing byte buffer. Owned by whoever declares it; BUFFER_NULL is empty and valid.
 */

#include <stdbool.h>
#include <stddef.h>

#include "basic/macros.h"
#include "basic/text.h"

typedef struct Buffer {
        char *data;             /* not NUL-terminated; see buffer_string() */
        size_t length;
        size_t room;
} Buffer;

#define BUFFER_NULL ((Buffer) {})

void buffer_deinit(Buffer *buffer);
void buffer_reserve(Buffer *buffer, size_t more);
void buffer_append(Buffer *buffer, const void *data, size_t length);
void buffer_append_text(Buffer *buffer, Text text);
void buffer_append_string(Buffer *buffer, const char *string);
void buffer_append_byte(Buffer *buffer, char byte);
void buffer_printf(Buffer *buffer, const char *format, ...) _printf_(2, 3);
static inline void buffer_clear(Buffer *buffer) {
        buffer->length = 0;
}

/* The contents with a NUL behind them (not counted in length). Valid until the next append. */
char *buffer_string(Buffer *buffer);

static inline Text buffer_text(const Buffer *buffer) {
        return (Text) { buffer->data, buffer->length };
}
