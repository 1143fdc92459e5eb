/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON Web Tokens. The algorithm belongs to the key, not to the token: a token whose header names another
 * one is refused before anything else is looked at.
 *
 * HS256 (worker tokens) by libsodium, RS256 (run tokens, API tokens) by libcrypto's EVP.
 * Protocol: worker-channel 2.1, 2.2; http-api 0.6.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"
#include "crypto/secret.h"

#define JWT_MAX_LENGTH 8192

typedef struct RunKey RunKey;           /* an RSA key pair (WORKER_RUNS_PRIVATE_KEY) */

/* base64 (padding optional) of a PEM, or the PEM itself; PKCS#1 or PKCS#8. -EINVAL: not an RSA key of at
 * least 2048 bits. */
int run_key_new(Text key, RunKey **ret_key);
/* The public half alone, in the same forms (BEGIN PUBLIC KEY): verifies, does not sign. */
int run_key_new_public(Text key, RunKey **ret_key);
RunKey *run_key_free(RunKey *key);
DEFINE_CLEANUP(RunKey, run_key_free);
/* New RSA-2048 key pair, as base64 without padding of the PEMs (PKCS#8); the public one is appended. -EIO:
 * no randomness. */
int run_key_generate(Secret **ret_private, Buffer *ret_public);
/* Appends base64 (no padding) of the public PEM that belongs to the key. */
int run_key_public(const RunKey *key, Buffer *ret_public);

/* Appends the signed token; `claims` is a JSON object. Costs about 0.3 ms: thread-safe, so it may be
 * offloaded. -ENOKEY for a public key; nothing is appended then. */
int jwt_sign_rs256(const RunKey *key, Text claims, Buffer *token);
void jwt_sign_hs256(Text secret, Text claims, Buffer *token);

/* 0 and the claims (checked JSON object, in the arena); -EKEYREJECTED for any token that is not good, and
 * for all of them under an empty secret. Times and names in the claims are the caller's to check. */
int jwt_verify_rs256(const RunKey *key, Text token, Arena *arena, Text *ret_claims);
int jwt_verify_hs256(Text secret, Text token, Arena *arena, Text *ret_claims);
