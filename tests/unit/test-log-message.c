/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "check.h"
#include "domain/log-line.h"
#include "json/check.h"

#define FFFD "\xef\xbf\xbd"

static void test_messages(void) {
        static const struct {
                const char *message, *text;
        } cases[] = {
                { "[\"hi\",{\"a\":1},42,null,true]",            "hi {\"a\":1} 42 null true"      },
                { "[[1,2],3]",                                  "1 2 3"                          },
                { "\"plain\"",                                  "plain"                          },
                { "\"\"",                                       ""                               },
                { "[null]",                                     "null"                           },
                { "[1,[],2]",                                   "1  2"                           },
                { "[[[[\"deep\"]]]]",                           "deep"                           },
                { "[1.50, -0, 1e400, 12345678901234567890]",    "1.50 -0 1e400 12345678901234567890" },
                { "42",                                         "42"                             },
                { "{ \"a\" : [ 1 , { \"b c\" : \" d \" } ] }",  "{\"a\":[1,{\"b c\":\" d \"}]}"  },
                { "[\"a\\nb\\tc\\rd\"]",                        "a\nb\tc\rd"                     },
                { "[\"\\u0000\\u0008\\u000b\\u001f\\u007f\"]",  FFFD FFFD FFFD FFFD FFFD         },
                { "[\"\x7f\"]",                                 FFFD                             },
                { "[{\"a\":\"\\u0000\\n\\u001b[1m\\u0009\"}]",  "{\"a\":\"" FFFD "\\n" FFFD "[1m\\u0009\"}" },
                { "[{\"a\":\"\\\\u0000\"}]",                    "{\"a\":\"\\\\u0000\"}"          },
                { "[{\"a\\u0001\":\"\x7f\"}]",                  "{\"a" FFFD "\":\"" FFFD "\"}"   },
                { "[\"\\ud83d\\ude00 \\ud83d x\"]",             "\xf0\x9f\x98\x80 " FFFD " x"    },
                { "[\"quote \\\" brace }\",{\"x\":\"} \\\" {\"}]", "quote \" brace } {\"x\":\"} \\\" {\"}" },
                { " [ \"a\" , \"b\" ] ",                        "a b"                            },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
                JsonKind kind;

                CHECK(json_check(text_of(cases[i].message), &kind, NULL) == 0);
                log_message_write(&arena, text_of(cases[i].message), &text);
                CHECK_STRING(buffer_string(&text), cases[i].text);
        }
}

static void test_lines(void) {
        static const struct {
                const char *line, *field, *message;
        } cases[] = {
                { "{\"message\":[\"x\"],\"timestamp\":\"1727423491748984\"}",                          NULL,        NULL },
                { "{\"message\":\"\",\"timestamp\":1727423491748,\"source\":\"R/T\",\"level\":null}",  NULL,        NULL },
                { "{\"timestamp\":\"1727423491748984\"}",             "message",   "This field can't be blank." },
                { "{\"message\":null,\"timestamp\":\"1727423491748984\"}", "message", "This field can't be blank." },
                { "{\"message\":[],\"timestamp\":\"1727423491748984\"}", "message", "This field can't be blank." },
                { "{\"message\":[1]}",                                "timestamp", "This field can't be blank." },
                { "{\"message\":[1],\"timestamp\":\"172742349\"}",    "timestamp", "is invalid"                 },
                { "{\"message\":[1],\"timestamp\":\"0000000000000000\"}", "timestamp", "is invalid"             },
                { "{\"message\":[1],\"timestamp\":1.5}",              "timestamp", "is invalid"                 },
                { "{\"message\":[1],\"timestamp\":1,\"level\":\"loud\"}", "level", "is invalid"                 },
                { "{\"message\":[1],\"timestamp\":1,\"source\":\"123456789\"}", "source", "should be at most 8 character(s)" },
                { "{\"message\":[1],\"timestamp\":1,\"step_id\":\"x\"}", "step_id", "is invalid"                },
                { "[1]",                                              "logs",      "is invalid"                 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(log_lines_deinit) LogLines lines;
                FieldErrors errors = {};
                Uuid id, step_id;
                int r;

                log_lines_init(&lines);
                r = log_lines_add(&lines, &arena, text_of(cases[i].line), NULL, &id, &step_id, &errors);
                CHECK_INT(r, cases[i].field ? -EINVAL : 0);
                CHECK_INT(log_lines_count(&lines), cases[i].field ? 0 : 1);
                if (cases[i].field) {
                        CHECK_INT(errors.n_errors, 1);
                        CHECK_STRING(errors.errors[0].field, cases[i].field);
                        CHECK_STRING(errors.errors[0].message, cases[i].message);
                }
        }
}

int main(void) {
        test_messages();
        test_lines();
        return 0;
}
