/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which values of a credential are secrets: every leaf but those whose own key says that it is none. The
 * elements of a list go by the list's key.
 */

#include "domain/scrub.h"
#include "json/check.h"
#include "json/read.h"

/* Compared without regard to case. */
static const char *const harmless_keys[] = {
        "account", "apiurl",  "apiversion",  "baseurl",  "database", "email",
        "host",    "hosturl", "instanceurl", "loginurl", "user",     "username",
};

#define MAX_DEPTH 128           /* a body that is deeper was made to be deep */

typedef struct Level {
        Text container;
        size_t cursor;
        bool is_harmless;       /* a list's elements */
} Level;

typedef struct Values {
        Arena *arena;
        Text *values;
        size_t n, room;
} Values;

static bool is_harmless_key(Arena *arena, Text raw_key) {
        Text key = json_unescape_key(arena, raw_key);

        for (size_t i = 0; i < ELEMENTSOF(harmless_keys); i++)
                if (text_is_nocase(key, harmless_keys[i]))
                        return true;
        return false;
}

static void add_value(Values *values, Text value) {
        if (value.length == 0)
                return;
        for (size_t i = 0; i < values->n; i++)
                if (text_equal(values->values[i], value))
                        return;

        if (values->n == values->room) {
                Text *more = arena_new(values->arena, Text, MAX(2 * values->room, (size_t) 16));

                if (values->n > 0)
                        memcpy(more, values->values, values->n * sizeof(Text));
                values->room = MAX(2 * values->room, (size_t) 16);
                values->values = more;
        }
        values->values[values->n++] = value;
}

static void add_leaf(Values *values, Text value) {
        Text text;

        switch (json_kind(value)) {
        case JSON_STRING:
                if (json_unescape(values->arena, value, &text) == 0)
                        add_value(values, text);
                break;
        case JSON_NUMBER:
                add_value(values, arena_text(values->arena, value));
                break;
        default:                /* true, false, null: too little to be a secret */
                break;
        }
}

size_t sensitive_values(Arena *arena, Text body, Text **ret_values) {
        Level *levels = arena_new(arena, Level, MAX_DEPTH);
        Values values = { .arena = arena };
        size_t depth = 1;

        levels[0] = (Level) { .container = body };
        while (depth > 0) {
                Level *level = &levels[depth - 1];
                bool is_object = json_kind(level->container) == JSON_OBJECT, is_harmless = level->is_harmless;
                Text key, value;
                JsonKind kind;

                if (is_object && !json_next_member(level->container, &level->cursor, &key, &value)) {
                        depth--;
                        continue;
                }
                if (!is_object && !json_next_element(level->container, &level->cursor, &value)) {
                        depth--;
                        continue;
                }

                kind = json_kind(value);
                if (is_object)
                        is_harmless = is_harmless_key(arena, key);
                if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
                        if (!is_harmless)
                                add_leaf(&values, value);
                } else if (depth < MAX_DEPTH)
                        levels[depth++] = (Level) { .container = value,
                                                   .is_harmless = kind == JSON_ARRAY && is_harmless };
        }

        *ret_values = values.values;
        return values.n;
}
