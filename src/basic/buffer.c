/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes that grow by doubling.
 */

#include <stdarg.h>
#include <stdio.h>

#include "basic/buffer.h"

#define ROOM_MIN 256

void buffer_deinit(Buffer *buffer) {
        free(buffer->data);
        *buffer = BUFFER_NULL;
}

void buffer_reserve(Buffer *buffer, size_t more) {
        size_t room;

        if (buffer->room - buffer->length >= more)
                return;
        if (more > SIZE_MAX / 4 - buffer->length)
                out_of_memory();

        room = MAX(buffer->length + more, MAX(buffer->room * 2, (size_t) ROOM_MIN));
        buffer->data = xrealloc(buffer->data, room);
        buffer->room = room;
}

void buffer_append(Buffer *buffer, const void *data, size_t length) {
        if (length == 0)
                return;

        buffer_reserve(buffer, length);
        memcpy(buffer->data + buffer->length, data, length);
        buffer->length += length;
}

void buffer_append_text(Buffer *buffer, Text text) {
        buffer_append(buffer, text.data, text.length);
}

void buffer_append_string(Buffer *buffer, const char *string) {
        buffer_append(buffer, string, strlen(string));
}

void buffer_append_byte(Buffer *buffer, char byte) {
        buffer_append(buffer, &byte, 1);
}

void buffer_printf(Buffer *buffer, const char *format, ...) {
        va_list arguments;
        int length;

        /* Most of what is printed is short and fits at the first try. */
        buffer_reserve(buffer, 64);
        for (;;) {
                size_t room = buffer->room - buffer->length;

                va_start(arguments, format);
                length = vsnprintf(buffer->data + buffer->length, room, format, arguments);
                va_end(arguments);
                if (length < 0)
                        out_of_memory();
                if ((size_t) length < room)
                        break;
                buffer_reserve(buffer, (size_t) length + 1);
        }
        buffer->length += (size_t) length;
}

char *buffer_string(Buffer *buffer) {
        buffer_reserve(buffer, 1);
        buffer->data[buffer->length] = 0;
        return buffer->data;
}
