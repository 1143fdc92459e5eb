/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Passwords: ours are Argon2id, imported ones bcrypt. Few cases, because each hash costs what it should.
 */

#include "check.h"
#include "crypto/password.h"
#include "crypto/secret.h"

static void test_argon2(void) {
        char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];

        CHECK_INT(password_hash(TEXT("correct horse"), hash), 0);
        CHECK_INT(password_hash(TEXT("correct horse"), other), 0);
        CHECK(text_starts_with(text_of(hash), "$argon2id$"));
        CHECK(strcmp(hash, other) != 0);

        CHECK(password_matches(TEXT("correct horse"), hash));
        CHECK(!password_matches(TEXT("correct horsE"), hash));
        CHECK(!password_matches(TEXT("correct horse\0"), hash));
        CHECK(!password_matches(TEXT(""), hash));
        CHECK(!password_is_stale(hash));

        CHECK_INT(password_hash(TEXT_NULL, hash), 0);
        CHECK(password_matches(TEXT(""), hash));
}

static void test_bcrypt(void) {
        static const struct {
                const char *password, *hash;
        } cases[] = {
                /* Known answers of the algorithm's reference. */
                { "U*U",           "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
                { "U*U*",          "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK" },
                { "correct horse", "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e" },
                { "correct horse", "$2y$04$QbcdefghijklmnopqrstuO5kFfJmz73T3yMKgxRUI3R9CSJ5xuh1e" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char with_nul[32] = "";

                strcpy(with_nul, cases[i].password);
                CHECK(password_matches(text_of(cases[i].password), cases[i].hash));
                CHECK(!password_matches(text_make(with_nul, strlen(with_nul) + 1), cases[i].hash));
                CHECK(!password_matches(text_make(with_nul, strlen(with_nul) - 1), cases[i].hash));
                CHECK(!password_matches(TEXT(""), cases[i].hash));
                CHECK(password_is_stale(cases[i].hash));
        }
}

static void test_not_a_hash(void) {
        static const char *const hashes[] = {
                "",
                "x",
                "*",
                "*0",
                "$2",
                "$2b$",
                "$2b$04$",
                "$2b$99$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde",
                "$argon2id$",
                "$argon2id$v=19$m=65536,t=2,p=1$$",
                "$1$salt$hash",
                "correct horse",
        };

        for (size_t i = 0; i < ELEMENTSOF(hashes); i++) {
                CHECK(!password_matches(TEXT("correct horse"), hashes[i]));
                CHECK(!password_matches(TEXT(""), hashes[i]));
                CHECK(!password_matches(TEXT("*0"), hashes[i]));
        }
        CHECK(!password_matches(TEXT("correct horse"), NULL));
        CHECK(!password_matches(TEXT(""), NULL));
}

int main(void) {
        crypto_start();
        test_argon2();
        test_bcrypt();
        test_not_a_hash();
        return 0;
}
