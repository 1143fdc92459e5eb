/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looking at text: beginnings, parts, and whether it is UTF-8.
 */

#include <stdint.h>

#include "basic/text.h"

bool text_starts_with(Text text, const char *prefix) {
        size_t length = strlen(prefix);

        return length == 0 || (text.length >= length && memcmp(text.data, prefix, length) == 0);
}

bool text_ends_with(Text text, const char *suffix) {
        size_t length = strlen(suffix);

        return length == 0 ||
               (text.length >= length && memcmp(text.data + text.length - length, suffix, length) == 0);
}

bool text_contains(Text text, const char *needle) {
        size_t length = strlen(needle);

        return length == 0 || (text.length >= length && memmem(text.data, text.length, needle, length));
}

bool text_split(Text *rest, char separator, Text *ret_head) {
        const char *found;

        if (!rest->data)
                return false;

        found = memchr(rest->data, separator, rest->length);
        if (!found) {
                *ret_head = *rest;
                *rest = TEXT_NULL;
                return true;
        }

        *ret_head = text_make(rest->data, (size_t) (found - rest->data));
        *rest = text_make(found + 1, rest->length - ret_head->length - 1);
        return true;
}

static bool is_space(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

Text text_trim(Text text) {
        while (text.length > 0 && is_space(text.data[0])) {
                text.data++;
                text.length--;
        }
        while (text.length > 0 && is_space(text.data[text.length - 1]))
                text.length--;
        return text;
}

bool text_is_utf8(Text text) {
        for (size_t i = 0; i < text.length;) {
                uint64_t word;
                size_t length;

                /* Most text is ASCII: eight bytes at a time. */
                if (text.length - i >= sizeof word) {
                        memcpy(&word, text.data + i, sizeof word);
                        if (!(word & 0x8080808080808080ULL)) {
                                i += sizeof word;
                                continue;
                        }
                }

                length = utf8_sequence(text.data + i, text.length - i);
                if (length == 0)
                        return false;
                i += length;
        }
        return true;
}

size_t text_count_characters(Text text) {
        size_t n = 0;

        for (size_t i = 0; i < text.length; i++)
                n += ((uint8_t) text.data[i] & 0xc0) != 0x80;
        return n;
}
