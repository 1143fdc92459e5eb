/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RFC 8259's grammar as a loop: a place in the text, what may come next, and one bit per open bracket.
 */

#include <errno.h>

#include "basic/macros.h"
#include "json/check.h"
#include "json/plain.h"

typedef enum Expect {
        EXPECT_VALUE,
        EXPECT_VALUE_OR_END,    /* behind '[' */
        EXPECT_KEY,
        EXPECT_KEY_OR_END,      /* behind '{' */
        EXPECT_NEXT,            /* behind a value: ',' or the closing bracket */
} Expect;

typedef struct Check {
        const char *p, *end;
        Expect expect;
        size_t depth;
        uint8_t *levels;        /* one bit for each open bracket, 1: '{' */
        size_t room;            /* bytes of `levels` */
        uint8_t first_levels[64];
} Check;

static void check_open(Check *c, bool object) {
        uint8_t mask = (uint8_t) (1U << c->depth % 8);

        if (c->depth / 8 == c->room) {
                uint8_t *grown = xmalloc(c->room * 2);

                memcpy(grown, c->levels, c->room);
                if (c->levels != c->first_levels)
                        free(c->levels);
                c->levels = grown;
                c->room *= 2;
        }

        if (object)
                c->levels[c->depth / 8] |= mask;
        else
                c->levels[c->depth / 8] &= (uint8_t) ~mask;
        c->depth++;
        c->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
        c->p++;
}

static bool in_object(const Check *c) {
        return c->levels[(c->depth - 1) / 8] >> (c->depth - 1) % 8 & 1;
}

static void check_close(Check *c) {
        c->depth--;
        c->expect = EXPECT_NEXT;
        c->p++;
}

static inline void skip_space(Check *c) {
        while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
                c->p++;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
        return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* At the backslash. */
static bool check_escape(Check *c) {
        size_t left = (size_t) (c->end - c->p);

        if (left < 2)
                return false;
        if (c->p[1] != 'u') {
                if (c->p[1] == 0 || !strchr("\"\\/bfnrt", c->p[1]))
                        return false;
                c->p += 2;
                return true;
        }

        if (left < 6)
                return false;
        for (size_t i = 2; i < 6; i++)
                if (!is_hex(c->p[i]))
                        return false;
        c->p += 6;
        return true;
}

/* At the opening quote. */
static bool check_string(Check *c) {
        c->p++;
        for (;;) {
                size_t length;

                c->p += json_plain_run(c->p, (size_t) (c->end - c->p));
                if (c->p == c->end)
                        return false;

                if (*c->p == '"') {
                        c->p++;
                        return true;
                }
                if (*c->p == '\\') {
                        if (!check_escape(c))
                                return false;
                        continue;
                }

                /* Text that is not Latin stays that way for a while. */
                do {
                        if (!((uint8_t) *c->p & 0x80))
                                break;
                        length = utf8_sequence(c->p, (size_t) (c->end - c->p));
                        if (length == 0)
                                return false;
                        c->p += length;
                } while (c->p < c->end);

                if (c->p < c->end && (uint8_t) *c->p < ' ')
                        return false;
        }
}

static bool check_digits(Check *c) {
        const char *start = c->p;

        while (c->p < c->end && is_digit(*c->p))
                c->p++;
        return c->p > start;
}

static bool check_number(Check *c) {
        if (*c->p == '-')
                c->p++;

        if (c->p < c->end && *c->p == '0')
                c->p++;         /* a digit behind it is not part of the number, and nothing else either */
        else if (!check_digits(c))
                return false;

        if (c->p < c->end && *c->p == '.') {
                c->p++;
                if (!check_digits(c))
                        return false;
        }
        if (c->p < c->end && (*c->p | 0x20) == 'e') {
                c->p++;
                if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
                        c->p++;
                if (!check_digits(c))
                        return false;
        }
        return true;
}

static bool check_word(Check *c, Text word) {
        if ((size_t) (c->end - c->p) < word.length || memcmp(c->p, word.data, word.length) != 0)
                return false;
        c->p += word.length;
        return true;
}

static bool check_value(Check *c) {
        c->expect = EXPECT_NEXT;

        switch (*c->p) {
        case '{':
                check_open(c, true);
                return true;
        case '[':
                check_open(c, false);
                return true;
        case '"':
                return check_string(c);
        case '-':
        case '0' ... '9':
                return check_number(c);
        case 't':
                return check_word(c, TEXT("true"));
        case 'f':
                return check_word(c, TEXT("false"));
        case 'n':
                return check_word(c, TEXT("null"));
        default:
                return false;
        }
}

static bool check_key(Check *c) {
        if (*c->p != '"' || !check_string(c))
                return false;

        skip_space(c);
        if (c->p == c->end || *c->p != ':')
                return false;
        c->p++;
        c->expect = EXPECT_VALUE;
        return true;
}

/* Behind a value inside of brackets. */
static bool check_next(Check *c) {
        bool object = in_object(c);

        if (*c->p == ',') {
                c->p++;
                c->expect = object ? EXPECT_KEY : EXPECT_VALUE;
                return true;
        }
        if (*c->p != (object ? '}' : ']'))
                return false;
        check_close(c);
        return true;
}

static bool check_step(Check *c) {
        switch (c->expect) {
        case EXPECT_VALUE_OR_END:
                if (*c->p == ']') {
                        check_close(c);
                        return true;
                }
                return check_value(c);
        case EXPECT_VALUE:
                return check_value(c);
        case EXPECT_KEY_OR_END:
                if (*c->p == '}') {
                        check_close(c);
                        return true;
                }
                return check_key(c);
        case EXPECT_KEY:
                return check_key(c);
        case EXPECT_NEXT:
                return check_next(c);
        }
        return false;
}

/* True when the whole text is one value. */
static bool check_document(Check *c) {
        for (;;) {
                skip_space(c);
                if (c->depth == 0 && c->expect == EXPECT_NEXT)
                        return c->p == c->end;
                if (c->p == c->end || !check_step(c))
                        return false;
        }
}

int json_check(Text text, JsonKind *ret_kind, size_t *ret_offset) {
        Check c = { .p = text.data, .end = text.data + text.length, .expect = EXPECT_VALUE };
        bool good;

        c.levels = c.first_levels;
        c.room = sizeof c.first_levels;

        good = check_document(&c);
        if (c.levels != c.first_levels)
                free(c.levels);

        if (!good) {
                if (ret_offset)
                        *ret_offset = (size_t) (c.p - text.data);
                return -EBADMSG;
        }
        *ret_kind = json_kind(text);
        return 0;
}
