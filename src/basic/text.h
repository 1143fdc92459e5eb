/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text that is looked at, not owned: a pointer and a length. What comes from outside (requests,
 * frames, rows) is handled as Text until somebody needs to keep it; it need not end in a NUL and
 * may hold any byte.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef struct Text {
        const char *data;
        size_t length;
} Text;

#define TEXT_NULL ((Text) { NULL, 0 })
#define TEXT(literal) ((Text) { "" literal, sizeof(literal) - 1 })

static inline Text text_of(const char *string) {
        return string ? (Text) { string, strlen(string) } : TEXT_NULL;
}

static inline Text text_make(const void *data, size_t length) {
        return (Text) { data, length };
}

static inline bool text_equal(Text a, Text b) {
        return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool text_is(Text a, const char *string) {
        return text_equal(a, text_of(string));
}

/* ASCII only: for header names, schemes, booleans. */
static inline bool text_is_nocase(Text a, const char *string) {
        return a.length == strlen(string) && strncasecmp(a.data, string, a.length) == 0;
}

bool text_starts_with(Text text, const char *prefix);
bool text_ends_with(Text text, const char *suffix);
bool text_contains(Text text, const char *needle);

/* Cuts at the first `separator`: *ret_head before it, *rest behind it. Without one, all is head and
 * rest becomes TEXT_NULL. False when *rest was TEXT_NULL already (data NULL; an empty text has one
 * empty head). */
bool text_split(Text *rest, char separator, Text *ret_head);

/* Without the ASCII white space around it. */
Text text_trim(Text text);

/* True if every byte sequence is well-formed UTF-8 (no overlong forms, no surrogates). */
bool text_is_utf8(Text text);

/*
 * The length of the well-formed UTF-8 sequence `data` begins with (1 to 4), 0 if there is none: the rows of
 * Unicode's table 3-7. Only the second byte has bounds of its own: they keep out overlong forms,
 * surrogates and what lies beyond U+10FFFF. Here because checking JSON calls it once a character.
 */
static inline size_t utf8_sequence(const char *data, size_t left) {
        const uint8_t *p = (const uint8_t *) data;
        uint8_t low = 0x80, high = 0xbf;
        size_t length;

        if (left == 0)
                return 0;
        if (p[0] < 0x80)
                return 1;

        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                length = 2;
        else if (p[0] >= 0xe0 && p[0] <= 0xef) {
                length = 3;
                low = p[0] == 0xe0 ? 0xa0 : low;
                high = p[0] == 0xed ? 0x9f : high;
        } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
                length = 4;
                low = p[0] == 0xf0 ? 0x90 : low;
                high = p[0] == 0xf4 ? 0x8f : high;
        } else
                return 0;

        if (left < length || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return length;
}

/* Characters (code points) of a text that is UTF-8. */
size_t text_count_characters(Text text);
