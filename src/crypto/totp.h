/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time-based one-time codes (RFC 6238): HMAC-SHA-1, six digits, 30 seconds, which is what the apps do.
 */

#include <stdint.h>

#include "basic/buffer.h"
#include "basic/text.h"

#define TOTP_SECRET_SIZE 20
#define TOTP_DIGITS 6

/* Is it the code of now, or of the step before or after (clocks differ)? 0 and its step, which must be later than
 * `last_step`, so that no code works twice; -EKEYREJECTED otherwise. Takes as long for any six digits. */
int totp_check(Text secret, Text code, uint64_t now_usec, uint64_t last_step, uint64_t *ret_step);

/* Appends it in RFC 4648's alphabet, without padding: how apps take a secret. */
void base32_append(Buffer *buffer, Text data);
