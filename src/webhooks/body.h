/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a caller sent becomes the JSON that is stored. JSON is checked and kept byte for byte; forms are
 * turned into it.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

typedef struct BodySource {
        Text content_type, content_encoding;    /* TEXT_NULL without the header */
        Text bytes;
        size_t max;                             /* bytes of the JSON, and of what was packed */
} BodySource;

enum {
        _BODY_E_SUCCESS,
        BODY_E_UNSUPPORTED,     /* a type or encoding nobody reads: 415, once the caller is known */
};

/* *ret_json points into the source's bytes or into `buffer`. -EBADMSG: malformed, *ret_problem says what
 * and where for people (arena); -EMSGSIZE: more than `max`. */
int body_read(const BodySource *source, Arena *arena, Buffer *buffer, Text *ret_json,
              const char **ret_problem);
