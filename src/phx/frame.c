/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Phoenix frames: five elements in, five elements out.
 *
 * What comes in is from a peer that may be hostile: it is checked as JSON once, as a whole, and then only
 * walked. The payload is not looked into here; it may be tens of megabytes.
 */

#include "phx/frame.h"

#include <assert.h>
#include <errno.h>

#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

enum { KIND_REPLY = 1 };

/* A ref is opaque: it is kept as it was written and goes back the same way. */
static int read_ref(Text value, Text *ret_ref) {
        switch (json_kind(value)) {
        case JSON_NULL:
                *ret_ref = TEXT_NULL;
                return 0;
        case JSON_STRING:
                if (value.length - 2 > PHX_MAX_REF)
                        return -EBADMSG;
                *ret_ref = text_make(value.data + 1, value.length - 2);
                return 0;
        default:
                return -EBADMSG;
        }
}

static int read_name(Text value, size_t max, Arena *arena, Text *ret_name) {
        Text name;

        if (json_kind(value) != JSON_STRING)
                return -EBADMSG;

        /* Most names hold no escapes and stay where they are. With escapes a byte takes at most the six
         * characters of \uXXXX, so what is longer need not be copied to be refused. */
        if (!memchr(value.data, '\\', value.length))
                name = text_make(value.data + 1, value.length - 2);
        else if (value.length - 2 > 6 * max || json_unescape(arena, value, &name) < 0)
                return -EBADMSG;

        if (name.length > max)
                return -EBADMSG;

        *ret_name = name;
        return 0;
}

int phx_frame_read(Text data, Arena *arena, PhxFrame *ret_frame) {
        Text elements[5];
        PhxFrame frame;
        JsonKind kind;
        size_t cursor = 0;
        int r;

        r = json_check(data, &kind, NULL);
        if (r < 0)
                return r;
        if (kind != JSON_ARRAY)
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(elements); i++)
                if (!json_next_element(data, &cursor, &elements[i]))
                        return -EBADMSG;

        if (read_ref(elements[0], &frame.join_ref) < 0 || read_ref(elements[1], &frame.ref) < 0 ||
            read_name(elements[2], PHX_MAX_TOPIC, arena, &frame.topic) < 0 ||
            read_name(elements[3], PHX_MAX_EVENT, arena, &frame.event) < 0 ||
            json_kind(elements[4]) != JSON_OBJECT)
                return -EBADMSG;

        frame.payload = elements[4];
        *ret_frame = frame;
        return 0;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void write_ref(Buffer *buffer, Text ref) {
        if (!ref.data) {
                buffer_append_string(buffer, "null");
                return;
        }

        buffer_append_byte(buffer, '"');
        buffer_append_text(buffer, ref);
        buffer_append_byte(buffer, '"');
}

/* `[join_ref,ref,"topic",` */
static void write_head(Buffer *buffer, Text join_ref, Text ref, Text topic) {
        buffer_append_byte(buffer, '[');
        write_ref(buffer, join_ref);
        buffer_append_byte(buffer, ',');
        write_ref(buffer, ref);
        buffer_append_byte(buffer, ',');
        json_append_string(buffer, topic);
        buffer_append_byte(buffer, ',');
}

void phx_write_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text response) {
        buffer_reserve(buffer, response.length + topic.length + 640);
        write_head(buffer, join_ref, ref, topic);
        buffer_append_string(buffer, "\"phx_reply\",{\"status\":");
        buffer_append_string(buffer, ok ? "\"ok\"" : "\"error\"");
        buffer_append_string(buffer, ",\"response\":");
        buffer_append_text(buffer, response);
        buffer_append_string(buffer, "}]");
}

void phx_write_push(Buffer *buffer, Text join_ref, Text topic, const char *event, Text payload) {
        write_head(buffer, join_ref, TEXT_NULL, topic);
        json_append_string(buffer, text_of(event));
        buffer_append_byte(buffer, ',');
        buffer_append_text(buffer, payload);
        buffer_append_byte(buffer, ']');
}

void phx_write_close(Buffer *buffer, Text join_ref, Text topic, const char *event) {
        write_head(buffer, join_ref, join_ref, topic);
        json_append_string(buffer, text_of(event));
        buffer_append_string(buffer, ",{}]");
}

void phx_write_binary_reply(Buffer *buffer, Text join_ref, Text ref, Text topic, bool ok, Text data) {
        Text status = ok ? TEXT("ok") : TEXT("error");

        assert(join_ref.length <= PHX_MAX_REF && ref.length <= PHX_MAX_REF && topic.length <= PHX_MAX_TOPIC);

        buffer_reserve(buffer, 5 + join_ref.length + ref.length + topic.length + status.length + data.length);
        buffer_append_byte(buffer, KIND_REPLY);
        buffer_append_byte(buffer, (char) join_ref.length);
        buffer_append_byte(buffer, (char) ref.length);
        buffer_append_byte(buffer, (char) topic.length);
        buffer_append_byte(buffer, (char) status.length);
        buffer_append_text(buffer, join_ref);
        buffer_append_text(buffer, ref);
        buffer_append_text(buffer, topic);
        buffer_append_text(buffer, status);
        buffer_append_text(buffer, data);
}
