/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON of ours, read through a field table: parsing, checking and the message for each bad field in
 * one place. For small documents (requests, channel events, settings); payloads of users stay bytes
 * (check.h). Works on the checked bytes themselves: no tree, no depth limit, numbers as they were
 * written.
 */

#include <stdbool.h>
#include <stddef.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "basic/uuid.h"

typedef enum FieldType {
        FIELD_STRING,           /* Text, unescaped, in the arena; U+0000 becomes U+FFFD, because PostgreSQL's
                                 * text has no NUL */
        FIELD_UUID,             /* Uuid */
        FIELD_INT,              /* int64_t; a string of digits will do, as in the original */
        FIELD_BOOL,             /* bool; also "true" "1" "false" "0" */
        FIELD_RAW,              /* Text: the raw JSON of any value; points into the document */
        FIELD_OBJECT,           /* Text: raw, must be an object */
        FIELD_ARRAY,            /* Text: raw, must be an array */
        FIELD_TIME,             /* uint64_t µs since the epoch, as the worker sends it: a 16-digit string is
                                 * µs, a 13-digit string or an integer ms, up to the year 9999 */
} FieldType;

typedef enum FieldFlags {
        FIELD_REQUIRED = 1 << 0,        /* absent, null or blank: "This field can't be blank." */
        FIELD_KEEP_NULL = 1 << 1,       /* FIELD_RAW: an explicit null is kept as the text `null` */
        FIELD_CLEAR_NULL = 1 << 2,      /* an explicit null empties the target (TEXT_NULL, UUID_NULL, 0): for
                                         * updates */
} FieldFlags;

typedef struct Field {
        const char *name;
        FieldType type;
        size_t offset;          /* of the target's member */
        unsigned flags;
        size_t max;             /* longest string in characters (code points); 0: any */
} Field;

typedef struct FieldError {
        const char *field;
        const char *message;    /* static or in the arena */
} FieldError;

#define FIELD_MAX_ERRORS 16

typedef struct FieldErrors {
        FieldError errors[FIELD_MAX_ERRORS];
        size_t n_errors;
} FieldErrors;

/* Both texts are borrowed. What is too much for FIELD_MAX_ERRORS is dropped. */
void field_errors_add(FieldErrors *errors, const char *field, const char *message);

/* `document`: checked JSON object. The table ends with {}. Absent and null optional fields stay as they
 * are in the target; "" counts as null for what is not a string. Members nobody asked for are ignored, of
 * equal keys the last one counts. Messages: "This field can't be blank.", "is invalid", "should be at most
 * N character(s)". 0, or -EINVAL with at least one entry in `errors` (fields without a message are set all
 * the same); -EBADMSG if it is not an object. */
int json_read(Arena *arena, Text document, const Field *fields, void *target, FieldErrors *errors);

/* The content of a raw JSON string with its escapes undone. Lone surrogates become U+FFFD. U+0000 stays a
 * NUL byte. -EINVAL if `value` is not a string. In the arena, with a NUL behind. */
int json_unescape(Arena *arena, Text value, Text *ret_text);
/* The same for what stands between the quotes, such as the keys of json_next_member(). */
Text json_unescape_key(Arena *arena, Text raw_key);

/* {"field":["message"]}: the shape of the original's validation errors, inside {"errors":…}. */
struct JsonWriter;
void field_errors_write(const FieldErrors *errors, struct JsonWriter *w, const char *key);
