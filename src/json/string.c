/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON strings to text and back.
 */

#include <errno.h>

#include "json/check.h"
#include "json/plain.h"
#include "json/read.h"
#include "json/writer.h"

#define REPLACEMENT_CHARACTER 0xfffdU
#define REPLACEMENT_TEXT TEXT("\xef\xbf\xbd")

/* -- escapes undone ----------------------------------------------------------------------------- */

static size_t encode_utf8(uint32_t c, char *p) {
        if (c < 0x80) {
                p[0] = (char) c;
                return 1;
        }
        if (c < 0x800) {
                p[0] = (char) (0xc0 | c >> 6);
                p[1] = (char) (0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                p[0] = (char) (0xe0 | c >> 12);
                p[1] = (char) (0x80 | (c >> 6 & 0x3f));
                p[2] = (char) (0x80 | (c & 0x3f));
                return 3;
        }
        p[0] = (char) (0xf0 | c >> 18);
        p[1] = (char) (0x80 | (c >> 12 & 0x3f));
        p[2] = (char) (0x80 | (c >> 6 & 0x3f));
        p[3] = (char) (0x80 | (c & 0x3f));
        return 4;
}

/* The four digits of "\uXXXX" at the front; more than 16 bits if there is no such thing. */
static uint32_t read_unit(Text raw) {
        uint32_t unit = 0;

        if (raw.length < 6 || raw.data[0] != '\\' || raw.data[1] != 'u')
                return UINT32_MAX;
        for (size_t i = 2; i < 6; i++) {
                char c = raw.data[i];

                unit = unit << 4 | (uint32_t) (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        return unit;
}

/* The character of the "\uXXXX" at the front, two of them for a surrogate pair; cuts it off. */
static uint32_t take_unicode(Text *raw) {
        uint32_t high = read_unit(*raw), low;

        /* Not in checked JSON. A character no longer than what it stands for, so that it fits. */
        if (high == UINT32_MAX) {
                *raw = text_make(raw->data + raw->length, 0);
                return '?';
        }

        *raw = text_make(raw->data + 6, raw->length - 6);
        if (high < 0xd800 || high > 0xdfff)
                return high;

        low = read_unit(*raw);
        if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
                return REPLACEMENT_CHARACTER;
        *raw = text_make(raw->data + 6, raw->length - 6);
        return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* The bytes of the escape at the front, which is cut off. */
static size_t take_escape(Text *raw, char bytes[static 4]) {
        static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
        const char *letter;

        if (raw->length < 2 || raw->data[1] == 'u')
                return encode_utf8(take_unicode(raw), bytes);

        letter = memchr(letters, raw->data[1], sizeof letters - 1);
        bytes[0] = letter ? controls[letter - letters] : raw->data[1];
        *raw = text_make(raw->data + 2, raw->length - 2);
        return 1;
}

/* No escape is shorter than what it stands for, so the result fits where the raw text did. */
Text json_unescape_key(Arena *arena, Text raw) {
        char *data, *p;

        if (raw.length == 0 || !memchr(raw.data, '\\', raw.length))
                return arena_text(arena, raw.data ? raw : TEXT(""));

        data = p = arena_memdup(arena, raw.data, raw.length);
        while (raw.length > 0) {
                const char *backslash = memchr(raw.data, '\\', raw.length);
                size_t length = backslash ? (size_t) (backslash - raw.data) : raw.length;

                memcpy(p, raw.data, length);
                p += length;
                raw = text_make(raw.data + length, raw.length - length);
                if (backslash)
                        p += take_escape(&raw, p);
        }
        *p = 0;
        return text_make(data, (size_t) (p - data));
}

int json_unescape(Arena *arena, Text value, Text *ret_text) {
        value = text_trim(value);
        if (value.length < 2 || value.data[0] != '"')
                return -EINVAL;

        *ret_text = json_unescape_key(arena, text_make(value.data + 1, value.length - 2));
        return 0;
}

bool json_key_is(Text raw, const char *name) {
        if (raw.length == 0 || !memchr(raw.data, '\\', raw.length))
                return text_is(raw, name);

        while (raw.length > 0) {
                char bytes[4] = { raw.data[0] };
                size_t length = 1;

                if (raw.data[0] == '\\')
                        length = take_escape(&raw, bytes);
                else
                        raw = text_make(raw.data + 1, raw.length - 1);

                /* Not past the end of name: a NUL in the key is not the NUL behind the name. */
                if (strnlen(name, length) < length || memcmp(name, bytes, length) != 0)
                        return false;
                name += length;
        }
        return !*name;
}

/* -- escapes made ------------------------------------------------------------------------------- */

static void append_escape(Buffer *buffer, char c) {
        static const char letters[] = "btn.fr";         /* of 0x08 to 0x0d */

        if (c == '"' || c == '\\')
                buffer_printf(buffer, "\\%c", c);
        else if (c >= '\b' && c <= '\r' && c != '\v')
                buffer_printf(buffer, "\\%c", letters[c - '\b']);
        else
                buffer_printf(buffer, "\\u%04x", (unsigned) c);
}

void json_append_string(Buffer *buffer, Text text) {
        buffer_reserve(buffer, text.length + 2);
        buffer_append_byte(buffer, '"');

        while (text.length > 0) {
                size_t length = json_plain_run(text.data, text.length);

                if (length == 0 && (uint8_t) text.data[0] < 0x80) {
                        append_escape(buffer, text.data[0]);
                        length = 1;
                } else if (length == 0 && (length = utf8_sequence(text.data, text.length)) == 0) {
                        buffer_append_text(buffer, REPLACEMENT_TEXT);
                        length = 1;
                } else
                        buffer_append(buffer, text.data, length);

                text = text_make(text.data + length, text.length - length);
        }

        buffer_append_byte(buffer, '"');
}
