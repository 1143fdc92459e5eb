/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small values out of text.
 */

#include <errno.h>

#include "basic/parse.h"
#include "check.h"

static void test_u64(void) {
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                { "0",                     0,       0          },
                { "007",                   0,       7          },
                { "18446744073709551615",  0,       UINT64_MAX },
                { "18446744073709551616",  -ERANGE, 0          },
                { "99999999999999999999",  -ERANGE, 0          },
                { "184467440737095516150", -ERANGE, 0          },
                { "184467440737095516150x", -EINVAL, 0         },
                { "",                      -EINVAL, 0          },
                { "+1",                    -EINVAL, 0          },
                { "-1",                    -EINVAL, 0          },
                { " 1",                    -EINVAL, 0          },
                { "1 ",                    -EINVAL, 0          },
                { "0x10",                  -EINVAL, 0          },
                { "1.0",                   -EINVAL, 0          },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 4711;

                CHECK_INT(parse_u64(text_of(cases[i].text), &value), cases[i].r);
                CHECK(value == (cases[i].r < 0 ? 4711 : cases[i].value));
        }
}

static void test_i64(void) {
        static const struct {
                const char *text;
                int r;
                int64_t value;
        } cases[] = {
                { "0",                    0,       0         },
                { "-0",                   0,       0         },
                { "-1",                   0,       -1        },
                { "9223372036854775807",  0,       INT64_MAX },
                { "-9223372036854775808", 0,       INT64_MIN },
                { "9223372036854775808",  -ERANGE, 0         },
                { "-9223372036854775809", -ERANGE, 0         },
                { "--1",                  -EINVAL, 0         },
                { "-",                    -EINVAL, 0         },
                { "+1",                   -EINVAL, 0         },
                { "",                     -EINVAL, 0         },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t value = 4711;

                CHECK_INT(parse_i64(text_of(cases[i].text), &value), cases[i].r);
                CHECK(value == (cases[i].r < 0 ? 4711 : cases[i].value));
        }
}

static void test_double(void) {
        static const struct {
                const char *text;
                int r;
                double value;
        } cases[] = {
                { "0.5",    0,       0.5     },
                { "-1e3",   0,       -1000   },
                { "1.25E+2", 0,      125     },
                { "17",     0,       17      },
                { "1e-400", 0,       0       },
                { "1e400",  -ERANGE, 0       },
                { "",       -EINVAL, 0       },
                { ".5",     -EINVAL, 0       },
                { "5.",     -EINVAL, 0       },
                { "1e",     -EINVAL, 0       },
                { "1e+",    -EINVAL, 0       },
                { "inf",    -EINVAL, 0       },
                { "nan",    -EINVAL, 0       },
                { "0x1p3",  -EINVAL, 0       },
                { " 1",     -EINVAL, 0       },
                { "1,5",    -EINVAL, 0       },
        };
        char digits[1000];
        double number;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                double value = 0;

                CHECK_INT(parse_double(text_of(cases[i].text), &value), cases[i].r);
                CHECK(value >= cases[i].value && value <= cases[i].value);
        }

        memset(digits, '1', sizeof digits);
        CHECK_INT(parse_double(text_make(digits, sizeof digits), &number), -ERANGE);
}

static void test_bool(void) {
        static const struct {
                const char *text;
                int value;
        } cases[] = {
                { "true", 1 },  { "Yes", 1 }, { "1", 1 },  { "ON", 1 },       { "false", 0 },     { "NO", 0 },
                { "0", 0 },     { "off", 0 }, { "", -1 },  { "2", -1 },       { "truee", -1 },    { "t", -1 },
                { " true", -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                bool value = false;

                CHECK_INT(parse_bool(text_of(cases[i].text), &value), cases[i].value < 0 ? -EINVAL : 0);
                CHECK(value == (cases[i].value == 1));
        }
}

static void test_hex(void) {
        uint8_t data[4] = {};
        size_t length = 0;

        CHECK_INT(parse_hex(TEXT("00fFa9"), data, sizeof data, &length), 0);
        CHECK_INT(length, 3);
        CHECK(memcmp(data, "\x00\xff\xa9", 3) == 0);
        CHECK_INT(parse_hex(TEXT(""), data, sizeof data, &length), 0);
        CHECK_INT(length, 0);
        CHECK_INT(parse_hex(TEXT("0"), data, sizeof data, &length), -EINVAL);
        CHECK_INT(parse_hex(TEXT("0g"), data, sizeof data, &length), -EINVAL);
        CHECK_INT(parse_hex(TEXT("0102030405"), data, sizeof data, &length), -ERANGE);
        CHECK_INT(parse_hex(TEXT("01020304zz"), data, sizeof data, &length), -EINVAL);
}

static void test_percent(void) {
        static const struct {
                const char *text;
                bool plus;
                int r;
                const char *value;
        } cases[] = {
                { "",                 false, 0,       ""             },
                { "plain",            false, 0,       "plain"        },
                { "a+b",              false, 0,       "a+b"          },
                { "a+b%2B",           true,  0,       "a b+"         },
                { "%2Fetc%2f",        false, 0,       "/etc/"        },
                { "Gr%C3%BC%c3%9fe",  false, 0,       "Gr\xc3\xbc\xc3\x9f" "e" },
                { "%",                false, -EINVAL, NULL           },
                { "%2",               false, -EINVAL, NULL           },
                { "a%2g",             false, -EINVAL, NULL           },
                { "%%20",             false, -EINVAL, NULL           },
                { "a%00b",            false, -EILSEQ, NULL           },
                { "%ff",              false, -EILSEQ, NULL           },
                { "%c3",              false, -EILSEQ, NULL           },
                { "%ed%a0%80",        false, -EILSEQ, NULL           },
        };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text value = TEXT_NULL;

                CHECK_INT(parse_percent(text_of(cases[i].text), cases[i].plus, &arena, &value), cases[i].r);
                if (cases[i].value)
                        CHECK_TEXT(value, cases[i].value);
                else
                        CHECK(!value.data);
        }
}

static void test_query(void) {
        static const struct {
                const char *query, *name, *value;
        } cases[] = {
                { "a=1&b=2",                 "a",            "1"    },
                { "a=1&b=2",                 "b",            "2"    },
                { "a=1&b=2",                 "c",            NULL   },
                { "a=1&a=2",                 "a",            "1"    },
                { "ab=1",                    "a",            NULL   },
                { "a=1",                     "ab",           NULL   },
                { "a=b=c",                   "a",            "b=c"  },
                { "a&b",                     "a",            ""     },
                { "a=&b",                    "a",            ""     },
                { "&&a=1&",                  "a",            "1"    },
                { "a=%20",                   "a",            "%20"  },
                { "filter%5Bname%5d=x",      "filter[name]", "x"    },
                { "filter[name]=x",          "filter[name]", "x"    },
                { "a+b=x",                   "a b",          "x"    },
                { "a%=x&a=y",                "a",            "y"    },
                { "",                        "a",            NULL   },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text value = query_get(text_of(cases[i].query), cases[i].name);

                CHECK(!cases[i].value == !value.data);
                CHECK_TEXT(value, cases[i].value ?: "");
        }
        CHECK(!query_get(TEXT_NULL, "a").data);
}

int main(void) {
        test_u64();
        test_i64();
        test_double();
        test_bool();
        test_hex();
        test_percent();
        test_query();
        return 0;
}
