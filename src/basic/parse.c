/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small values out of text, and the parts of a URL.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "basic/macros.h"
#include "basic/parse.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

int parse_u64(Text text, uint64_t *ret_value) {
        uint64_t value = 0;
        bool fits = true;

        if (text.length == 0)
                return -EINVAL;

        for (size_t i = 0; i < text.length; i++) {
                if (!is_digit(text.data[i]))
                        return -EINVAL;
                fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
                       !__builtin_add_overflow(value, (uint64_t) (text.data[i] - '0'), &value);
        }
        if (!fits)
                return -ERANGE;

        *ret_value = value;
        return 0;
}

int parse_i64(Text text, int64_t *ret_value) {
        bool negative = text.length > 0 && text.data[0] == '-';
        uint64_t magnitude;
        int r;

        if (negative)
                text = text_make(text.data + 1, text.length - 1);

        r = parse_u64(text, &magnitude);
        if (r < 0)
                return r;
        if (magnitude > (uint64_t) INT64_MAX + negative)
                return -ERANGE;

        *ret_value = negative ? (int64_t) -magnitude : (int64_t) magnitude;
        return 0;
}

static size_t skip_digits(Text text, size_t i) {
        while (i < text.length && is_digit(text.data[i]))
                i++;
        return i;
}

/* JSON's grammar but for leading zeros: strtod(3) would also take hexadecimal, "inf" and white space. */
static bool looks_like_number(Text text) {
        size_t i = text.length > 0 && text.data[0] == '-', end;

        end = skip_digits(text, i);
        if (end == i)
                return false;
        i = end;

        if (i < text.length && text.data[i] == '.') {
                end = skip_digits(text, ++i);
                if (end == i)
                        return false;
                i = end;
        }
        if (i < text.length && (text.data[i] | 0x20) == 'e') {
                i++;
                if (i < text.length && (text.data[i] == '+' || text.data[i] == '-'))
                        i++;
                end = skip_digits(text, i);
                if (end == i)
                        return false;
                i = end;
        }
        return i == text.length;
}

int parse_double(Text text, double *ret_value) {
        char string[512];
        double value;

        if (!looks_like_number(text))
                return -EINVAL;
        if (text.length >= sizeof string)
                return -ERANGE;

        memcpy(string, text.data, text.length);
        string[text.length] = 0;

        value = strtod(string, NULL);
        if (isinf(value))
                return -ERANGE;

        *ret_value = value;
        return 0;
}

int parse_bool(Text text, bool *ret_value) {
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                { "true",  true  }, { "yes", true  }, { "1", true  }, { "on",  true  },
                { "false", false }, { "no",  false }, { "0", false }, { "off", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (text_is_nocase(text, words[i].word)) {
                        *ret_value = words[i].value;
                        return 0;
                }
        return -EINVAL;
}

static int hex_digit(char c) {
        if (is_digit(c))
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

static int hex_byte(const char *digits) {
        int high = hex_digit(digits[0]), low = hex_digit(digits[1]);

        return high < 0 || low < 0 ? -EINVAL : high << 4 | low;
}

int parse_address(Text text, char ret_address[static ADDRESS_SIZE]) {
        bool in_brackets = text_starts_with(text, "[") && text_ends_with(text, "]");
        char address[ADDRESS_SIZE - 2];
        struct in6_addr parsed;

        if (in_brackets && text.length >= 2)
                text = text_make(text.data + 1, text.length - 2);
        if (text.length == 0 || text.length >= sizeof address || memchr(text.data, 0, text.length))
                return -EINVAL;

        memcpy(address, text.data, text.length);
        address[text.length] = 0;

        if (inet_pton(AF_INET6, address, &parsed) == 1)
                snprintf(ret_address, ADDRESS_SIZE, "[%s]", address);
        else if (!in_brackets && inet_pton(AF_INET, address, &parsed) == 1)
                memcpy(ret_address, address, text.length + 1);
        else
                return -EINVAL;

        return 0;
}

int parse_hex(Text text, uint8_t *data, size_t size, size_t *ret_length) {
        if (text.length % 2 != 0)
                return -EINVAL;

        for (size_t i = 0; i < text.length / 2; i++) {
                int byte = hex_byte(text.data + 2 * i);

                if (byte < 0)
                        return byte;
                if (i < size)
                        data[i] = (uint8_t) byte;
        }
        if (text.length / 2 > size)
                return -ERANGE;

        *ret_length = text.length / 2;
        return 0;
}

/* -- parts of a URL ----------------------------------------------------------------------------- */

/* The byte at the front of *text, which is cut off; -EINVAL for a broken escape. */
static int next_byte(Text *text, bool plus) {
        size_t used = 1;
        int byte = (uint8_t) text->data[0];

        if (byte == '+' && plus)
                byte = ' ';
        else if (byte == '%') {
                if (text->length < 3)
                        return -EINVAL;
                byte = hex_byte(text->data + 1);
                used = 3;
        }

        text->data += used;
        text->length -= used;
        return byte;
}

int parse_percent(Text text, bool plus, Arena *arena, Text *ret_text) {
        char *data = arena_alloc(arena, text.length + 1);
        size_t length = 0;

        while (text.length > 0) {
                int byte = next_byte(&text, plus);

                if (byte < 0)
                        return byte;
                if (byte == 0)
                        return -EILSEQ;
                data[length++] = (char) byte;
        }
        if (!text_is_utf8(text_make(data, length)))
                return -EILSEQ;

        *ret_text = text_make(data, length);
        return 0;
}

static bool decodes_to(Text raw, const char *name) {
        for (; raw.length > 0 && *name; name++)
                if (next_byte(&raw, true) != (uint8_t) *name)
                        return false;
        return raw.length == 0 && !*name;
}

Text query_get(Text query, const char *name) {
        Text part;

        while (text_split(&query, '&', &part)) {
                Text value = part, key;

                if (!text_split(&value, '=', &key) || !decodes_to(key, name))
                        continue;
                return value.data ? value : text_make(key.data + key.length, 0);
        }
        return TEXT_NULL;
}
