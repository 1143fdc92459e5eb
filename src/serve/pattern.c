/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Matching paths: segment by segment, as often as there are rows; so the path is taken apart and decoded
 * once and a pattern is read where it stands.
 */

#include "serve/pattern.h"

#include <ctype.h>
#include <errno.h>

#include "basic/parse.h"

/* In the order of preference: an end is better than a rest of nothing. */
typedef enum SegmentKind { SEGMENT_REST, SEGMENT_END, SEGMENT_NAME, SEGMENT_LITERAL } SegmentKind;

/* -- paths --------------------------------------------------------------------------------------- */

static int decode(Text raw, Arena *arena, Text *ret_text) {
        if (!memchr(raw.data, '%', raw.length) && text_is_utf8(raw) && !memchr(raw.data, 0, raw.length)) {
                *ret_text = raw;
                return 0;
        }

        return parse_percent(raw, false, arena, ret_text) < 0 ? -EBADMSG : 0;
}

int path_split(Text raw, Arena *arena, Path *ret_path) {
        Text left = raw, segment, whole;
        Path path = {};
        int r;

        if (raw.length == 0 || raw.data[0] != '/')
                return -EBADMSG;

        /* All of it must be good, also what no pattern looks at. */
        r = decode(raw, arena, &whole);
        if (r < 0)
                return r;

        while (text_split(&left, '/', &segment)) {
                size_t i = path.n_segments;

                if (segment.length == 0)
                        continue;
                if (i == PATH_MAX_SEGMENTS) {
                        path.is_longer = true;
                        break;
                }

                r = decode(segment, arena, &path.segments[i]);
                if (r < 0)
                        return r;
                path.rest[i] = text_make(segment.data, (size_t) (raw.data + raw.length - segment.data));
                path.n_segments++;
        }

        *ret_path = path;
        return 0;
}

/* -- patterns ------------------------------------------------------------------------------------ */

/* Cuts the next segment off a pattern; SEGMENT_END behind the last. */
static SegmentKind next_segment(Text *pattern, Text *ret_segment) {
        Text segment;

        while (text_split(pattern, '/', &segment)) {
                if (segment.length == 0)
                        continue;

                *ret_segment = segment;
                if (segment.data[0] != '{')
                        return SEGMENT_LITERAL;
                return text_ends_with(segment, "...}") ? SEGMENT_REST : SEGMENT_NAME;
        }

        return SEGMENT_END;
}

uint64_t path_matches(const Path *path, const char *pattern) {
        Text left = text_of(pattern), segment;
        uint64_t rank = 1;
        size_t i = 0;

        for (;; i++) {
                SegmentKind kind = next_segment(&left, &segment);

                if (kind == SEGMENT_END && (i < path->n_segments || path->is_longer))
                        return 0;
                if (kind >= SEGMENT_NAME && i >= path->n_segments)
                        return 0;
                if (kind == SEGMENT_LITERAL && !text_equal(path->segments[i], segment))
                        return 0;

                rank = rank << 2 | (uint64_t) kind;
                if (kind <= SEGMENT_END)
                        break;
        }

        /* Aligned to the left, so that the first difference decides. */
        return rank << 2 * (PATH_MAX_SEGMENTS - i);
}

/* Good escapes are known to be good (path_split()), and none reaches across a slash. */
static Text rest_value(const Path *path, size_t i, Arena *arena) {
        Text value = TEXT("");

        if (i < path->n_segments)
                (void) decode(path->rest[i], arena, &value);
        return value;
}

void path_values(const Path *path, const char *pattern, Arena *arena,
                 Text values[static CALL_MAX_PATH_VALUES]) {
        Text left = text_of(pattern), segment;
        SegmentKind kind;
        size_t n = 0;

        for (size_t i = 0; (kind = next_segment(&left, &segment)) != SEGMENT_END; i++)
                if (kind == SEGMENT_NAME)
                        values[n++] = path->segments[i];
                else if (kind == SEGMENT_REST)
                        values[n++] = rest_value(path, i, arena);
}

/* `{id}`, `{rest...}`: lower-case letters and underscores between the braces. */
static bool is_name(Text segment, SegmentKind kind) {
        const char *tail = kind == SEGMENT_REST ? "...}" : "}";
        size_t n = 1;

        while (n < segment.length && (islower((unsigned char) segment.data[n]) || segment.data[n] == '_'))
                n++;

        return n > 1 && text_is(text_make(segment.data + n, segment.length - n), tail);
}

bool pattern_is_valid(const char *pattern) {
        Text left = text_of(pattern), segment;
        size_t n_values = 0, n_segments = 0;
        SegmentKind kind, previous = SEGMENT_LITERAL;

        if (!pattern || pattern[0] != '/')
                return false;

        for (; (kind = next_segment(&left, &segment)) != SEGMENT_END; previous = kind) {
                if (previous == SEGMENT_REST || ++n_segments > PATH_MAX_SEGMENTS)
                        return false;
                if (kind != SEGMENT_LITERAL && (!is_name(segment, kind) || ++n_values > CALL_MAX_PATH_VALUES))
                        return false;
                if (kind == SEGMENT_LITERAL && memchr(segment.data, '}', segment.length))
                        return false;
        }

        return true;
}

bool pattern_equal(const char *a, const char *b) {
        Text left_a = text_of(a), left_b = text_of(b), segment_a, segment_b;

        for (;;) {
                SegmentKind kind = next_segment(&left_a, &segment_a);

                if (kind != next_segment(&left_b, &segment_b))
                        return false;
                if (kind == SEGMENT_END)
                        return true;
                if (kind == SEGMENT_LITERAL && !text_equal(segment_a, segment_b))
                        return false;
        }
}
