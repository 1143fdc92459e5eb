/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small values out of text: strict, whole-text, -EINVAL for what is not one, -ERANGE for what does
 * not fit.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

int parse_u64(Text text, uint64_t *ret_value);          /* decimal digits only */
int parse_i64(Text text, int64_t *ret_value);
int parse_double(Text text, double *ret_value);         /* decimal, as in JSON; no inf, no nan */
int parse_bool(Text text, bool *ret_value);             /* true yes 1 on / false no 0 off, any case */
int parse_hex(Text text, uint8_t *data, size_t size, size_t *ret_length);

/* An IPv4 address, or an IPv6 address with or without brackets; a copy as it stands before ":port", that is, IPv6
 * in brackets. */
#define ADDRESS_SIZE sizeof("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]")
int parse_address(Text text, char ret_address[static ADDRESS_SIZE]);

/* Percent-decoding of one path segment or query part. `plus`: '+' is a space (forms). -EINVAL for a
 * broken escape, -EILSEQ when the result holds a NUL or is not UTF-8. */
int parse_percent(Text text, bool plus, Arena *arena, Text *ret_text);

/* The raw value of `name` in a query string (names are compared decoded), empty for a name without '=',
 * TEXT_NULL without it; the first one wins. */
Text query_get(Text query, const char *name);
