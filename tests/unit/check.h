/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a unit test says: CHECK(expression), and it stays on in every build. The first one that does
 * not hold ends the test with the place and the expression.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macros.h"
#include "basic/text.h"

_noreturn_ static inline void check_failed(const char *file, int line, const char *expression) {
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
        exit(1);
}

#define CHECK(expression)                                                                          \
        do {                                                                                       \
                if (!(expression))                                                                 \
                        check_failed(__FILE__, __LINE__, #expression);                             \
        } while (0)

static inline void check_text(const char *file, int line, const char *expression, Text got,
                              const char *want) {
        if (text_is(got, want))
                return;
        fprintf(stderr, "%s:%d: %s is \"%.*s\", expected \"%s\"\n", file, line, expression, (int) got.length,
                got.data ? got.data : "", want);
        exit(1);
}

/* Says what it got instead, which CHECK() cannot. */
#define CHECK_TEXT(got, want) check_text(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_STRING(got, want) check_text(__FILE__, __LINE__, #got, text_of(got), (want))

static inline void check_int(const char *file, int line, const char *expression, long long got,
                             long long want) {
        if (got == want)
                return;
        fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, expression, got, want);
        exit(1);
}

#define CHECK_INT(got, want) check_int(__FILE__, __LINE__, #got, (long long) (got), (long long) (want))
