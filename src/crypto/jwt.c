/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON Web Tokens: header.claims.signature, each in unpadded base64url.
 *
 * A stranger's token is looked at in this order: size, three parts, the algorithm the header names, the
 * signature, and only then the claims.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/jwt.h"
#include "crypto/password.h"
#include "crypto/run-key.h"
#include "json/check.h"
#include "json/read.h"

typedef struct Token {
        Text head, claims, signature;   /* encoded */
        Text signed_part;               /* head and claims with the dot between */
} Token;

/* The algorithm is the verifier's to choose. */
typedef struct Algorithm {
        const char *name;
        bool (*verify)(const void *key, Text data, Text signature);
} Algorithm;

static void sign_part(const char *head, Text claims, Buffer *token) {
        base64url_append(token, text_of(head));
        buffer_append_byte(token, '.');
        base64url_append(token, claims);
}

/* -- HS256 -------------------------------------------------------------------------------------- */

static void hmac(Text secret, Text data, uint8_t mac[static crypto_auth_hmacsha256_BYTES]) {
        crypto_auth_hmacsha256_state state;

        crypto_auth_hmacsha256_init(&state, (const uint8_t *) secret.data, secret.length);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *) data.data, data.length);
        crypto_auth_hmacsha256_final(&state, mac);
        sodium_memzero(&state, sizeof state);
}

void jwt_sign_hs256(Text secret, Text claims, Buffer *token) {
        uint8_t mac[crypto_auth_hmacsha256_BYTES];
        size_t start = token->length;

        sign_part("{\"alg\":\"HS256\"}", claims, token);
        hmac(secret, text_make(token->data + start, token->length - start), mac);
        buffer_append_byte(token, '.');
        base64url_append(token, text_make(mac, sizeof mac));
}

static bool verify_hs256(const void *key, Text data, Text signature) {
        const Text *secret = key;
        uint8_t mac[crypto_auth_hmacsha256_BYTES];

        /* A secret that was never set proves nothing. */
        if (secret->length == 0 || signature.length != sizeof mac)
                return false;

        hmac(*secret, data, mac);
        return sodium_memcmp(mac, signature.data, sizeof mac) == 0;
}

/* -- RS256 -------------------------------------------------------------------------------------- */

static void free_context(EVP_MD_CTX **context) {
        EVP_MD_CTX_free(*context);
}

int jwt_sign_rs256(const RunKey *key, Text claims, Buffer *token) {
        _cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t signature[RUN_KEY_MAX_SIZE];
        size_t start = token->length, length = sizeof signature;

        if (!context)
                out_of_memory();

        sign_part("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", claims, token);
        if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) != 1 ||
            EVP_DigestSign(context, signature, &length, (const uint8_t *) token->data + start,
                           token->length - start) != 1) {
                ERR_clear_error();
                token->length = start;
                return -ENOKEY;
        }

        buffer_append_byte(token, '.');
        base64url_append(token, text_make(signature, length));
        return 0;
}

static bool verify_rs256(const void *key, Text data, Text signature) {
        const RunKey *run_key = key;
        _cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool good;

        if (!context)
                out_of_memory();

        good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, run_key->pkey) == 1 &&
               EVP_DigestVerify(context, (const uint8_t *) signature.data, signature.length,
                                (const uint8_t *) data.data, data.length) == 1;
        if (!good)
                ERR_clear_error();
        return good;
}

/* -- a stranger's token ------------------------------------------------------------------------- */

static bool split(Text text, Token *token) {
        Text rest = text;

        if (text.length > JWT_MAX_LENGTH || !text_split(&rest, '.', &token->head) ||
            !text_split(&rest, '.', &token->claims) || !text_split(&rest, '.', &token->signature) ||
            rest.data)
                return false;

        token->signed_part = text_make(text.data, token->head.length + 1 + token->claims.length);
        return true;
}

/* One encoding for one value: no padding, no other alphabet, no stray bits at the end. */
static bool decode(Arena *arena, Text part, Text *ret_data) {
        size_t size = part.length / 4 * 3 + 3, length;
        uint8_t *data = arena_alloc(arena, size);

        if (part.length == 0 || sodium_base642bin(data, size, part.data, part.length, NULL, &length, NULL,
                                                  sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
                return false;

        *ret_data = text_make(data, length);
        return true;
}

static bool decode_object(Arena *arena, Text part, Text *ret_object) {
        JsonKind kind;

        return decode(arena, part, ret_object) && json_check(*ret_object, &kind, NULL) == 0 &&
               kind == JSON_OBJECT;
}

/* "crit" lists what a verifier has to understand (RFC 7515, section 4.1.11); there is nothing we do. */
static bool head_names(Arena *arena, Text head, const char *algorithm) {
        Text object, name;

        return decode_object(arena, head, &object) && !json_member(object, "crit").data &&
               json_unescape(arena, json_member(object, "alg"), &name) == 0 && text_is(name, algorithm);
}

static int verify(const Algorithm *algorithm, const void *key, Text text, Arena *arena, Text *ret_claims) {
        Text signature, claims;
        Token token;

        if (!split(text, &token) || !head_names(arena, token.head, algorithm->name) ||
            !decode(arena, token.signature, &signature) ||
            !algorithm->verify(key, token.signed_part, signature) ||
            !decode_object(arena, token.claims, &claims))
                return -EKEYREJECTED;

        *ret_claims = claims;
        return 0;
}

int jwt_verify_hs256(Text secret, Text token, Arena *arena, Text *ret_claims) {
        static const Algorithm hs256 = { "HS256", verify_hs256 };

        return verify(&hs256, &secret, token, arena, ret_claims);
}

int jwt_verify_rs256(const RunKey *key, Text token, Arena *arena, Text *ret_claims) {
        static const Algorithm rs256 = { "RS256", verify_rs256 };

        return verify(&rs256, key, token, arena, ret_claims);
}
