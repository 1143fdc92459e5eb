/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON of strangers: what json_check() accepts can be walked, its strings undone and written again, and the
 * result says the same. What it refuses is walked as well: it gives nonsense, but stays in its bounds.
 */

#include "fuzz.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

typedef struct Target {
        Text string, raw, object, array;
        Uuid uuid;
        int64_t number;
        bool flag;
        uint64_t time;
} Target;

static const Field fields[] = {
        { "s", FIELD_STRING, offsetof(Target, string), FIELD_REQUIRED, .max = 5 },
        { "r", FIELD_RAW,    offsetof(Target, raw),    FIELD_KEEP_NULL          },
        { "o", FIELD_OBJECT, offsetof(Target, object), FIELD_CLEAR_NULL         },
        { "a", FIELD_ARRAY,  offsetof(Target, array)                            },
        { "u", FIELD_UUID,   offsetof(Target, uuid)                             },
        { "n", FIELD_INT,    offsetof(Target, number)                           },
        { "b", FIELD_BOOL,   offsetof(Target, flag)                             },
        { "t", FIELD_TIME,   offsetof(Target, time)                             },
        {}
};

/* Inputs are a few thousand bytes long, so recursion is fine here. */
static void rewrite(Arena *arena, Text value, JsonWriter *w) {
        size_t cursor = 0;
        Text key, member;

        switch (json_kind(value)) {
        case JSON_OBJECT:
                json_begin(w, NULL);
                while (json_next_member(value, &cursor, &key, &member)) {
                        json_key_text(w, json_unescape_key(arena, key));
                        rewrite(arena, member, w);
                }
                json_end(w);
                break;
        case JSON_ARRAY:
                json_begin_array(w, NULL);
                while (json_next_element(value, &cursor, &member))
                        rewrite(arena, member, w);
                json_end_array(w);
                break;
        case JSON_STRING:
                if (json_unescape(arena, value, &member) < 0)
                        member = TEXT_NULL;
                json_text(w, NULL, member);
                break;
        default:
                json_raw(w, NULL, text_trim(value));
        }
}

static void read_fields(Arena *arena, Text document) {
        FieldErrors errors = {};
        Target target = {};
        int r = json_read(arena, document, fields, &target, &errors);

        FUZZ_CHECK((r == 0) == (errors.n_errors == 0));
        FUZZ_CHECK(text_is_utf8(target.string) && text_count_characters(target.string) <= 5);
        FUZZ_CHECK(!memchr(target.string.data ?: "x", 0, target.string.length));
}

static void check_accepted(Arena *arena, Text text, JsonKind kind) {
        _cleanup_(buffer_deinit) Buffer once = BUFFER_NULL, twice = BUFFER_NULL;
        JsonWriter first = JSON_WRITER(&once), second = JSON_WRITER(&twice);
        JsonKind kind_once;

        FUZZ_CHECK(text_is_utf8(text) && json_kind(text) == kind);

        rewrite(arena, text, &first);
        FUZZ_CHECK(json_check(buffer_text(&once), &kind_once, NULL) == 0 && kind_once == kind);
        rewrite(arena, buffer_text(&once), &second);
        FUZZ_CHECK(text_equal(buffer_text(&once), buffer_text(&twice)));

        if (kind == JSON_OBJECT)
                read_fields(arena, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer nonsense = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&nonsense);
        Text text = text_make(data, size);
        size_t offset = SIZE_MAX;
        JsonKind kind;

        if (json_check(text, &kind, &offset) == 0) {
                check_accepted(&arena, text, kind);
                return 0;
        }

        FUZZ_CHECK(offset <= size);
        rewrite(&arena, text, &w);
        (void) json_member(text, "a");
        return 0;
}
