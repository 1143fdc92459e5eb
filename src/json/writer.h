/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON, written forward into a buffer: no tree in between. Commas are the writer's business. A `key` of
 * NULL writes an array element (or the outermost value).
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/buffer.h"
#include "basic/text.h"
#include "basic/uuid.h"

typedef struct JsonWriter {
        Buffer *buffer;         /* borrowed */
        bool comma;             /* a value stands before */
} JsonWriter;

#define JSON_WRITER(b) ((JsonWriter) { .buffer = (b) })

void json_begin(JsonWriter *w, const char *key);                /* { */
void json_end(JsonWriter *w);                                   /* } */
void json_begin_array(JsonWriter *w, const char *key);          /* [ */
void json_end_array(JsonWriter *w);                             /* ] */
void json_string(JsonWriter *w, const char *key, const char *value);    /* NULL writes null */
/* data NULL writes null; invalid UTF-8 becomes U+FFFD */
void json_text(JsonWriter *w, const char *key, Text value);
void json_int(JsonWriter *w, const char *key, int64_t value);
void json_bool(JsonWriter *w, const char *key, bool value);
void json_null(JsonWriter *w, const char *key);
void json_uuid(JsonWriter *w, const char *key, const Uuid *value);      /* NULL or all zero writes null */
void json_time_usec(JsonWriter *w, const char *key, uint64_t usec);     /* 0 writes null; microseconds */
void json_time_sec(JsonWriter *w, const char *key, uint64_t usec);      /* 0 writes null; whole seconds */
void json_raw(JsonWriter *w, const char *key, Text json);       /* spliced as it is; data NULL writes null */
/* A key from outside; the value follows with key NULL. */
void json_key_text(JsonWriter *w, Text key);

/* Appends `text` as a JSON string with its quotes. */
void json_append_string(Buffer *buffer, Text text);
