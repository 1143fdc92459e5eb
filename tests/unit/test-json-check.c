/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is JSON and what is not; finding one's way in what is.
 */

#include <errno.h>

#include "basic/buffer.h"
#include "check.h"
#include "json/check.h"

static void test_valid(void) {
        static const struct {
                Text text;
                JsonKind kind;
        } cases[] = {
                { TEXT("{}"),                               JSON_OBJECT },
                { TEXT("[]"),                               JSON_ARRAY  },
                { TEXT("\"\""),                             JSON_STRING },
                { TEXT("0"),                                JSON_NUMBER },
                { TEXT("-0"),                               JSON_NUMBER },
                { TEXT("true"),                             JSON_TRUE   },
                { TEXT("false"),                            JSON_FALSE  },
                { TEXT("null"),                             JSON_NULL   },
                { TEXT(" \t\r\n{ } \t\r\n"),                JSON_OBJECT },
                { TEXT("[ ]"),                              JSON_ARRAY  },
                { TEXT(" 1 "),                              JSON_NUMBER },
                { TEXT("10"),                               JSON_NUMBER },
                { TEXT("-1.5e+10"),                         JSON_NUMBER },
                { TEXT("0.0"),                              JSON_NUMBER },
                { TEXT("0e1"),                              JSON_NUMBER },
                { TEXT("1E-2"),                             JSON_NUMBER },
                { TEXT("123456789012345678901234567890"),   JSON_NUMBER },
                { TEXT("1e99999"),                          JSON_NUMBER },
                { TEXT("[1,2 , 3]"),                        JSON_ARRAY  },
                { TEXT("[null,true,false,{},[],\"\"]"),     JSON_ARRAY  },
                { TEXT("{\"a\":1}"),                        JSON_OBJECT },
                { TEXT("{\"a\" : 1 , \"b\" : [ { } ] }"),   JSON_OBJECT },
                { TEXT("{\"a\":1,\"a\":2}"),                JSON_OBJECT },
                { TEXT("{\"\":0}"),                         JSON_OBJECT },
                { TEXT("[[[[[[[[[[]]]]]]]]]]"),             JSON_ARRAY  },
                { TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),   JSON_STRING },
                { TEXT("\"\\u0000\""),                      JSON_STRING },
                { TEXT("\"\\u00e9\\uABCD\\uabcd\""),        JSON_STRING },
                { TEXT("\"\\ud83d\\ude00\""),               JSON_STRING },
                { TEXT("\"\\ud83d\""),                      JSON_STRING },
                { TEXT("\"\\ude00\\ud83d\""),               JSON_STRING },
                { TEXT("\"Gr\xc3\xbc\xc3\x9f" "e\""),       JSON_STRING },
                { TEXT("\"\xe2\x82\xac\xf0\x9f\x98\x80\""), JSON_STRING },
                { TEXT("\"\x7f\""),                         JSON_STRING },
                { TEXT("\"\xe2\x80\xa8\""),                 JSON_STRING }, /* U+2028 */
                { TEXT("\"\xef\xbf\xbf\""),                 JSON_STRING },
                { TEXT("\"/\""),                            JSON_STRING },
                { TEXT("{\"Gr\xc3\xbc\":{\"\\u0041\":[]}}"), JSON_OBJECT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                JsonKind kind = JSON_NULL;

                CHECK_INT(json_check(cases[i].text, &kind, NULL), 0);
                CHECK_INT(kind, cases[i].kind);
        }
}

static void test_invalid(void) {
        static const struct {
                Text text;
                size_t offset;
        } cases[] = {
                { TEXT_NULL,                        0  },
                { TEXT(""),                         0  },
                { TEXT("  "),                       2  },
                { TEXT("\xef\xbb\xbf{}"),           0  },       /* a byte order mark */
                { TEXT("{"),                        1  },
                { TEXT("["),                        1  },
                { TEXT("}"),                        0  },
                { TEXT("]"),                        0  },
                { TEXT("[}"),                       1  },
                { TEXT("{]"),                       1  },
                { TEXT("[1}"),                      2  },
                { TEXT("{\"a\":1]"),                6  },
                { TEXT("[]]"),                      2  },
                { TEXT("{}}"),                      2  },
                { TEXT("{}{}"),                     2  },
                { TEXT("1 2"),                      2  },
                { TEXT("[1 2]"),                    3  },
                { TEXT("[1,]"),                     3  },
                { TEXT("[,1]"),                     1  },
                { TEXT("[1,,2]"),                   3  },
                { TEXT("[,]"),                      1  },
                { TEXT(","),                        0  },
                { TEXT("{\"a\":1,}"),               7  },
                { TEXT("{,}"),                      1  },
                { TEXT("{\"a\"}"),                  4  },
                { TEXT("{\"a\":}"),                 5  },
                { TEXT("{\"a\" 1}"),                5  },
                { TEXT("{\"a\"::1}"),               5  },
                { TEXT("{\"a\":1 \"b\":2}"),        7  },
                { TEXT("{\"a\",\"b\"}"),            4  },
                { TEXT("{1:1}"),                    1  },
                { TEXT("{a:1}"),                    1  },
                { TEXT("{'a':1}"),                  1  },
                { TEXT("{null:1}"),                 1  },
                { TEXT("[\"a\":1]"),                4  },
                { TEXT("'a'"),                      0  },
                { TEXT("[1,/* no */2]"),            3  },
                { TEXT("[1]// no"),                 3  },
                { TEXT("tru"),                      0  },
                { TEXT("True"),                     0  },
                { TEXT("truer"),                    4  },
                { TEXT("nul"),                      0  },
                { TEXT("nulll"),                    4  },
                { TEXT("NaN"),                      0  },
                { TEXT("Infinity"),                 0  },
                { TEXT("undefined"),                0  },
                { TEXT("+1"),                       0  },
                { TEXT("01"),                       1  },
                { TEXT("-01"),                      2  },
                { TEXT("00"),                       1  },
                { TEXT("-"),                        1  },
                { TEXT("--1"),                      1  },
                { TEXT("1."),                       2  },
                { TEXT(".5"),                       0  },
                { TEXT("1.e5"),                     2  },
                { TEXT("1e"),                       2  },
                { TEXT("1e+"),                      3  },
                { TEXT("1e1.5"),                    3  },
                { TEXT("1.5.5"),                    3  },
                { TEXT("0x1f"),                     1  },
                { TEXT("1_000"),                    1  },
                { TEXT("-Infinity"),                1  },
                { TEXT("\""),                       1  },
                { TEXT("\"a"),                      2  },
                { TEXT("\"\\\""),                   3  },
                { TEXT("\"\\"),                     1  },
                { TEXT("\"\\a\""),                  1  },
                { TEXT("\"\\x41\""),                1  },
                { TEXT("\"\\'\""),                  1  },
                { TEXT("\"\\\0\""),                 1  },
                { TEXT("\"\\u\""),                  1  },
                { TEXT("\"\\u12\""),                1  },
                { TEXT("\"\\u123g\""),              1  },
                { TEXT("\"\\U0041\""),              1  },
                { TEXT("\"\\u004"),                 1  },
                { TEXT("\"a\nb\""),                 2  },
                { TEXT("\"a\tb\""),                 2  },
                { TEXT("\"a\0b\""),                 2  },
                { TEXT("\"\x1f\""),                 1  },
                { TEXT("\"\xff\""),                 1  },
                { TEXT("\"\x80\""),                 1  },
                { TEXT("\"\xc0\xaf\""),             1  },
                { TEXT("\"\xe0\x80\xaf\""),         1  },
                { TEXT("\"\xed\xa0\x80\""),         1  },
                { TEXT("\"\xf4\x90\x80\x80\""),     1  },
                { TEXT("\"\xc3\""),                 1  },
                { TEXT("\"\xc3\xa4\xe2\x82\""),     3  },
                { TEXT("\"\xc3\xa4\n\""),           3  },
                { TEXT("\"long enough a text \n\""), 20 },
                { TEXT("\"long enough a te\xff\""), 17 },
                { TEXT("{}\0"),                     2  },
                { TEXT("\0"),                       0  },
                { TEXT("[\v]"),                     1  },
                { TEXT("[\f]"),                     1  },
                { TEXT("[\xc2\xa0]"),               1  },       /* a no-break space is no white space */
                { TEXT("\xc3\xa4"),                 0  },
                { TEXT("{\"a\":[1,{\"b\":tru}]}"),  13 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                JsonKind kind;
                size_t offset = 99;

                CHECK_INT(json_check(cases[i].text, &kind, NULL), -EBADMSG);
                CHECK_INT(json_check(cases[i].text, &kind, &offset), -EBADMSG);
                CHECK_INT(offset, cases[i].offset);
        }
}

/* -- the grammar a second time, the slow way -------------------------------------------------------- */

static const char *slow_value(const char *p);

static const char *slow_space(const char *p) {
        return p + strspn(p, " ");
}

static const char *slow_string(const char *p) {
        if (*p++ != '"')
                return NULL;
        while (*p && *p != '"') {
                if (*p == '\\' && !strchr("\"\\", *++p))
                        return NULL;
                if (*p)
                        p++;
        }
        return *p == '"' ? p + 1 : NULL;
}

static const char *slow_list(const char *p, char end, bool keys) {
        p = slow_space(p + 1);
        if (*p == end)
                return p + 1;
        for (;;) {
                if (keys) {
                        p = slow_string(slow_space(p));
                        if (!p || *(p = slow_space(p)) != ':')
                                return NULL;
                        p++;
                }
                p = slow_value(slow_space(p));
                if (!p)
                        return NULL;
                p = slow_space(p);
                if (*p == end)
                        return p + 1;
                if (*p++ != ',')
                        return NULL;
        }
}

static const char *slow_value(const char *p) {
        switch (*p) {
        case '{':
                return slow_list(p, '}', true);
        case '[':
                return slow_list(p, ']', false);
        case '"':
                return slow_string(p);
        case '1':
                return p + strspn(p, "1");
        default:
                return NULL;
        }
}

/* Every text of up to seven of these characters. */
static void test_every_short_text(void) {
        static const char alphabet[] = "{}[],:\"1 \\";
        char text[8] = "";
        size_t digits[7] = {}, length = 1, n_valid = 0;

        while (length <= 7) {
                const char *end;
                JsonKind kind;
                size_t i = 0;

                for (size_t j = 0; j < length; j++)
                        text[j] = alphabet[digits[j]];
                end = slow_value(slow_space(text));
                CHECK((json_check(text_of(text), &kind, NULL) == 0) == (end && !*slow_space(end)));
                n_valid += end && !*slow_space(end);

                while (i < length && ++digits[i] == sizeof alphabet - 1)
                        digits[i++] = 0;
                length += i == length;
        }
        CHECK(n_valid > 1000);
}

/* A bad byte is found wherever it stands: the fast scan has no blind corner. */
static void test_each_position(void) {
        static const char bad[] = { '\n', '\xff', '"', '\\', '\x80', '\xc3' };

        for (size_t length = 1; length < 40; length++)
                for (size_t at = 0; at < length; at++)
                        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                                char text[64];
                                JsonKind kind;

                                memset(text, '~', sizeof text);
                                text[0] = text[length + 1] = '"';
                                CHECK_INT(json_check(text_make(text, length + 2), &kind, NULL), 0);
                                text[1 + at] = bad[i];
                                CHECK_INT(json_check(text_make(text, length + 2), &kind, NULL), -EBADMSG);
                        }
}

/* Every byte behind a string of each length, so that the end of the text is kept to. */
static void test_nothing_behind_the_end(void) {
        static const char text[] = "{\"key\":[\"\\u00e9\xc3\xa4 value\",-1.5e+3,true,false,null]}";

        for (size_t length = 0; length < sizeof text - 1; length++) {
                char *copy = xmalloc(length);
                JsonKind kind;

                memcpy(copy, text, length);
                CHECK_INT(json_check(text_make(copy, length), &kind, NULL), -EBADMSG);
                free(copy);
        }
}

static void test_depth(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        const size_t depth = 500000;
        Text all;
        JsonKind kind;
        size_t offset;

        for (size_t i = 0; i < depth; i++)
                buffer_append_string(&buffer, i % 3 == 0 ? "{\"a\":" : "[");
        buffer_append_string(&buffer, "1");
        for (size_t i = depth; i-- > 0;)
                buffer_append_byte(&buffer, i % 3 == 0 ? '}' : ']');

        all = buffer_text(&buffer);
        CHECK_INT(json_check(all, &kind, NULL), 0);
        CHECK_INT(json_check(text_make(all.data, all.length - 1), &kind, &offset), -EBADMSG);
        CHECK_INT(offset, all.length - 1);

        /* The wrong bracket on any level. */
        for (size_t i = 1; i < depth; i += 9973) {
                char *closing = buffer.data + buffer.length - i;

                *closing ^= '}' ^ ']';
                CHECK_INT(json_check(all, &kind, &offset), -EBADMSG);
                CHECK_INT(offset, all.length - i);
                *closing ^= '}' ^ ']';
        }
}

/* -- walking ---------------------------------------------------------------------------------------- */

static void walk(Text text, Buffer *out) {
        size_t cursor = 0;
        Text key, value;

        switch (json_kind(text)) {
        case JSON_OBJECT:
                while (json_next_member(text, &cursor, &key, &value)) {
                        buffer_printf(out, "<%.*s=", (int) key.length, key.data);
                        walk(value, out);
                        buffer_append_byte(out, '>');
                }
                break;
        case JSON_ARRAY:
                while (json_next_element(text, &cursor, &value)) {
                        buffer_append_byte(out, '(');
                        walk(value, out);
                        buffer_append_byte(out, ')');
                }
                break;
        default:
                buffer_append_text(out, text);
        }
}

static void test_walk(void) {
        static const struct {
                const char *text, *walked;
        } cases[] = {
                { "{}",                                     ""                            },
                { " { } ",                                  ""                            },
                { "[]",                                     ""                            },
                { "[ ]",                                    ""                            },
                { "[1]",                                    "(1)"                         },
                { " [ 1 , -2.5e3,true,null ] ",             "(1)(-2.5e3)(true)(null)"     },
                { "{\"a\":1}",                              "<a=1>"                       },
                { "{ \"a\" : 1 , \"b\" : \"x\" } ",         "<a=1><b=\"x\">"              },
                { "{\"a\":{\"b\":[{},[]]},\"c\":false}",    "<a=<b=()()>><c=false>"       },
                { "[\"]\",\"}\",\"\\\"\",\"\\\\\",\",\"]",  "(\"]\")(\"}\")(\"\\\"\")(\"\\\\\")(\",\")" },
                { "{\"a\\\"\":\"\\\\\\\"\",\"b\":2}",       "<a\\\"=\"\\\\\\\"\"><b=2>"   },
                { "[[\"\\\\\"],{\"]\":\"[\"},3]",           "((\"\\\\\"))(<]=\"[\">)(3)"  },
                { "{\"\":\"\"}",                            "<=\"\">"                     },
                { "{\"a\":1,\"a\":2}",                      "<a=1><a=2>"                  },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer out = BUFFER_NULL;
                JsonKind kind;

                CHECK_INT(json_check(text_of(cases[i].text), &kind, NULL), 0);
                walk(text_of(cases[i].text), &out);
                CHECK_TEXT(buffer_text(&out), cases[i].walked);
        }
}

static void test_wrong_kind(void) {
        static const char *const others[] = { "1", "\"{}\"", "null", "", " " };
        Text key, value;

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                size_t cursor = 0;

                CHECK(!json_next_member(text_of(others[i]), &cursor, &key, &value));
                CHECK(!json_next_element(text_of(others[i]), &cursor, &value));
                CHECK(!json_member(text_of(others[i]), "a").data);
        }
        CHECK(!json_next_member(TEXT("[1]"), &(size_t) { 0 }, &key, &value));
        CHECK(!json_next_element(TEXT("{\"a\":1}"), &(size_t) { 0 }, &value));
        CHECK_INT(json_kind(TEXT(" \n[")), JSON_ARRAY);
        CHECK_INT(json_kind(TEXT("-1")), JSON_NUMBER);
        CHECK_INT(json_kind(TEXT("")), JSON_NULL);
}

static void test_member(void) {
        static const struct {
                const char *object, *name, *value;
        } cases[] = {
                { "{\"a\":1,\"b\":2}",             "b",    "2"    },
                { "{\"a\":1,\"a\":2}",             "a",    "2"    },
                { "{\"a\":1}",                     "b",    NULL   },
                { "{\"b\":{\"a\":1}}",             "a",    NULL   },
                { "{\"ab\":1}",                    "a",    NULL   },
                { "{\"a\":1}",                     "ab",   NULL   },
                { "{\"\\u0061\":1}",               "a",    "1"    },
                { "{\"\\u0061l\\u0067\":1}",       "alg",  "1"    },
                { "{\"a\\u0000\":1}",              "a",    NULL   },
                { "{\"\\u0000\":1}",               "",     NULL   },
                { "{\"\":1}",                      "",     "1"    },
                { "{\"a\\/b\\n\":1}",              "a/b\n", "1"   },
                { "{\"\\u00e4\":1}",               "\xc3\xa4", "1" },
                { "{\"\\ud83d\\ude00\":1}",        "\xf0\x9f\x98\x80", "1" },
                { "{\"\xc3\xa4\\u0061\":1}",       "\xc3\xa4" "a", "1" },
                { "{\"a\\u0062\":1}",              "a",    NULL   },
                { "{\"a\\u0062\":1}",              "abc",  NULL   },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text value = json_member(text_of(cases[i].object), cases[i].name);

                CHECK(!value.data == !cases[i].value);
                CHECK_TEXT(value, cases[i].value ?: "");
        }
}

/* Quadratic walking would take hours here. */
static void test_walk_is_linear(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        size_t cursor = 0, n = 0;
        Text key, value;

        buffer_append_string(&buffer, "{\"start\":\"");
        for (size_t i = 0; i < 1000000; i++)
                buffer_append_string(&buffer, "\\\\\\\"");
        buffer_append_string(&buffer, "\"");
        for (size_t i = 0; i < 1000000; i++)
                buffer_append_string(&buffer, ",\"k\":[]");
        buffer_append_string(&buffer, "}");

        while (json_next_member(buffer_text(&buffer), &cursor, &key, &value))
                n++;
        CHECK_INT(n, 1000001);
}

int main(void) {
        test_valid();
        test_invalid();
        test_every_short_text();
        test_each_position();
        test_nothing_behind_the_end();
        test_depth();
        test_walk();
        test_wrong_kind();
        test_member();
        test_walk_is_linear();
        return 0;
}
