/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finding one's way in JSON that was checked: what stands where, without undoing or copying any of it.
 * Bounds are kept all the same; JSON that was not checked gives nonsense, not more.
 */

#include "json/check.h"
#include "json/read.h"

static bool is_space(char c) {
        return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(Text text, size_t i) {
        while (i < text.length && is_space(text.data[i]))
                i++;
        return i;
}

JsonKind json_kind(Text value) {
        size_t i = skip_space(value, 0);

        if (i == value.length)
                return JSON_NULL;

        switch (value.data[i]) {
        case '{':
                return JSON_OBJECT;
        case '[':
                return JSON_ARRAY;
        case '"':
                return JSON_STRING;
        case 't':
                return JSON_TRUE;
        case 'f':
                return JSON_FALSE;
        case 'n':
                return JSON_NULL;
        default:
                return JSON_NUMBER;
        }
}

/* From an opening quote to behind the closing one: the first that an even number of backslashes stands
 * before. */
static size_t skip_string(Text text, size_t i) {
        size_t start = i + 1;

        for (i = start; i < text.length; i++) {
                const char *quote = memchr(text.data + i, '"', text.length - i);
                size_t before;

                if (!quote)
                        break;
                i = before = (size_t) (quote - text.data);
                while (before > start && text.data[before - 1] == '\\')
                        before--;
                if ((i - before) % 2 == 0)
                        return i + 1;
        }
        return text.length;
}

/* From an opening bracket to behind the one that closes it. */
static size_t skip_brackets(Text text, size_t i) {
        size_t depth = 0;

        while (i < text.length) {
                switch (text.data[i]) {
                case '"':
                        i = skip_string(text, i);
                        continue;
                case '{':
                case '[':
                        depth++;
                        break;
                case '}':
                case ']':
                        if (--depth == 0)
                                return i + 1;
                        break;
                }
                i++;
        }
        return i;
}

static size_t skip_word(Text text, size_t i) {
        while (i < text.length && !is_space(text.data[i]) && text.data[i] != ',' && text.data[i] != '}' &&
               text.data[i] != ']')
                i++;
        return i;
}

static size_t skip_value(Text text, size_t i) {
        if (i == text.length)
                return i;
        switch (text.data[i]) {
        case '"':
                return skip_string(text, i);
        case '{':
        case '[':
                return skip_brackets(text, i);
        default:
                return skip_word(text, i);
        }
}

/* The start of the next key or element; text.length at the end. */
static size_t next_start(Text text, size_t cursor, char opening) {
        size_t i = skip_space(text, cursor);

        if (i == text.length || text.data[i] != (cursor == 0 ? opening : ','))
                return text.length;
        i = skip_space(text, i + 1);
        return i < text.length && text.data[i] != '}' && text.data[i] != ']' ? i : text.length;
}

bool json_next_member(Text object, size_t *cursor, Text *ret_key, Text *ret_value) {
        size_t key = next_start(object, *cursor, '{'), colon, value, end;

        if (key == object.length || object.data[key] != '"')
                return false;

        end = skip_string(object, key);
        colon = skip_space(object, end);
        if (colon == object.length || object.data[colon] != ':')
                return false;
        *ret_key = text_make(object.data + key + 1, end - key - 2);

        value = skip_space(object, colon + 1);
        *cursor = skip_value(object, value);
        *ret_value = text_make(object.data + value, *cursor - value);
        return true;
}

bool json_next_element(Text array, size_t *cursor, Text *ret_value) {
        size_t value = next_start(array, *cursor, '[');

        if (value == array.length)
                return false;

        *cursor = skip_value(array, value);
        *ret_value = text_make(array.data + value, *cursor - value);
        return true;
}

Text json_member(Text object, const char *name) {
        Text key, value, found = TEXT_NULL;
        size_t cursor = 0;

        while (json_next_member(object, &cursor, &key, &value))
                if (json_key_is(key, name))
                        found = value;
        return found;
}
