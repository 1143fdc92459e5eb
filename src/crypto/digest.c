/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Digests.
 */

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/password.h"

#define SHA1_SIZE 20

static_assert(DIGEST_SIZE == crypto_hash_sha256_BYTES, "SHA-256");

void digest_sha256(Text text, uint8_t digest[static DIGEST_SIZE]) {
        crypto_hash_sha256(digest, (const uint8_t *) text.data, text.length);
}

void digest_keyed(Text key, Text text, uint8_t digest[static DIGEST_SIZE]) {
        assert(key.length >= crypto_generichash_KEYBYTES_MIN && key.length <= crypto_generichash_KEYBYTES_MAX);

        crypto_generichash(digest, DIGEST_SIZE, (const uint8_t *) text.data, text.length,
                           (const uint8_t *) key.data, key.length);
}

/* RFC 6455, section 4.2.2. libsodium rightly has no SHA-1; here it proves nothing to anybody. */
void digest_websocket_accept(Text key, char accept[static WEBSOCKET_ACCEPT_SIZE]) {
        _cleanup_(buffer_deinit) Buffer joined = BUFFER_NULL;
        uint8_t digest[SHA1_SIZE];
        unsigned length = 0;

        buffer_append_text(&joined, key);
        buffer_append_string(&joined, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        if (EVP_Digest(joined.data, joined.length, digest, &length, EVP_sha1(), NULL) != 1 ||
            length != sizeof digest)
                abort();        /* only if libcrypto was built without it */
        sodium_bin2base64(accept, WEBSOCKET_ACCEPT_SIZE, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
}
