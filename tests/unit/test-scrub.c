/* SPDX-License-Identifier: Apache-2.0 */

#include "check.h"
#include "domain/scrub.h"
#include "json/check.h"

static const char credential[] =
        "{\"username\":\"joe\",\"password\":\"hunter2\",\"baseUrl\":\"https://example.org\",\"port\":5432,\"ssl\":true,\"empty\":\"\","
        "\"nested\":{\"user\":\"x\",\"token\":\"t0k\"},\"list\":[\"a\",\"b\"]}";

static void check_scrub(Scrubber *scrubber, const char *text, const char *expected) {
        _cleanup_(buffer_deinit) Buffer out = BUFFER_NULL;

        scrub(scrubber, text_of(text), &out);
        CHECK_STRING(buffer_string(&out), expected);
}

static void check_values(const char *body, const char *expected) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer list = BUFFER_NULL;
        Text *values;
        size_t n = sensitive_values(&arena, text_of(body), &values);

        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buffer_append_byte(&list, ' ');
                buffer_append_text(&list, values[i]);
        }
        CHECK_STRING(buffer_string(&list), expected);
}

static void test_values(void) {
        static const struct {
                const char *body, *values;
        } cases[] = {
                { credential,                                                        "hunter2 5432 t0k a b"  },
                { "{}",                                                              ""                      },
                { "{\"HostURL\":\"h\",\"ApiVersion\":\"1\",\"x\":\"y\"}",            "y"                     },
                { "{\"user\":{\"name\":\"n\"}}",                                     "n"                     },
                { "{\"user\":[\"u\",[\"v\"],{\"k\":\"w\"}]}",                        "w"                     },
                { "{\"a\":[{\"host\":\"h\"},\"i\"],\"b\":[[[\"j\"]]]}",              "i j"                   },
                { "{\"a\":null,\"b\":false,\"c\":1.5e3,\"d\":-7}",                   "1.5e3 -7"              },
                { "{\"a\":\"same\",\"b\":\"same\"}",                                 "same"                  },
                { "{\"p\\u0061ss\":\"\\u0078\\n\"}",                                 "x\n"                   },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_values(cases[i].body, cases[i].values);
}

/* Deeper than anything a person writes: no crash, and the rest still counts. */
static void test_depth(void) {
        _cleanup_(buffer_deinit) Buffer body = BUFFER_NULL;

        buffer_append_string(&body, "{\"a\":");
        for (size_t i = 0; i < 100000; i++)
                buffer_append_byte(&body, '[');
        buffer_append_string(&body, "\"deep\"");
        for (size_t i = 0; i < 100000; i++)
                buffer_append_byte(&body, ']');
        buffer_append_string(&body, ",\"b\":\"flat\"}");
        check_values(buffer_string(&body), "flat");
}

static void test_credential(void) {
        _cleanup_(scrubber_freep) Scrubber *scrubber = scrubber_new();

        scrubber_add_credential(scrubber, TEXT("{\"username\":\"joe\",\"password\":\"hunter2\"}"));
        CHECK_INT(scrubber_n_samples(scrubber), 4);
        check_scrub(scrubber, "login joe:hunter2 basic am9lOmh1bnRlcjI=", "login joe:*** basic ***");
        check_scrub(scrubber, "aHVudGVyMg== aHVudGVyMjpodW50ZXIy", "*** ***");
        check_scrub(scrubber, "hunter hunter1 unter2", "hunter hunter1 unter2");

        /* A second one comes on top; what is known stays. */
        scrubber_add_credential(scrubber, TEXT("{\"email\":\"a@b.c\",\"key\":\"k3y\",\"pin\":1234}"));
        check_scrub(scrubber, "hunter2 k3y 1234 12345 a@b.c", "*** *** *** ***5 a@b.c");
        /* k3y:1234 and 1234:k3y, and the address without a password */
        check_scrub(scrubber, "azN5OjEyMzQ= MTIzNDprM3k= YUBiLmM6", "*** *** ***");
}

/* What JSON does to a secret must not bring it past us. */
static void test_escaped(void) {
        _cleanup_(scrubber_freep) Scrubber *scrubber = scrubber_new();

        scrubber_add_credential(scrubber, TEXT("{\"password\":\"a\\\"b\\\\c\",\"pem\":\"-----\\nabc\\n-----\"}"));
        check_scrub(scrubber, "a\"b\\c", "***");
        check_scrub(scrubber, "{\"p\":\"a\\\"b\\\\c\"}", "{\"p\":\"***\"}");
        check_scrub(scrubber, "key: -----\nabc\n----- end", "key: *** end");
        check_scrub(scrubber, "{\"k\":\"-----\\nabc\\n-----\"}", "{\"k\":\"***\"}");
}

static void test_samples(void) {
        static const struct {
                const char *samples, *text, *expected;
        } cases[] = {
                { "",               "text",                 "text"                      },
                { "a",              "",                     ""                          },
                { "a",              "a",                    "***"                       },
                { "a",              "banana",               "b***n***n***"              },
                { "a",              "aa",                   "******"                    },
                { "aa",             "aaaa",                 "******"                    },
                { "aa",             "aaa",                  "***"                       },
                { "abc ab",         "abc ab a",             "*** *** a"                 },
                { "ab bc",          "abc",                  "***"                       },
                { "bcd ab",         "abcd",                 "***"                       },
                { "ab c bcd",       "abcd",                 "***"                       },
                { "ab c bcd",       "abce",                 "******e"                   },
                { "she he hers",    "ushers",               "u***"                      },
                { "*",              "a*b",                  "a***b"                     },
                { "***",            "a***b*****",           "a***b***"                  },
                { "secret",         "secretsecret secre",   "****** secre"              },
                { "abcd bc",        "abce abcd",            "a***e ***"                 },
                { "ab\xc3\xa9 \xc3\xa9", "\xc3\xa9 ab\xc3\xa9", "*** ***"                   },
                { "abab",           "abababab",             "******"                    },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(scrubber_freep) Scrubber *scrubber = scrubber_new();
                Text rest = text_of(cases[i].samples), sample;

                while (text_split(&rest, ' ', &sample))
                        scrubber_add_sample(scrubber, sample);
                check_scrub(scrubber, cases[i].text, cases[i].expected);
        }
        check_scrub(NULL, "nothing is known", "nothing is known");
}

/* A text and samples that are made to be slow: every place ends a hundred of them. */
static void test_hostile(void) {
        _cleanup_(scrubber_freep) Scrubber *scrubber = scrubber_new();
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL, out = BUFFER_NULL;

        for (size_t i = 0; i < 1000000; i++)
                buffer_append_byte(&text, 'a');
        for (size_t length = 2; length <= 100; length++)
                scrubber_add_sample(scrubber, text_make(text.data, length));
        buffer_append_byte(&text, 'b');

        scrub(scrubber, buffer_text(&text), &out);
        CHECK(out.length % 3 == 1);
        CHECK(out.data[out.length - 1] == 'b');
        for (size_t i = 0; i + 1 < out.length; i++)
                CHECK(out.data[i] == '*');
}

int main(void) {
        test_values();
        test_depth();
        test_credential();
        test_escaped();
        test_samples();
        test_hostile();
        return 0;
}
