/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a logged value to the text people read. One pass over the raw JSON, no tree: a log line may hold
 * anything that a job's code could put together.
 */

#include "domain/log-line.h"
#include "json/check.h"

#define REPLACEMENT "\xef\xbf\xbd"      /* U+FFFD */

/* What PostgreSQL cannot hold or terminals should not see; tab, newline and carriage return stay. */
static bool is_control(unsigned c) {
        return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

static void append_clean(Buffer *text, const char *data, size_t length) {
        size_t from = 0;

        for (size_t i = 0; i < length; i++)
                if (is_control((uint8_t) data[i])) {
                        buffer_append(text, data + from, i - from);
                        buffer_append_string(text, REPLACEMENT);
                        from = i + 1;
                }
        buffer_append(text, data + from, length - from);
}

/* Behind the string that begins at `at`. */
static size_t skip_string(Text json, size_t at) {
        for (at++; json.data[at] != '"'; at++)
                if (json.data[at] == '\\')
                        at++;
        return at + 1;
}

static bool is_control_escape(const char *escape) {
        char digits[3] = {};

        /* Only behind these there are two more digits for certain. */
        if (escape[1] != 'u' || escape[2] != '0' || escape[3] != '0')
                return false;
        memcpy(digits, escape + 4, 2);
        return is_control((unsigned) strtoul(digits, NULL, 16));
}

/* A string inside an object stays JSON, so its escapes stay, except those of characters that are not
 * wanted. */
static size_t append_string_as_json(Buffer *text, Text json, size_t at) {
        size_t end = skip_string(json, at), from = at;

        for (size_t i = at; i < end; i++) {
                if (json.data[i] != '\\')
                        continue;
                if (is_control_escape(json.data + i)) {
                        append_clean(text, json.data + from, i - from);
                        buffer_append_string(text, REPLACEMENT);
                        i += strlen("u0000");
                        from = i + 1;
                } else
                        i++;
        }
        append_clean(text, json.data + from, end - from);
        return end;
}

/* An object stays JSON, without the white space around its parts. */
static size_t append_object(Buffer *text, Text json, size_t at) {
        size_t depth = 0;

        do {
                char c = json.data[at];

                if (c == '"') {
                        at = append_string_as_json(text, json, at);
                        continue;
                }
                if (c == '{' || c == '[')
                        depth++;
                else if (c == '}' || c == ']')
                        depth--;
                if (!strchr(" \t\r\n", c))
                        buffer_append_byte(text, c);
                at++;
        } while (depth > 0);
        return at;
}

static size_t append_string(Buffer *text, Arena *arena, Text json, size_t at) {
        size_t end = skip_string(json, at);
        Text string = TEXT_NULL;

        if (!memchr(json.data + at, '\\', end - at))
                string = text_make(json.data + at + 1, end - at - 2);
        else
                (void) json_unescape(arena, text_make(json.data + at, end - at), &string);
        append_clean(text, string.data, string.length);
        return end;
}

void log_message_write(Arena *arena, Text json, Buffer *text) {
        for (size_t at = 0; at < json.length;)
                switch (json.data[at]) {
                case '"':
                        at = append_string(text, arena, json, at);
                        break;
                case '{':
                        at = append_object(text, json, at);
                        break;
                case ',':               /* between the elements of an array, whichever it is */
                        buffer_append_byte(text, ' ');
                        at++;
                        break;
                case '[':
                case ']':
                case ' ':
                case '\t':
                case '\r':
                case '\n':
                        at++;
                        break;
                default:                /* a number or word */
                        buffer_append_byte(text, json.data[at++]);
                }
}
