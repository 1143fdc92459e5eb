/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One-time codes.
 */

#include "crypto/totp.h"

#include <assert.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "basic/clock.h"
#include "crypto/secret.h"

#define STEP_USEC (30 * USEC_PER_SEC)
#define SHA1_SIZE 20

static_assert(TOTP_DIGITS == 6, "the modulus");

/* RFC 4226, 5.3. */
static void code_of(Text secret, uint64_t step, char code[static TOTP_DIGITS + 1]) {
        uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
        unsigned length = 0, offset;
        uint32_t number;

        for (size_t i = 0; i < sizeof counter; i++)
                counter[i] = (uint8_t) (step >> (56 - 8 * i));
        if (!HMAC(EVP_sha1(), secret.data, (int) secret.length, counter, sizeof counter, mac, &length) ||
            length != SHA1_SIZE)
                abort();        /* only if libcrypto was built without it */

        offset = mac[SHA1_SIZE - 1] & 0xf;
        number = (uint32_t) (mac[offset] & 0x7f) << 24 | (uint32_t) mac[offset + 1] << 16 |
                 (uint32_t) mac[offset + 2] << 8 | mac[offset + 3];
        snprintf(code, TOTP_DIGITS + 1, "%06u", number % 1000000);
}

int totp_check(Text secret, Text code, uint64_t now_usec, uint64_t last_step, uint64_t *ret_step) {
        uint64_t now = now_usec / STEP_USEC, found = 0;

        if (code.length != TOTP_DIGITS || now == 0)
                return -EKEYREJECTED;

        for (uint64_t step = now - 1; step <= now + 1; step++) {
                char expected[TOTP_DIGITS + 1];

                code_of(secret, step, expected);
                if (secret_equal(code, text_of(expected)) && step > last_step)
                        found = step;
        }
        if (found == 0)
                return -EKEYREJECTED;

        *ret_step = found;
        return 0;
}

void base32_append(Buffer *buffer, Text data) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        uint32_t bits = 0;
        unsigned n_bits = 0;

        for (size_t i = 0; i < data.length; i++) {
                bits = bits << 8 | (uint8_t) data.data[i];
                for (n_bits += 8; n_bits >= 5; n_bits -= 5)
                        buffer_append_byte(buffer, alphabet[bits >> (n_bits - 5) & 31]);
        }
        if (n_bits > 0)
                buffer_append_byte(buffer, alphabet[bits << (5 - n_bits) & 31]);
}
