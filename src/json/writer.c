/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One comma before each value but the first of its brackets.
 */

#include <inttypes.h>

#include "basic/clock.h"
#include "json/writer.h"

/* What stands before a value. Afterwards the next one wants a comma. */
static void put_key(JsonWriter *w, const char *key) {
        if (w->comma)
                buffer_append_byte(w->buffer, ',');
        if (key) {
                json_append_string(w->buffer, text_of(key));
                buffer_append_byte(w->buffer, ':');
        }
        w->comma = true;
}

static void put_word(JsonWriter *w, const char *key, const char *word) {
        put_key(w, key);
        buffer_append_string(w->buffer, word);
}

static void put_begin(JsonWriter *w, const char *key, char bracket) {
        put_key(w, key);
        buffer_append_byte(w->buffer, bracket);
        w->comma = false;
}

static void put_end(JsonWriter *w, char bracket) {
        buffer_append_byte(w->buffer, bracket);
        w->comma = true;
}

void json_begin(JsonWriter *w, const char *key) {
        put_begin(w, key, '{');
}

void json_end(JsonWriter *w) {
        put_end(w, '}');
}

void json_begin_array(JsonWriter *w, const char *key) {
        put_begin(w, key, '[');
}

void json_end_array(JsonWriter *w) {
        put_end(w, ']');
}

void json_string(JsonWriter *w, const char *key, const char *value) {
        json_text(w, key, text_of(value));
}

void json_text(JsonWriter *w, const char *key, Text value) {
        if (!value.data) {
                json_null(w, key);
                return;
        }
        put_key(w, key);
        json_append_string(w->buffer, value);
}

void json_int(JsonWriter *w, const char *key, int64_t value) {
        put_key(w, key);
        buffer_printf(w->buffer, "%" PRId64, value);
}

void json_bool(JsonWriter *w, const char *key, bool value) {
        put_word(w, key, value ? "true" : "false");
}

void json_null(JsonWriter *w, const char *key) {
        put_word(w, key, "null");
}

/* What we make ourselves needs no escapes. */
static void put_quoted(JsonWriter *w, const char *key, const char *text) {
        put_key(w, key);
        buffer_append_byte(w->buffer, '"');
        buffer_append_string(w->buffer, text);
        buffer_append_byte(w->buffer, '"');
}

void json_uuid(JsonWriter *w, const char *key, const Uuid *value) {
        char text[UUID_STRING_SIZE];

        if (!value || uuid_is_null(value))
                json_null(w, key);
        else
                put_quoted(w, key, uuid_format(value, text));
}

void json_time_usec(JsonWriter *w, const char *key, uint64_t usec) {
        char text[CLOCK_ISO_SIZE];

        if (usec == 0)
                json_null(w, key);
        else
                put_quoted(w, key, clock_format_usec(usec, text));
}

void json_time_sec(JsonWriter *w, const char *key, uint64_t usec) {
        char text[CLOCK_ISO_SIZE];

        if (usec == 0)
                json_null(w, key);
        else
                put_quoted(w, key, clock_format_sec(usec, text));
}

void json_raw(JsonWriter *w, const char *key, Text json) {
        if (!json.data) {
                json_null(w, key);
                return;
        }
        put_key(w, key);
        buffer_append_text(w->buffer, json);
}

void json_key_text(JsonWriter *w, Text key) {
        if (w->comma)
                buffer_append_byte(w->buffer, ',');
        json_append_string(w->buffer, key);
        buffer_append_byte(w->buffer, ':');
        w->comma = false;
}
