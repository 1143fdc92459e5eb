/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths and the patterns of routes. A path is taken apart before it is decoded, so that an escaped slash
 * stays inside its segment.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "serve/call.h"

#define PATH_MAX_SEGMENTS 30            /* two bits each in a rank, two for the end and a leading one */

typedef struct Path {
        Text segments[PATH_MAX_SEGMENTS];       /* decoded, none empty */
        Text rest[PATH_MAX_SEGMENTS];           /* raw, from that segment to the end */
        size_t n_segments;
        bool is_longer;                 /* there are more: only {rest...} matches */
} Path;

/* -EBADMSG: a broken escape, a NUL or no UTF-8; no leading slash. */
int path_split(Text raw, Arena *arena, Path *ret_path);

/* 0: no match. Else the higher the more specific: literal over {name} over {rest...}, from the left. */
uint64_t path_matches(const Path *path, const char *pattern);
/* The values of the braces of a pattern that matches, decoded: in the arena or as they stand in the raw
 * path. */
void path_values(const Path *path, const char *pattern, Arena *arena,
                 Text values[static CALL_MAX_PATH_VALUES]);

/* Slashes, literals, {name} segments (at most CALL_MAX_PATH_VALUES of them) and one {rest...} at the end. */
bool pattern_is_valid(const char *pattern);
/* Do both match the same paths? Names in braces do not count. */
bool pattern_equal(const char *a, const char *b);
