/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Passwords.
 */

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <sodium.h>

#include "crypto/password.h"
#include "crypto/secret.h"

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash fits");

#define OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_MEMLIMIT_INTERACTIVE

int password_hash(Text password, char hash[static PASSWORD_HASH_SIZE]) {
        if (crypto_pwhash_str_alg(hash, password.data ?: "", password.length, OPS, MEMORY,
                                  crypto_pwhash_ALG_ARGON2ID13) < 0)
                return -ENOMEM;
        return 0;
}

/* The hash of nobody's password, made with the parameters above: see password_matches(). */
static const char no_hash[] = "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* bcrypt, imported from the original. It reads up to a NUL and 72 bytes. */
static bool matches_bcrypt(Text password, const char *hash) {
        _cleanup_(secret_freep) Secret *string = secret_new(password.data, password.length);
        _cleanup_(secret_freep) Secret *room = secret_new(NULL, sizeof(struct crypt_data));
        struct crypt_data *data;
        const char *made;

        if (memchr(string->data, 0, string->length))
                return false;

        data = (void *) room->data;     /* nothing but bytes inside */
        made = crypt_r(string->data, hash, data);
        return made && made[0] != '*' && secret_equal(text_of(made), text_of(hash));
}

bool password_matches(Text password, const char *hash) {
        bool nobody = !hash;

        if (!nobody && text_starts_with(text_of(hash), "$2"))
                return matches_bcrypt(password, hash);

        return crypto_pwhash_str_verify(nobody ? no_hash : hash, password.data ?: "", password.length) == 0 &&
               !nobody;
}

bool password_is_stale(const char *hash) {
        return crypto_pwhash_str_needs_rehash(hash, OPS, MEMORY) != 0;
}
