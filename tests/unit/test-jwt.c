/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens: those of the real worker verify, and nothing that only looks like a token does.
 */

#include <errno.h>
#include <sodium.h>

#include "check.h"
#include "crypto/jwt.h"
#include "crypto/password.h"
#include "json/check.h"
#include "keys.h"

static const Text secret = TEXT("a worker's secret");

/* head.claims.HMAC, whatever the head says. */
static Text forge(Arena *arena, Text key, Text head, Text claims) {
        _cleanup_(buffer_deinit) Buffer token = BUFFER_NULL;
        crypto_auth_hmacsha256_state state;
        uint8_t mac[crypto_auth_hmacsha256_BYTES];

        base64url_append(&token, head);
        buffer_append_byte(&token, '.');
        base64url_append(&token, claims);
        crypto_auth_hmacsha256_init(&state, (const uint8_t *) key.data, key.length);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *) token.data, token.length);
        crypto_auth_hmacsha256_final(&state, mac);
        buffer_append_byte(&token, '.');
        base64url_append(&token, text_make(mac, sizeof mac));
        return arena_text(arena, buffer_text(&token));
}

static int verify_hs256(Text key, Text token) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text claims = TEXT_NULL;
        int r = jwt_verify_hs256(key, token, &arena, &claims);

        CHECK((r == 0) == (claims.data != NULL));
        return r;
}

static int verify_rs256(const RunKey *key, Text token) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text claims = TEXT_NULL;
        int r = jwt_verify_rs256(key, token, &arena, &claims);

        CHECK((r == 0) == (claims.data != NULL));
        return r;
}

static RunKey *key_of(Text text) {
        RunKey *key = NULL;

        CHECK_INT(run_key_new(text, &key), 0);
        return key;
}

static RunKey *public_key_of(Text text) {
        RunKey *key = NULL;

        CHECK_INT(run_key_new_public(text, &key), 0);
        return key;
}

static void test_captured_tokens(void) {
        _cleanup_(run_key_freep) RunKey *key = public_key_of(TEXT(CAPTURED_PUBLIC));
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer token = BUFFER_NULL;
        Text claims;

        CHECK_INT(jwt_verify_hs256(TEXT(CAPTURED_SECRET), TEXT(CAPTURED_WORKER_TOKEN), &arena, &claims), 0);
        CHECK_TEXT(claims,
                   "{\"worker_id\":\"pink-radios-search\",\"iat\":1795441168,\"iss\":\"urn:openfn:worker\"}");
        jwt_sign_hs256(TEXT(CAPTURED_SECRET), claims, &token);
        CHECK_TEXT(buffer_text(&token), CAPTURED_WORKER_TOKEN);

        CHECK_INT(jwt_verify_rs256(key, TEXT(CAPTURED_RUN_TOKEN), &arena, &claims), 0);
        CHECK_TEXT(json_member(claims, "sub"), "\"run:0a1b2c3d-0000-4000-8000-000000000101\"");

        /* Each with the other's key. */
        CHECK_INT(verify_rs256(key, TEXT(CAPTURED_WORKER_TOKEN)), -EKEYREJECTED);
        CHECK_INT(verify_hs256(TEXT(CAPTURED_SECRET), TEXT(CAPTURED_RUN_TOKEN)), -EKEYREJECTED);
}

static void test_hs256(void) {
        _cleanup_(buffer_deinit) Buffer token = BUFFER_NULL;

        buffer_append_string(&token, "Bearer ");
        jwt_sign_hs256(secret, TEXT("{}"), &token);
        CHECK(text_starts_with(buffer_text(&token), "Bearer ey"));
        CHECK_INT(verify_hs256(secret, text_make(token.data + 7, token.length - 7)), 0);
        CHECK_INT(verify_hs256(TEXT("a worker's secreT"), text_make(token.data + 7, token.length - 7)),
                  -EKEYREJECTED);

        buffer_clear(&token);
        jwt_sign_hs256(TEXT(""), TEXT("{}"), &token);
        CHECK_INT(verify_hs256(TEXT(""), buffer_text(&token)), -EKEYREJECTED);
        CHECK_INT(verify_hs256(TEXT_NULL, buffer_text(&token)), -EKEYREJECTED);
}

static void test_rs256(void) {
        _cleanup_(run_key_freep) RunKey *key = key_of(TEXT(KEY_PKCS1)),
                                        *public = public_key_of(TEXT(KEY_PUBLIC));
        _cleanup_(buffer_deinit) Buffer token = BUFFER_NULL;

        buffer_append_string(&token, "Bearer ");
        CHECK_INT(jwt_sign_rs256(key, TEXT("{\"sub\":\"run:1\"}"), &token), 0);
        CHECK(text_starts_with(buffer_text(&token),
                               "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJydW46MSJ9."));
        CHECK_INT(verify_rs256(key, text_make(token.data + 7, token.length - 7)), 0);
        CHECK_INT(verify_rs256(public, text_make(token.data + 7, token.length - 7)), 0);

        CHECK_INT(jwt_sign_rs256(public, TEXT("{}"), &token), -ENOKEY);
        CHECK(text_starts_with(buffer_text(&token), "Bearer ey"));
}

/* The head decides nothing but whether it names our algorithm. */
static void test_heads(void) {
        static const struct {
                const char *head;
                int r;
        } cases[] = {
                { "{\"alg\":\"HS256\"}",                          0              },
                { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",          0              },
                { " { \"typ\" : \"x\" , \"alg\" : \"HS256\" } ",  0              },
                { "{\"alg\":\"HS\\u003256\"}",                    0              },
                { "{\"alg\":\"HS256\",\"kid\":\"../../etc\"}",    0              },
                { "{\"alg\":\"none\"}",                           -EKEYREJECTED  },
                { "{\"alg\":\"None\"}",                           -EKEYREJECTED  },
                { "{\"alg\":\"\"}",                               -EKEYREJECTED  },
                { "{\"alg\":null}",                               -EKEYREJECTED  },
                { "{\"alg\":[\"HS256\"]}",                        -EKEYREJECTED  },
                { "{\"alg\":256}",                                -EKEYREJECTED  },
                { "{\"alg\":\"RS256\"}",                          -EKEYREJECTED  },
                { "{\"alg\":\"hs256\"}",                          -EKEYREJECTED  },
                { "{\"alg\":\"HS256 \"}",                         -EKEYREJECTED  },
                { "{\"alg\":\"HS256\\u0000\"}",                   -EKEYREJECTED  },
                { "{\"alg\":\"HS512\"}",                          -EKEYREJECTED  },
                { "{\"alg\":\"HS256\",\"alg\":\"none\"}",         -EKEYREJECTED  },
                { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",       -EKEYREJECTED  },
                { "{\"ALG\":\"HS256\"}",                          -EKEYREJECTED  },
                { "{}",                                           -EKEYREJECTED  },
                { "",                                             -EKEYREJECTED  },
                { "[\"alg\",\"HS256\"]",                          -EKEYREJECTED  },
                { "\"HS256\"",                                    -EKEYREJECTED  },
                { "{\"alg\":\"HS256\"",                           -EKEYREJECTED  },
                { "{\"alg\":\"HS256\"}}",                         -EKEYREJECTED  },
                { "{'alg':'HS256'}",                              -EKEYREJECTED  },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;

                CHECK_INT(verify_hs256(secret, forge(&arena, secret, text_of(cases[i].head), TEXT("{}"))),
                          cases[i].r);
        }
}

static void test_claims(void) {
        static const Text refused[] = {
                TEXT(""),
                TEXT("[]"),
                TEXT("\"x\""),
                TEXT("null"),
                TEXT("{"),
                TEXT("{}{}"),
                TEXT("{\"a\":\"\xff\"}"),
                TEXT("{}\0"),
        };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text head = TEXT("{\"alg\":\"HS256\"}");

        CHECK_INT(verify_hs256(secret, forge(&arena, secret, head, TEXT("{\"a\":\"\\u0000\"}"))), 0);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                CHECK_INT(verify_hs256(secret, forge(&arena, secret, head, refused[i])), -EKEYREJECTED);
}

/* The classic: HS256 under the RSA public key, which everybody may know. */
static void test_confusion(void) {
        _cleanup_(run_key_freep) RunKey *key = key_of(TEXT(KEY_PKCS8));
        _cleanup_(buffer_deinit) Buffer pem = BUFFER_NULL;
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        static const Text heads[] = { TEXT("{\"alg\":\"HS256\"}"), TEXT("{\"alg\":\"RS256\"}"),
                                      TEXT("{\"alg\":\"none\"}") };

        CHECK_INT(base64_decode(TEXT(KEY_PUBLIC), &pem), 0);
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                CHECK_INT(verify_rs256(key, forge(&arena, buffer_text(&pem), heads[i], TEXT("{}"))),
                          -EKEYREJECTED);
                CHECK_INT(verify_rs256(key, forge(&arena, TEXT(KEY_PUBLIC), heads[i], TEXT("{}"))),
                          -EKEYREJECTED);
        }
}

static void check_refused(const RunKey *key, Text token) {
        CHECK_INT(verify_hs256(TEXT(CAPTURED_SECRET), token), -EKEYREJECTED);
        CHECK_INT(verify_rs256(key, token), -EKEYREJECTED);
}

static void test_shapes(void) {
        static const char *const cases[] = {
                "",
                ".",
                "..",
                "...",
                "a",
                "a.b",
                "a.b.c",
                "a.b.c.d",
                "....",
                "eyJhbGciOiJIUzI1NiJ9",
                "eyJhbGciOiJIUzI1NiJ9.",
                "eyJhbGciOiJIUzI1NiJ9.e30",
                "eyJhbGciOiJIUzI1NiJ9.e30.",
                "eyJhbGciOiJub25lIn0.e30.",
                "eyJhbGciOiJub25lIn0.e30",
                CAPTURED_WORKER_TOKEN ".",
                "." CAPTURED_WORKER_TOKEN,
                CAPTURED_WORKER_TOKEN ".e30",
                CAPTURED_WORKER_TOKEN "=",
                CAPTURED_WORKER_TOKEN " ",
                " " CAPTURED_WORKER_TOKEN,
                CAPTURED_WORKER_TOKEN "\n",
                CAPTURED_WORKER_TOKEN "A",
                CAPTURED_RUN_TOKEN "=",
                CAPTURED_RUN_TOKEN "==",
                CAPTURED_RUN_TOKEN ".",
                CAPTURED_RUN_TOKEN "AAAA",
        };
        _cleanup_(run_key_freep) RunKey *key = public_key_of(TEXT(CAPTURED_PUBLIC));

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_refused(key, text_of(cases[i]));
        check_refused(key, TEXT_NULL);
}

/* No character can be left out, and none can be another one: an encoding says one thing only. */
static void test_each_character(Text token, int (*verify)(Text token)) {
        _cleanup_(freep) char *copy = xmalloc(token.length);

        CHECK_INT(verify(token), 0);
        for (size_t i = 0; i < token.length; i++) {
                static const char others[] = "AZaz09-_+/=. \n";

                memcpy(copy, token.data, token.length);
                for (size_t j = 0; j < sizeof others; j++) {
                        if (others[j] == token.data[i])
                                continue;
                        copy[i] = others[j];
                        CHECK_INT(verify(text_make(copy, token.length)), -EKEYREJECTED);
                }

                memcpy(copy, token.data, i);
                memcpy(copy + i, token.data + i + 1, token.length - i - 1);
                CHECK_INT(verify(text_make(copy, token.length - 1)), -EKEYREJECTED);
        }
}

static int verify_captured_worker(Text token) {
        return verify_hs256(TEXT(CAPTURED_SECRET), token);
}

static int verify_captured_run(Text token) {
        static RunKey *key;

        if (!key)
                key = public_key_of(TEXT(CAPTURED_PUBLIC));
        return verify_rs256(key, token);
}

static void test_size(void) {
        static const Text head = TEXT("{\"alg\":\"HS256\"}");
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        /* The claims that make a token of exactly the size that is still looked at. */
        size_t length = (JWT_MAX_LENGTH - (20 + 43 + 2)) * 3 / 4;
        char *claims = arena_alloc(&arena, length + 1);
        Text token;

        memset(claims, ' ', length + 1);
        claims[0] = '{';
        claims[length - 1] = '}';
        token = forge(&arena, secret, head, text_make(claims, length));
        CHECK_INT(token.length, JWT_MAX_LENGTH);
        CHECK_INT(verify_hs256(secret, token), 0);

        token = forge(&arena, secret, head, text_make(claims, length + 1));
        CHECK(token.length > JWT_MAX_LENGTH);
        CHECK_INT(verify_hs256(secret, token), -EKEYREJECTED);
}

static void check_public(const RunKey *key, const char *want) {
        _cleanup_(buffer_deinit) Buffer public = BUFFER_NULL;

        CHECK_INT(run_key_public(key, &public), 0);
        CHECK_TEXT(buffer_text(&public), want);
}

static void test_keys(void) {
        static const char *const refused[] = {
                "",         " ",       "x",       "not base64", "LS0tLS0",
                KEY_PUBLIC, KEY_SMALL, KEY_CURVE, KEY_LOCKED,   "-----BEGIN PRIVATE KEY-----",
        };
        static const char *const accepted[] = { KEY_PKCS1, KEY_PKCS8, KEY_PKCS8 "\n" };
        _cleanup_(buffer_deinit) Buffer public = BUFFER_NULL, pem = BUFFER_NULL;
        RunKey *none = NULL;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                CHECK_INT(run_key_new(text_of(refused[i]), &none), -EINVAL);
        CHECK_INT(run_key_new_public(TEXT(KEY_PKCS8), &none), -EINVAL);
        CHECK_INT(run_key_new_public(TEXT_NULL, &none), -EINVAL);
        CHECK(!none);

        buffer_append_string(&public, KEY_PUBLIC);
        while (public.data[public.length - 1] == '=')
                public.length--;
        for (size_t i = 0; i < ELEMENTSOF(accepted); i++) {
                _cleanup_(run_key_freep) RunKey *key = key_of(text_of(accepted[i]));

                check_public(key, buffer_string(&public));
        }

        CHECK_INT(base64_decode(TEXT(KEY_PKCS1), &pem), 0);
        _cleanup_(run_key_freep) RunKey *key = key_of(buffer_text(&pem));
        check_public(key, buffer_string(&public));
}

static void test_generate(void) {
        _cleanup_(buffer_deinit) Buffer public = BUFFER_NULL, token = BUFFER_NULL;
        _cleanup_(run_key_freep) RunKey *key = NULL, *other = key_of(TEXT(KEY_PKCS1)), *half = NULL;
        _cleanup_(secret_freep) Secret *private = NULL;

        CHECK_INT(run_key_generate(&private, &public), 0);
        CHECK(text_starts_with(secret_text(private), "LS0tLS1CRUdJTi") &&
              !text_ends_with(secret_text(private), "="));
        CHECK(!text_ends_with(buffer_text(&public), "="));
        CHECK_INT(run_key_new(secret_text(private), &key), 0);
        CHECK_INT(run_key_new_public(buffer_text(&public), &half), 0);
        check_public(key, buffer_string(&public));

        CHECK_INT(jwt_sign_rs256(key, TEXT("{}"), &token), 0);
        CHECK_INT(verify_rs256(half, buffer_text(&token)), 0);
        CHECK_INT(verify_rs256(other, buffer_text(&token)), -EKEYREJECTED);
}

int main(void) {
        crypto_start();
        test_captured_tokens();
        test_hs256();
        test_rs256();
        test_heads();
        test_claims();
        test_confusion();
        test_shapes();
        test_each_character(TEXT(CAPTURED_WORKER_TOKEN), verify_captured_worker);
        test_each_character(TEXT(CAPTURED_RUN_TOKEN), verify_captured_run);
        test_size();
        test_keys();
        test_generate();
        return 0;
}
