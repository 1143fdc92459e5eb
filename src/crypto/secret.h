/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secrets in memory: locked, wiped when freed, never printed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "basic/macros.h"
#include "basic/text.h"

typedef struct Secret {
        size_t length;
        char data[];            /* followed by a NUL that is not counted */
} Secret;

/* libsodium's start-up; call once in main(). */
void crypto_start(void);

Secret *secret_new(const void *data, size_t length);    /* data NULL: zeroed */
/* Random bytes. */
Secret *secret_random(size_t length);
/* Decoded: standard or URL-safe alphabet, padding optional, no white space. -EINVAL otherwise. */
int secret_from_base64(Text text, Secret **ret_secret);
Secret *secret_free(Secret *secret);
DEFINE_CLEANUP(Secret, secret_free);

static inline Text secret_text(const Secret *secret) {
        return secret ? text_make(secret->data, secret->length) : TEXT_NULL;
}

/* What was copied elsewhere on the way here: zeroes, which no compiler leaves out. */
void secret_wipe(const void *memory, size_t size);

/* Constant time for texts of equal length; different lengths are compared by keyed digest, so that neither
 * content nor common prefix shows in the time. */
bool secret_equal(Text a, Text b);

/* A file of at most 64 KiB (a credential); one trailing newline is dropped. -EFBIG, or as open(2) and
 * read(2). */
int secret_read_file(const char *path, Secret **ret_secret);
