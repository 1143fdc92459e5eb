/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of json/: how far a string may be copied as it stands. Most bytes of most documents are plain
 * text in strings, so this one loop is what checking and writing cost.
 */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "basic/text.h"

#define EACH_BYTE(value) (0x0101010101010101ULL * (value))

static inline bool json_is_plain(char c) {
        return c >= ' ' && c != '"' && c != '\\' && !((uint8_t) c & 0x80);
}

/*
 * The bytes at the start that are ASCII, not a control character, not '"' and not '\': eight at a time.
 * A subtraction that borrows marks a byte below the one subtracted; what it wrongly marks lies behind
 * the first byte rightly marked.
 */
static inline size_t json_plain_run(const char *data, size_t left) {
        size_t n = 0;

        for (; left - n >= 8; n += 8) {
                uint64_t word, quote, backslash, special;

                memcpy(&word, data + n, sizeof word);
                word = le64toh(word);
                quote = word ^ EACH_BYTE('"');
                backslash = word ^ EACH_BYTE('\\');
                /* `word` marks what is not ASCII, so the subtractions may mark it too. */
                special = word | (word - EACH_BYTE(' ')) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1));
                special &= EACH_BYTE(0x80);
                if (special != 0)
                        return n + (size_t) __builtin_ctzll(special) / 8;
        }
        while (n < left && json_is_plain(data[n]))
                n++;
        return n;
}
