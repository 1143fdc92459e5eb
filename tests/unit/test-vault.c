/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vault opens what it sealed, where it was sealed, and nothing else.
 */

#include <errno.h>

#include "check.h"
#include "crypto/vault.h"

/* base64 of 32 bytes: with padding, without, URL-safe. */
#define KEY_A TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
#define KEY_B TEXT("IB4fHR4cHRscGhsZGhgZFxgWFxUWFBUTFBITERIQERA")
#define KEY_C TEXT("____-___________________-_________________8\n")

static const VaultPlace place = { "credentials", "body", { { 1 } }, { { 2 } } };

static Vault *vault_of(Text key) {
        Vault *vault = NULL;

        CHECK_INT(vault_new(key, TEXT_NULL, &vault), 0);
        return vault;
}

static void test_round_trip(void) {
        static const Text plains[] = { TEXT(""), TEXT("x"), TEXT("a\0b"),
                                       TEXT("{\"password\":\"hunter2\"}") };
        _cleanup_(vault_freep) Vault *vault = vault_of(KEY_A);

        for (size_t i = 0; i < ELEMENTSOF(plains); i++) {
                _cleanup_(buffer_deinit) Buffer sealed = BUFFER_NULL, again = BUFFER_NULL;
                _cleanup_(secret_freep) Secret *plain = NULL;

                vault_seal(vault, &place, plains[i], &sealed);
                vault_seal(vault, &place, plains[i], &again);
                CHECK_INT(sealed.length, 1 + 8 + 24 + plains[i].length + 16);
                CHECK(sealed.data[0] == 1);
                CHECK(!text_equal(buffer_text(&sealed), buffer_text(&again)));  /* a nonce of its own */
                CHECK(plains[i].length < 2 ||
                      !memmem(sealed.data, sealed.length, plains[i].data, plains[i].length));

                CHECK_INT(vault_open(vault, &place, buffer_text(&sealed), &plain), 0);
                CHECK(text_equal(secret_text(plain), plains[i]));
                CHECK(vault_is_current(vault, buffer_text(&sealed)));
        }
}

static void test_damage(void) {
        _cleanup_(vault_freep) Vault *vault = vault_of(KEY_A);
        _cleanup_(buffer_deinit) Buffer sealed = BUFFER_NULL;
        Secret *plain = NULL;

        vault_seal(vault, &place, TEXT("the secret"), &sealed);

        for (size_t bit = 0; bit < sealed.length * 8; bit++) {
                int want = bit / 8 >= 1 && bit / 8 < 9 ? -ENOKEY : -EKEYREJECTED;

                sealed.data[bit / 8] ^= (char) (1 << bit % 8);
                CHECK_INT(vault_open(vault, &place, buffer_text(&sealed), &plain), want);
                sealed.data[bit / 8] ^= (char) (1 << bit % 8);
        }
        for (size_t length = 0; length < sealed.length; length++)
                CHECK_INT(vault_open(vault, &place, text_make(sealed.data, length), &plain), -EKEYREJECTED);

        buffer_append_byte(&sealed, 0);
        CHECK_INT(vault_open(vault, &place, buffer_text(&sealed), &plain), -EKEYREJECTED);
        CHECK(!plain);
}

static void test_moved(void) {
        static const VaultPlace elsewhere[] = {
                { "credential",   "body",    { { 1 } },    { { 2 } } },
                { "credentials",  "bodyx",   { { 1 } },    { { 2 } } },
                { "credentialsb", "ody",     { { 1 } },    { { 2 } } },
                { "body",         "credentials", { { 1 } }, { { 2 } } },
                { "credentials",  "body",    { { 1, 1 } }, { { 2 } } },
                { "credentials",  "body",    { { 1 } },    { { 3 } } },
                { "credentials",  "body",    { { 1 } },    {}        },
                { "credentials",  "body",    { { 2 } },    { { 1 } } },
        };
        _cleanup_(vault_freep) Vault *vault = vault_of(KEY_A);
        _cleanup_(buffer_deinit) Buffer sealed = BUFFER_NULL;
        Secret *plain = NULL;

        vault_seal(vault, &place, TEXT("the secret"), &sealed);
        for (size_t i = 0; i < ELEMENTSOF(elsewhere); i++)
                CHECK_INT(vault_open(vault, &elsewhere[i], buffer_text(&sealed), &plain), -EKEYREJECTED);
        CHECK(!plain);
}

static void test_old_keys(void) {
        _cleanup_(vault_freep) Vault *before = vault_of(KEY_A), *between = vault_of(KEY_B), *after = NULL,
                                     *stranger = vault_of(KEY_C);
        _cleanup_(buffer_deinit) Buffer others = BUFFER_NULL, head = BUFFER_NULL;
        _cleanup_(buffer_deinit) Buffer sealed = BUFFER_NULL, new = BUFFER_NULL;
        _cleanup_(secret_freep) Secret *plain = NULL;
        Secret *none = NULL;

        vault_seal(before, &place, TEXT("the secret"), &sealed);
        CHECK_INT(vault_open(between, &place, buffer_text(&sealed), &none), -ENOKEY);

        /* The primary one may be among the others. */
        buffer_append_text(&others, KEY_A);
        buffer_append_byte(&others, '\n');
        buffer_append_text(&others, KEY_B);
        buffer_append_byte(&others, '\n');
        buffer_append_text(&others, KEY_C);
        CHECK_INT(vault_new(KEY_B, buffer_text(&others), &after), 0);
        CHECK_INT(vault_open(after, &place, buffer_text(&sealed), &plain), 0);
        CHECK_TEXT(secret_text(plain), "the secret");
        CHECK(!vault_is_current(after, buffer_text(&sealed)));

        /* What is sealed from now on is sealed with the new one. */
        vault_seal(after, &place, TEXT("the secret"), &new);
        CHECK(vault_is_current(after, buffer_text(&new)));
        vault_head(after, &head);
        CHECK(text_equal(text_make(new.data, head.length), buffer_text(&head)));
        CHECK(!text_equal(text_make(sealed.data, head.length), buffer_text(&head)));
        CHECK_INT(vault_open(before, &place, buffer_text(&new), &none), -ENOKEY);
        CHECK_INT(vault_open(stranger, &place, buffer_text(&new), &none), -ENOKEY);
        CHECK(!none && !vault_is_current(after, TEXT("")));
}

static void test_bad_keys(void) {
        static const Text keys[] = {
                TEXT(""),
                TEXT("x"),
                TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="),
                TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"),
                TEXT("not base64, but forty-four characters long!!"),
        };
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                Vault *vault = NULL;

                CHECK_INT(vault_new(keys[i], TEXT_NULL, &vault), -EINVAL);
                CHECK(!vault);
                CHECK_INT(vault_new(KEY_A, keys[i], &vault), -EINVAL);
                CHECK(!vault);
        }
}

int main(void) {
        crypto_start();
        test_round_trip();
        test_damage();
        test_moved();
        test_old_keys();
        test_bad_keys();
        return 0;
}
