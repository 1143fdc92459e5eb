/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Field tables: values, messages, and escapes undone.
 */

#include <errno.h>

#include "check.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

typedef struct Target {
        Text name, raw, kept, object, array, cleared;
        Uuid id, cleared_id;
        int64_t number, cleared_number;
        bool flag, cleared_flag;
        uint64_t time, cleared_time;
} Target;

static const Field fields[] = {
        { "name",         FIELD_STRING, offsetof(Target, name),         .max = 8              },
        { "id",           FIELD_UUID,   offsetof(Target, id)                                  },
        { "number",       FIELD_INT,    offsetof(Target, number)                              },
        { "flag",         FIELD_BOOL,   offsetof(Target, flag)                                },
        { "raw",          FIELD_RAW,    offsetof(Target, raw)                                 },
        { "kept",         FIELD_RAW,    offsetof(Target, kept),         FIELD_KEEP_NULL       },
        { "object",       FIELD_OBJECT, offsetof(Target, object)                              },
        { "array",        FIELD_ARRAY,  offsetof(Target, array)                               },
        { "time",         FIELD_TIME,   offsetof(Target, time)                                },
        { "clear",        FIELD_STRING, offsetof(Target, cleared),        FIELD_CLEAR_NULL    },
        { "clear_id",     FIELD_UUID,   offsetof(Target, cleared_id),     FIELD_CLEAR_NULL    },
        { "clear_number", FIELD_INT,    offsetof(Target, cleared_number), FIELD_CLEAR_NULL    },
        { "clear_flag",   FIELD_BOOL,   offsetof(Target, cleared_flag),   FIELD_CLEAR_NULL    },
        { "clear_time",   FIELD_TIME,   offsetof(Target, cleared_time),   FIELD_CLEAR_NULL    },
        {}
};

static const Field required_fields[] = {
        { "name",   FIELD_STRING, offsetof(Target, name),   FIELD_REQUIRED                   },
        { "id",     FIELD_UUID,   offsetof(Target, id),     FIELD_REQUIRED                   },
        { "number", FIELD_INT,    offsetof(Target, number), FIELD_REQUIRED                   },
        { "flag",   FIELD_BOOL,   offsetof(Target, flag),   FIELD_REQUIRED                   },
        { "raw",    FIELD_RAW,    offsetof(Target, raw),    FIELD_REQUIRED                   },
        { "kept",   FIELD_RAW,    offsetof(Target, kept),   FIELD_REQUIRED | FIELD_KEEP_NULL },
        { "object", FIELD_OBJECT, offsetof(Target, object), FIELD_REQUIRED                   },
        { "array",  FIELD_ARRAY,  offsetof(Target, array),  FIELD_REQUIRED                   },
        { "time",   FIELD_TIME,   offsetof(Target, time),   FIELD_REQUIRED                   },
        {}
};

/* The errors of reading `document`, as they are written. */
static char *read_errors(Arena *arena, const char *document, const Field *table, Target *target) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter writer = JSON_WRITER(&buffer);
        FieldErrors errors = {};
        JsonKind kind;
        int r;

        CHECK_INT(json_check(text_of(document), &kind, NULL), 0);
        r = json_read(arena, text_of(document), table, target, &errors);
        CHECK_INT(r, errors.n_errors > 0 ? -EINVAL : 0);

        field_errors_write(&errors, &writer, NULL);
        return arena_text_string(arena, buffer_text(&buffer));
}

static void test_all_types(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        char id[UUID_STRING_SIZE];
        Target target = {};

        CHECK_STRING(read_errors(&arena,
                                 " { \"name\" : \"J\\u00fcrgen\", "
                                 "\"id\":\"0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9\","
                                 "\"number\":-9223372036854775808,\"flag\":true,\"raw\":[1.10, \"x\"],"
                                 "\"kept\":null,\"object\":{\"a\":1},\"array\":[1],"
                                 "\"time\":\"1727423491748984\",\"other\":1}",
                                 fields, &target),
                     "{}");
        CHECK_TEXT(target.name, "J\xc3\xbcrgen");
        CHECK_STRING(uuid_format(&target.id, id), "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
        CHECK(target.number == INT64_MIN && target.flag);
        CHECK_TEXT(target.raw, "[1.10, \"x\"]");
        CHECK_TEXT(target.kept, "null");
        CHECK_TEXT(target.object, "{\"a\":1}");
        CHECK_TEXT(target.array, "[1]");
        CHECK_INT(target.time, 1727423491748984);
        CHECK(target.name.data[target.name.length] == 0);
}

static void test_errors(void) {
        static const struct {
                const char *document, *errors;
        } cases[] = {
                { "{}",                             "{}"                                                   },
                { "{\"name\":null,\"id\":null,\"number\":null,\"flag\":null}", "{}"              },
                { "{\"time\":null,\"object\":null,\"raw\":null}", "{}"                         },
                { "{\"id\":\"\",\"number\":\"\",\"flag\":\"\",\"time\":\"\",\"object\":\"\"}", "{}"        },
                { "{\"name\":\"\"}",                "{}"                                                   },
                { "{\"name\":1}",                   "{\"name\":[\"is invalid\"]}"                          },
                { "{\"name\":{}}",                  "{\"name\":[\"is invalid\"]}"                          },
                { "{\"name\":\"12345678\"}",        "{}"                                                   },
                { "{\"name\":\"123456789\"}",       "{\"name\":[\"should be at most 8 character(s)\"]}"    },
                /* Characters, not bytes. */
                { "{\"name\":\"\xc3\xa4\xc3\xa4\xc3\xa4zz\\u20ac\\ud83d\\ude00\xf0\x9f\x98\x80\"}",
                  "{}"                                                                              },
                { "{\"id\":1}",                     "{\"id\":[\"is invalid\"]}"                            },
                { "{\"id\":\"x\"}",                 "{\"id\":[\"is invalid\"]}"                            },
                { "{\"number\":1.0}",               "{\"number\":[\"is invalid\"]}"                        },
                { "{\"number\":1e2}",               "{\"number\":[\"is invalid\"]}"                        },
                { "{\"number\":9223372036854775808}", "{\"number\":[\"is invalid\"]}"                      },
                { "{\"number\":\"x\"}",             "{\"number\":[\"is invalid\"]}"                        },
                { "{\"number\":true}",              "{\"number\":[\"is invalid\"]}"                        },
                { "{\"number\":[]}",                "{\"number\":[\"is invalid\"]}"                        },
                { "{\"number\":\"12\"}",            "{}"                                                   },
                { "{\"flag\":1}",                   "{\"flag\":[\"is invalid\"]}"                          },
                { "{\"flag\":\"yes\"}",             "{\"flag\":[\"is invalid\"]}"                          },
                { "{\"flag\":\"true\"}",            "{}"                                                   },
                { "{\"object\":[]}",                "{\"object\":[\"is invalid\"]}"                        },
                { "{\"array\":{}}",                 "{\"array\":[\"is invalid\"]}"                         },
                { "{\"array\":\"[]\"}",             "{\"array\":[\"is invalid\"]}"                         },
                { "{\"name\":1,\"name\":\"x\"}",    "{}"                                                   },
                { "{\"name\":\"x\",\"n\\u0061me\":1}", "{\"name\":[\"is invalid\"]}"                       },
                /* In the table's order. */
                { "{\"array\":1,\"id\":1}",         "{\"id\":[\"is invalid\"],\"array\":[\"is invalid\"]}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                Target target = {};

                CHECK_STRING(read_errors(&arena, cases[i].document, fields, &target), cases[i].errors);
        }
}

static void test_required(void) {
        static const char blank[] =
                "{\"name\":[\"This field can't be blank.\"],\"id\":[\"This field can't be blank.\"],"
                "\"number\":[\"This field can't be blank.\"],\"flag\":[\"This field can't be blank.\"],"
                "\"raw\":[\"This field can't be blank.\"],\"kept\":[\"This field can't be blank.\"],"
                "\"object\":[\"This field can't be blank.\"],\"array\":[\"This field can't be blank.\"],"
                "\"time\":[\"This field can't be blank.\"]}";
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Target target = {};

        CHECK_STRING(read_errors(&arena, "{}", required_fields, &target), blank);
        CHECK_STRING(read_errors(&arena, "{\"name\":null,\"array\":null,\"object\":null,\"raw\":null}",
                                 required_fields, &target),
                     blank);
        CHECK_STRING(read_errors(&arena,
                                 "{\"name\":\" \\n\",\"id\":\"\",\"number\":\"\",\"time\":\"\"}",
                                 required_fields, &target),
                     blank);
        CHECK_STRING(read_errors(&arena,
                                 "{\"name\":\"x\",\"id\":\"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\","
                                 "\"number\":0,\"flag\":false,\"raw\":\"\",\"kept\":null,"
                                 "\"object\":{},\"array\":[],\"time\":1}",
                                 required_fields, &target),
                     "{}");
        CHECK_TEXT(target.kept, "null");
}

static void test_times(void) {
        static const struct {
                const char *value;
                uint64_t usec;          /* 0: is invalid */
        } cases[] = {
                { "\"1727423491748984\"",    1727423491748984    },
                { "1727423491748",           1727423491748000    },
                { "\"1727423491748\"",       1727423491748000    },
                { "1",                       1000                },
                { "253402300799999",         253402300799999000  },
                { "253402300800000",         0                   },
                { "1727423491748984000",     0                   },
                { "99999999999999999999999", 0                   },
                { "\"172742349\"",           0                   },
                { "\"17274234917489\"",      0                   },
                { "\"17274234917489840\"",   0                   },
                { "\"172742349174898x\"",    0                   },
                { "\"+72742349174898\"",     0                   },
                { "\" 727423491748\"",       0                   },
                { "\"2024-09-27T07:51Z\"",   0                   },
                { "-1",                      0                   },
                { "1.5",                     0                   },
                { "true",                    0                   },
                { "{}",                      0                   },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                Target target = {};
                char document[64];

                snprintf(document, sizeof document, "{\"time\":%s}", cases[i].value);
                CHECK_STRING(read_errors(&arena, document, fields, &target),
                             cases[i].usec ? "{}" : "{\"time\":[\"is invalid\"]}");
                CHECK_INT(target.time, cases[i].usec);
        }
}

/* Absent is not null: an update leaves alone what it does not mention. */
static void test_clear(void) {
        static const Target before = {
                .name = TEXT("n"),    .number = 3,              .raw = TEXT("1"),
                .cleared = TEXT("c"), .cleared_id = { { 1 } },  .cleared_number = 5,
                .cleared_time = 7,    .cleared_flag = true,
        };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Target target = before;

        CHECK_STRING(read_errors(&arena, "{}", fields, &target), "{}");
        CHECK(memcmp(&target, &before, sizeof target) == 0);

        CHECK_STRING(read_errors(&arena,
                                 "{\"name\":null,\"number\":null,\"raw\":null,\"clear\":null,"
                                 "\"clear_id\":null,\"clear_number\":null,\"clear_flag\":null,"
                                 "\"clear_time\":\"\"}",
                                 fields, &target),
                     "{}");
        CHECK_TEXT(target.name, "n");
        CHECK_TEXT(target.raw, "1");
        CHECK_INT(target.number, 3);
        CHECK(!target.cleared.data && uuid_is_null(&target.cleared_id) && target.cleared_number == 0);
        CHECK(!target.cleared_flag && target.cleared_time == 0);
}

static void test_documents(void) {
        static const char *const others[] = { "[]", "1", "null", "\"{}\"" };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        FieldErrors errors = {};
        Target target = {};

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                CHECK_INT(json_read(&arena, text_of(others[i]), fields, &target, &errors), -EBADMSG);
        CHECK_INT(errors.n_errors, 0);
}

static void test_nul_in_strings(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Target target = {};

        CHECK_STRING(read_errors(&arena, "{\"name\":\"\\u0000a\\u0000\\u0000\"}", fields, &target), "{}");
        CHECK_TEXT(target.name, "\xef\xbf\xbd" "a\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_unescape(void) {
        static const struct {
                const char *raw;
                Text text;
        } cases[] = {
                { "\"\"",                               TEXT("")                                 },
                { " \"plain\" ",                        TEXT("plain")                            },
                { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",     TEXT("\"\\/\b\f\n\r\t")                  },
                { "\"a\\u0000b\"",                      TEXT("a\0b")                             },
                { "\"\\u007f\\u0080\\u07FF\\u0800\"",   TEXT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80") },
                { "\"\\uffff\\ud7ff\\ue000\"",          TEXT("\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80") },
                { "\"\\ud83d\\ude00\"",                 TEXT("\xf0\x9f\x98\x80")                 },
                { "\"\\uD800\\uDC00\\udbff\\udfff\"",   TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
                { "\"\\ud83d\"",                        TEXT("\xef\xbf\xbd")                     },
                { "\"\\ud83dx\"",                       TEXT("\xef\xbf\xbdx")                    },
                { "\"\\ud83d\\u0041\"",                 TEXT("\xef\xbf\xbd" "A")                 },
                { "\"\\ud83d\\n\"",                     TEXT("\xef\xbf\xbd\n")                   },
                { "\"\\ude00\\ud83d\"",                 TEXT("\xef\xbf\xbd\xef\xbf\xbd")         },
                { "\"\\ud83d\\ud83d\\ude00\"",          TEXT("\xef\xbf\xbd\xf0\x9f\x98\x80")     },
                { "\"\\\\u0041\"",                      TEXT("\\u0041")                          },
                { "\"Gr\xc3\xbc\\u00df" "e\"",          TEXT("Gr\xc3\xbc\xc3\x9f" "e")           },
        };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text text;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CHECK_INT(json_unescape(&arena, text_of(cases[i].raw), &text), 0);
                CHECK(text_equal(text, cases[i].text));
                CHECK(text.data[text.length] == 0);
                CHECK(text_is_utf8(text));
        }

        CHECK_INT(json_unescape(&arena, TEXT("1"), &text), -EINVAL);
        CHECK_INT(json_unescape(&arena, TEXT("null"), &text), -EINVAL);
        CHECK_INT(json_unescape(&arena, TEXT_NULL, &text), -EINVAL);
        CHECK_TEXT(json_unescape_key(&arena, TEXT("\\u0061lg")), "alg");
        CHECK(json_unescape_key(&arena, TEXT_NULL).data);
}

static void test_error_list(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        FieldErrors errors = {};

        field_errors_add(&errors, "a", "one");
        field_errors_add(&errors, "b", "two");
        field_errors_add(&errors, "a", "three");
        json_begin(&w, NULL);
        field_errors_write(&errors, &w, "errors");
        json_end(&w);
        CHECK_TEXT(buffer_text(&buffer), "{\"errors\":{\"a\":[\"one\",\"three\"],\"b\":[\"two\"]}}");

        for (size_t i = 0; i < 2 * FIELD_MAX_ERRORS; i++)
                field_errors_add(&errors, "c", "more");
        CHECK_INT(errors.n_errors, FIELD_MAX_ERRORS);
}

int main(void) {
        test_all_types();
        test_errors();
        test_required();
        test_times();
        test_clear();
        test_documents();
        test_nul_in_strings();
        test_unescape();
        test_error_list();
        return 0;
}
