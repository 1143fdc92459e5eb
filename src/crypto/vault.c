/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vault: seals with the primary key, opens with it or a retired one.
 */

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "crypto/vault.h"

#define VERSION 1
#define ID_SIZE 8U
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_SIZE (1 + ID_SIZE + NONCE_SIZE)

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == VAULT_KEY_SIZE, "one key, one size");

typedef struct VaultKey {
        uint8_t id[ID_SIZE];
        Secret *key;
} VaultKey;

struct Vault {
        VaultKey *keys;         /* the primary one first */
        size_t n_keys;
};

static int vault_add(Vault *vault, Text text) {
        _cleanup_(secret_freep) Secret *key = NULL;
        uint8_t id[crypto_generichash_BYTES_MIN];
        int r;

        r = secret_from_base64(text_trim(text), &key);
        if (r < 0)
                return r;
        if (key->length != VAULT_KEY_SIZE)
                return -EINVAL;

        crypto_generichash(id, sizeof id, (const uint8_t *) key->data, key->length, NULL, 0);

        vault->keys = xrealloc(vault->keys, (vault->n_keys + 1) * sizeof *vault->keys);
        memcpy(vault->keys[vault->n_keys].id, id, ID_SIZE);
        vault->keys[vault->n_keys++].key = TAKE_PTR(key);
        return 0;
}

int vault_new(Text key, Text others, Vault **ret_vault) {
        _cleanup_(vault_freep) Vault *vault = xnew(Vault, 1);
        Text line;
        int r;

        r = vault_add(vault, key);
        others = text_trim(others);
        while (r >= 0 && text_split(&others, '\n', &line))
                r = vault_add(vault, line);
        if (r < 0)
                return r;

        *ret_vault = TAKE_PTR(vault);
        return 0;
}

Vault *vault_free(Vault *vault) {
        if (!vault)
                return NULL;

        for (size_t i = 0; i < vault->n_keys; i++)
                secret_free(vault->keys[i].key);
        free(vault->keys);
        free(vault);
        return NULL;
}

/* What the tag covers beside the secret. Each name ends in its NUL, so no two places read the same. */
static void describe_place(const VaultPlace *place, Buffer *data) {
        buffer_append_byte(data, VERSION);
        buffer_append(data, place->table, strlen(place->table) + 1);
        buffer_append(data, place->column, strlen(place->column) + 1);
        buffer_append(data, place->row.bytes, sizeof place->row.bytes);
        buffer_append(data, place->project.bytes, sizeof place->project.bytes);
}

void vault_head(const Vault *vault, Buffer *head) {
        buffer_append_byte(head, VERSION);
        buffer_append(head, vault->keys[0].id, ID_SIZE);
}

void vault_seal(const Vault *vault, const VaultPlace *place, Text plain, Buffer *sealed) {
        _cleanup_(buffer_deinit) Buffer data = BUFFER_NULL;
        const VaultKey *primary = &vault->keys[0];
        uint8_t nonce[NONCE_SIZE];

        describe_place(place, &data);
        randombytes_buf(nonce, sizeof nonce);

        buffer_reserve(sealed, HEAD_SIZE + plain.length + TAG_SIZE);
        vault_head(vault, sealed);
        buffer_append(sealed, nonce, sizeof nonce);
        crypto_aead_xchacha20poly1305_ietf_encrypt(
                (uint8_t *) sealed->data + sealed->length, NULL, (const uint8_t *) plain.data, plain.length,
                (const uint8_t *) data.data, data.length, NULL, nonce, (const uint8_t *) primary->key->data);
        sealed->length += plain.length + TAG_SIZE;
}

static bool is_envelope(Text sealed) {
        return sealed.length >= HEAD_SIZE + TAG_SIZE && sealed.data[0] == VERSION;
}

static const VaultKey *find_key(const Vault *vault, Text sealed) {
        for (size_t i = 0; i < vault->n_keys; i++)
                if (memcmp(vault->keys[i].id, sealed.data + 1, ID_SIZE) == 0)
                        return &vault->keys[i];
        return NULL;
}

bool vault_is_current(const Vault *vault, Text sealed) {
        return is_envelope(sealed) && find_key(vault, sealed) == &vault->keys[0];
}

int vault_open(const Vault *vault, const VaultPlace *place, Text sealed, Secret **ret_plain) {
        _cleanup_(buffer_deinit) Buffer data = BUFFER_NULL;
        _cleanup_(secret_freep) Secret *plain = NULL;
        const VaultKey *key;

        if (!is_envelope(sealed))
                return -EKEYREJECTED;
        key = find_key(vault, sealed);
        if (!key)
                return -ENOKEY;

        describe_place(place, &data);
        plain = secret_new(NULL, sealed.length - HEAD_SIZE - TAG_SIZE);
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(
                    (uint8_t *) plain->data, NULL, NULL, (const uint8_t *) sealed.data + HEAD_SIZE,
                    sealed.length - HEAD_SIZE, (const uint8_t *) data.data, data.length,
                    (const uint8_t *) sealed.data + 1 + ID_SIZE, (const uint8_t *) key->key->data) < 0)
                return -EKEYREJECTED;

        *ret_plain = TAKE_PTR(plain);
        return 0;
}
