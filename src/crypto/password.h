/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passwords (Argon2id; imported bcrypt hashes are read, never written) and digests of tokens.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/buffer.h"
#include "basic/text.h"

#define PASSWORD_HASH_SIZE 128
#define DIGEST_SIZE 32

/* About 100 ms and 64 MiB, both of them: offload them in daemons. -ENOMEM. */
int password_hash(Text password, char hash[static PASSWORD_HASH_SIZE]);
/* `hash` NULL (nobody of that name) matches nothing and takes as long, so that names cannot be guessed by
 * the clock. */
bool password_matches(Text password, const char *hash);
/* A hash of another kind or strength than password_hash() makes: to be replaced at the next good login. */
bool password_is_stale(const char *hash);

/* SHA-256: API tokens are stored as this. */
void digest_sha256(Text text, uint8_t digest[static DIGEST_SIZE]);
/* BLAKE2b under a key of 16 to 64 bytes: who has the digest learns nothing of the key. */
void digest_keyed(Text key, Text text, uint8_t digest[static DIGEST_SIZE]);
/* SHA-1 in base64 for the WebSocket handshake only. */
#define WEBSOCKET_ACCEPT_SIZE 29        /* base64 and its NUL */
void digest_websocket_accept(Text key, char accept[static WEBSOCKET_ACCEPT_SIZE]);

/* -- base64: the functions append ------------------------------------------------------------------ */

/* Standard alphabet with padding. */
void base64_append(Buffer *buffer, Text data);
/* Standard or URL-safe alphabet, padding optional, no white space. -EINVAL otherwise. */
int base64_decode(Text text, Buffer *data);
void base64url_append(Buffer *buffer, Text data);       /* no padding */
