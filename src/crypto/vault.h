/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secrets at rest: XChaCha20-Poly1305 under the primary key, bound to the place they are stored in, so
 * that a ciphertext moved to another row, column or project does not open.
 *
 * Envelope: version byte 1 | key id (8 bytes: BLAKE2b of the key) | nonce (24) | ciphertext and tag.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/buffer.h"
#include "basic/text.h"
#include "basic/uuid.h"
#include "crypto/secret.h"

typedef struct Vault Vault;

#define VAULT_KEY_SIZE 32

/* Where a secret lives: additional data of its seal. */
typedef struct VaultPlace {
        const char *table;
        const char *column;
        Uuid row;
        Uuid project;           /* UUID_NULL for what belongs to no project */
} VaultPlace;

/* `key`: base64 (any padding) of 32 bytes, -EINVAL otherwise; it seals. `others`, one a line (TEXT_NULL: none), open
 * what they have sealed (fulgur.primary-key.old). */
int vault_new(Text key, Text others, Vault **ret_vault);
/* Sealed with the primary key? What is not belongs to the rotation command. */
bool vault_is_current(const Vault *vault, Text sealed);
Vault *vault_free(Vault *vault);
DEFINE_CLEANUP(Vault, vault_free);

/* Appends what every envelope of the primary key begins with. */
void vault_head(const Vault *vault, Buffer *head);
/* Appends the envelope. A new place for envelopes belongs into domain/reseal.sql, too. */
void vault_seal(const Vault *vault, const VaultPlace *place, Text plain, Buffer *sealed);
/* -EKEYREJECTED: not ours, damaged or moved; -ENOKEY: sealed with a key we do not have. */
int vault_open(const Vault *vault, const VaultPlace *place, Text sealed, Secret **ret_plain);
