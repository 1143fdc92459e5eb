/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens of strangers, twice: the bytes as a token, which nobody here signed; and the bytes as head and
 * claims (a line each) of a token whose signature is right, so that what comes behind it is reached.
 */

#include <errno.h>
#include <sodium.h>

#include "../unit/keys.h"
#include "crypto/jwt.h"
#include "crypto/password.h"
#include "fuzz.h"
#include "json/check.h"
#include "json/read.h"

static const Text secret = TEXT("a worker's secret");

static void check_stranger(Arena *arena, Text token) {
        static RunKey *key;
        Text claims;
        int r;

        if (!key && run_key_new_public(TEXT(CAPTURED_PUBLIC), &key) < 0)
                abort();

        FUZZ_CHECK(jwt_verify_hs256(secret, token, arena, &claims) == -EKEYREJECTED);

        /* The captured ones are in the corpus. Only they, byte for byte, are good. */
        r = jwt_verify_hs256(TEXT(CAPTURED_SECRET), token, arena, &claims);
        FUZZ_CHECK((r == 0) == text_is(token, CAPTURED_WORKER_TOKEN));
        r = jwt_verify_rs256(key, token, arena, &claims);
        FUZZ_CHECK((r == 0) == text_is(token, CAPTURED_RUN_TOKEN));
}

static void sign(Text head, Text claims, Buffer *token) {
        uint8_t mac[crypto_auth_hmacsha256_BYTES];
        crypto_auth_hmacsha256_state state;

        base64url_append(token, head);
        buffer_append_byte(token, '.');
        base64url_append(token, claims);
        crypto_auth_hmacsha256_init(&state, (const uint8_t *) secret.data, secret.length);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *) token->data, token->length);
        crypto_auth_hmacsha256_final(&state, mac);
        buffer_append_byte(token, '.');
        base64url_append(token, text_make(mac, sizeof mac));
}

static bool is_object(Text text) {
        JsonKind kind;

        return json_check(text, &kind, NULL) == 0 && kind == JSON_OBJECT;
}

static void check_signed(Arena *arena, Text input) {
        _cleanup_(buffer_deinit) Buffer token = BUFFER_NULL;
        Text claims = input, head, name, read;
        bool good;

        if (!text_split(&claims, '\n', &head))
                return;

        good = is_object(head) && is_object(claims) && !json_member(head, "crit").data &&
               json_unescape(arena, json_member(head, "alg"), &name) == 0 && text_is(name, "HS256");
        sign(head, claims, &token);
        good = good && token.length <= JWT_MAX_LENGTH;

        FUZZ_CHECK((jwt_verify_hs256(secret, buffer_text(&token), arena, &read) == 0) == good);
        FUZZ_CHECK(!good || text_equal(read, claims));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer decoded = BUFFER_NULL;

        check_stranger(&arena, text_make(data, size));
        check_signed(&arena, text_make(data, size));
        (void) base64_decode(text_make(data, size), &decoded);
        return 0;
}
