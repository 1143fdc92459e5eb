/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looking at text.
 */

#include "check.h"

static void test_ends(void) {
        static const struct {
                const char *text, *part;
                bool starts, ends, contains;
        } cases[] = {
                { "",        "",        true,  true,  true  },
                { "",        "a",       false, false, false },
                { "run:1",   "run:",    true,  false, true  },
                { "run:1",   ":1",      false, true,  true  },
                { "run:1",   "run:1",   true,  true,  true  },
                { "run:1",   "run:12",  false, false, false },
                { "abcabc",  "abc",     true,  true,  true  },
                { "xxabcxx", "abc",     false, false, true  },
                { "ABC",     "abc",     false, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text text = text_of(cases[i].text);

                CHECK(text_starts_with(text, cases[i].part) == cases[i].starts);
                CHECK(text_ends_with(text, cases[i].part) == cases[i].ends);
                CHECK(text_contains(text, cases[i].part) == cases[i].contains);
        }

        CHECK(text_starts_with(TEXT_NULL, "") && !text_starts_with(TEXT_NULL, "a"));
        CHECK(text_contains(TEXT_NULL, "") && !text_contains(TEXT_NULL, "a"));
}

static void test_equal(void) {
        CHECK(text_equal(TEXT_NULL, TEXT("")));
        CHECK(text_equal(TEXT("a\0b"), TEXT("a\0b")));
        CHECK(!text_equal(TEXT("a\0b"), TEXT("a\0c")));
        CHECK(!text_is(TEXT("a\0b"), "a"));
        CHECK(text_is_nocase(TEXT("Content-Type"), "content-type"));
        CHECK(!text_is_nocase(TEXT("Content-Typ"), "content-type"));
        CHECK(text_of(NULL).data == NULL);
}

static void test_split(void) {
        static const struct {
                const char *text, *parts;
        } cases[] = {
                { "a/b/c", "[a][b][c]"  },
                { "a",     "[a]"        },
                { "",      "[]"         },
                { "/",     "[][]"       },
                { "/a//b", "[][a][][b]" },
                { "a/",    "[a][]"      },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text rest = text_of(cases[i].text), head;
                char parts[64] = "";

                while (text_split(&rest, '/', &head))
                        sprintf(parts + strlen(parts), "[%.*s]", (int) head.length, head.data);
                CHECK_STRING(parts, cases[i].parts);
                CHECK(!text_split(&rest, '/', &head));
        }
}

static void test_trim(void) {
        CHECK_TEXT(text_trim(TEXT(" \t\r\n a b \v\f ")), "a b");
        CHECK_TEXT(text_trim(TEXT("   ")), "");
        CHECK_TEXT(text_trim(TEXT("a")), "a");
        CHECK_TEXT(text_trim(TEXT_NULL), "");
        /* A no-break space is a character like any other. */
        CHECK_TEXT(text_trim(TEXT("\xc2\xa0")), "\xc2\xa0");
}

static void test_utf8(void) {
        static const struct {
                Text text;
                bool good;
        } cases[] = {
                { TEXT(""),                                     true  },
                { TEXT("plain and long enough for the stride"), true  },
                { TEXT("\0"),                                   true  },
                { TEXT("\x7f"),                                 true  },
                { TEXT("\xc2\x80"),                             true  },
                { TEXT("\xdf\xbf"),                             true  },
                { TEXT("\xe0\xa0\x80"),                         true  },
                { TEXT("\xed\x9f\xbf"),                         true  },
                { TEXT("\xee\x80\x80"),                         true  },
                { TEXT("\xef\xbf\xbf"),                         true  },
                { TEXT("\xf0\x90\x80\x80"),                     true  },
                { TEXT("\xf4\x8f\xbf\xbf"),                     true  },
                { TEXT("\x80"),                                 false },
                { TEXT("\xbf"),                                 false },
                { TEXT("\xc0\x80"),                             false },       /* overlong */
                { TEXT("\xc1\xbf"),                             false },
                { TEXT("\xe0\x9f\xbf"),                         false },
                { TEXT("\xf0\x8f\xbf\xbf"),                     false },
                { TEXT("\xed\xa0\x80"),                         false },       /* surrogate */
                { TEXT("\xed\xbf\xbf"),                         false },
                { TEXT("\xf4\x90\x80\x80"),                     false },       /* beyond U+10FFFF */
                { TEXT("\xf5\x80\x80\x80"),                     false },
                { TEXT("\xff"),                                 false },
                { TEXT("\xc3"),                                 false },       /* cut off */
                { TEXT("\xe2\x82"),                             false },
                { TEXT("\xf0\x9f\x98"),                         false },
                { TEXT("\xc3("),                                false },
                { TEXT("\xe2(\xac"),                            false },
                { TEXT("\xe2\x82("),                            false },
                { TEXT("\xf0\x9f\x98("),                        false },
                { TEXT("\xf0\x9f(\x80"),                        false },
                { TEXT("aaaaaaa\xc3"),                          false },
                { TEXT("aaaaaaaa\xc3"),                         false },
                { TEXT("aaaaaaa\xc3\xa4"),                      true  },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                CHECK(text_is_utf8(cases[i].text) == cases[i].good);
}

/* Every sequence that begins like one of three bytes, against the definition by value. */
static void test_three_bytes(void) {
        size_t n_good = 0;

        for (uint32_t bytes = 0xe00000; bytes < 0xf00000; bytes++) {
                char data[3] = { (char) (bytes >> 16), (char) (bytes >> 8), (char) bytes };
                uint32_t c = (bytes >> 16 & 0x0f) << 12 | (bytes >> 8 & 0x3f) << 6 | (bytes & 0x3f);
                bool shape = (bytes & 0xf0c0c0) == 0xe08080;

                CHECK((utf8_sequence(data, 3) == 3) == (shape && c >= 0x800 && (c < 0xd800 || c > 0xdfff)));
                n_good += utf8_sequence(data, 3) == 3;
        }
        CHECK_INT(n_good, 0x10000 - 0x800 - 0x800);
}

static void test_count(void) {
        CHECK_INT(text_count_characters(TEXT("")), 0);
        CHECK_INT(text_count_characters(TEXT("Gr\xc3\xbc\xc3\x9f" "e")), 5);
        CHECK_INT(text_count_characters(TEXT("\xf0\x9f\x98\x80\xe2\x82\xac")), 2);
}

int main(void) {
        test_ends();
        test_equal();
        test_split();
        test_trim();
        test_utf8();
        test_three_bytes();
        test_count();
        return 0;
}
