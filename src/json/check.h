/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Is this JSON? One pass over the bytes: RFC 8259's grammar and well-formed UTF-8, nothing else. What
 * passes is stored and handed on byte for byte; big numbers, deep nesting, equal keys and any escape
 * are the caller's own business. No recursion: depth costs one bit.
 */

#include "basic/text.h"

typedef enum JsonKind {
        JSON_OBJECT,
        JSON_ARRAY,
        JSON_STRING,
        JSON_NUMBER,
        JSON_TRUE,
        JSON_FALSE,
        JSON_NULL,
} JsonKind;

/* 0 and the kind of the outermost value; -EBADMSG when it is not JSON (*ret_offset: where it stops
 * being JSON, in bytes; may be NULL). Surrounding white space is allowed, an empty text is not JSON. */
int json_check(Text text, JsonKind *ret_kind, size_t *ret_offset);

/* Walks the members of a checked object without parsing what they hold. `cursor` starts as 0. *ret_key is
 * raw (between the quotes; compared by json_key_is(), escapes undone by json_unescape_key()), *ret_value
 * the member's raw text. False at the end, and for what is not an object. All of them together pass the
 * text once. */
bool json_next_member(Text object, size_t *cursor, Text *ret_key, Text *ret_value);
/* The same for the elements of a checked array. */
bool json_next_element(Text array, size_t *cursor, Text *ret_value);
/* The value of the last member of that name (UTF-8, no escapes), raw; TEXT_NULL without one. */
Text json_member(Text object, const char *name);
/* Is the raw key this name, escapes in it undone? */
bool json_key_is(Text raw_key, const char *name);
/* What a checked raw value is, by its first byte behind white space. */
JsonKind json_kind(Text value);
