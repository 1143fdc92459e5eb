/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UUIDs. What grows with time (work orders, runs, log lines, dataclips we make) gets version 7,
 * so that its index grows at one end and its partition follows from the id; what people make gets
 * version 7 as well. Ids from outside may be of any version.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/text.h"

#define UUID_TEXT_LENGTH 36
#define UUID_STRING_SIZE (UUID_TEXT_LENGTH + 1)

typedef struct Uuid {
        uint8_t bytes[16];
} Uuid;

#define UUID_NULL ((Uuid) {})

/* A new version 7 id. Ids made by one process are strictly increasing (RFC 9562, method 3), also when the
 * clock is set back. For one thread: the loop's. */
Uuid uuid_new(void);

/* A new random (version 4) id: for nonces and tokens that must not tell their age. */
Uuid uuid_random(void);

static inline bool uuid_is_null(const Uuid *uuid) {
        static const Uuid null;
        return memcmp(uuid, &null, sizeof null) == 0;
}

static inline bool uuid_equal(const Uuid *a, const Uuid *b) {
        return memcmp(a, b, sizeof *a) == 0;
}

/* Milliseconds since the epoch that a version 7 id carries. */
uint64_t uuid_time_msec(const Uuid *uuid);

/* The 36-character form, either case. -EINVAL for anything else (no braces, no 32-digit form). */
int uuid_parse(Text text, Uuid *ret_uuid);

/* Lower case; returns `buffer`. */
char *uuid_format(const Uuid *uuid, char buffer[static UUID_STRING_SIZE]);
