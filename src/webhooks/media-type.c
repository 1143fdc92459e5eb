/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parameters of header values (RFC 9110, 5.6.6). Senders are many: white space is allowed anywhere, a quote
 * that does not end ends with the header.
 */

#include "webhooks/media-type.h"

Text media_value(Text header) {
        Text value;

        if (!text_split(&header, ';', &value))
                return TEXT_NULL;
        return text_trim(value);
}

/* At the opening quote; moves behind the closing one. */
static Text take_quoted(Text *rest, Arena *arena) {
        char *data = arena_alloc(arena, rest->length);
        size_t length = 0, i = 1;

        for (; i < rest->length && rest->data[i] != '"'; i++) {
                if (rest->data[i] == '\\' && i + 1 < rest->length)
                        i++;
                data[length++] = rest->data[i];
        }
        i = i < rest->length ? i + 1 : rest->length;

        *rest = text_make(rest->data + i, rest->length - i);
        return text_make(data, length);
}

static Text take_value(Text *rest, Arena *arena) {
        size_t end = 0;
        Text value;

        *rest = text_trim(*rest);
        if (rest->length > 0 && rest->data[0] == '"')
                return take_quoted(rest, arena);

        while (end < rest->length && rest->data[end] != ';')
                end++;
        value = text_trim(text_make(rest->data, end));
        *rest = text_make(rest->data + end, rest->length - end);
        return value;
}

/* Cuts the name up to '=', false when there is none in this parameter. */
static bool take_name(Text *rest, Text *ret_name) {
        size_t i = 0;

        while (i < rest->length && rest->data[i] != '=' && rest->data[i] != ';')
                i++;

        *ret_name = text_trim(text_make(rest->data, i));
        if (i == rest->length || rest->data[i] == ';') {
                *rest = text_make(rest->data + i, rest->length - i);
                return false;
        }
        *rest = text_make(rest->data + i + 1, rest->length - i - 1);
        return true;
}

Text media_parameter(Text header, const char *name, Arena *arena) {
        Text value, found;

        if (!text_split(&header, ';', &found))
                return TEXT_NULL;

        while (header.data && header.length > 0) {
                if (take_name(&header, &found)) {
                        value = take_value(&header, arena);
                        if (text_is_nocase(found, name))
                                return value;
                }
                /* To behind the next semicolon, whatever stands before it. */
                if (!text_split(&header, ';', &found))
                        break;
        }
        return TEXT_NULL;
}
