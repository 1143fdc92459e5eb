/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passwords, compared and hashed on the helper threads. Each takes 100 ms and 64 MiB: some may wait, more are told
 * to come again.
 */

#include "crypto/password.h"
#include "crypto/secret.h"
#include "loop/offload.h"
#include "serve/call.h"

/* What the structs of such calls begin with. */
typedef struct PasswordCheck {
        Call call;
        Job job;
        Secret *given;
        Secret *wanted;                 /* to be hashed when `given` matches; NULL: none */
        const char *hash;
        bool has_place, is_running;

        bool matches;
        char new_hash[PASSWORD_HASH_SIZE];      /* of `wanted`, or of `given` if `hash` is stale; else empty */
        int error;
} PasswordCheck;

/* Takes a place, before anything is done for the request: -EBUSY when there is none. The call's end gives it back. */
int password_check_begin(PasswordCheck *check);
/* Waits for the result; `given` is set. `hash` NULL: nobody's, which takes as long; it lives as long as the call. */
int password_check_wait(PasswordCheck *check, const char *hash);
