/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Personal access tokens ("API tokens"): JWTs signed with the run token key, claims jti, iss, sub, iat
 * (http-api 0.6). The table holds their SHA-256 only; as RS256 is deterministic, who holds the key can print
 * a token again from its row (kickstart does).
 */

#include "basic/arena.h"
#include "crypto/jwt.h"
#include "crypto/password.h"
#include "db/batch.h"

typedef struct Token {
        Uuid id;                /* jti */
        Uuid user_id;
        uint64_t made_usec;     /* iat, cut to whole seconds */
} Token;

/* The JWT of that row, in the arena. -EIO when signing fails. */
int token_sign(const RunKey *key, const Token *token, Arena *arena, Text *ret_jwt);

/* Stores a token (its hash). */
void token_insert(Batch *batch, const Token *token, Text jwt);

#define TOKENS_MAX 100
/* The same by its owner: one row (id), none when there are TOKENS_MAX already. */
size_t token_add(Batch *batch, const Token *token, Text jwt);
/* Rows: id, inserted_at, last_used_at; newest first. */
size_t token_list(Batch *batch, const Uuid *user_id);
/* One row (id), none when it is not there or not theirs. */
size_t token_delete(Batch *batch, const Uuid *user_id, const Uuid *id);

/* What a caller presented as a bearer token: signature, issuer, "user:" subject, iat not in the future
 * (now_usec + 60 s). -EKEYREJECTED otherwise. The row must be looked up by its hash as well: deleting it
 * revokes the token. */
int token_read(const RunKey *key, Text jwt, uint64_t now_usec, Arena *arena, Uuid *ret_user_id);

/* A run's token (worker-channel 2.2), as its worker got it with the claim. */
typedef struct RunToken {
        Uuid run_id, project_id, nonce; /* the latter two UUID_NULL in a token of somebody else: no claim is theirs */
} RunToken;

/* Signature, issuer, subject and time. -EKEYREJECTED otherwise. Whether the claim still holds is the database's to say:
 * token_find_run(), no row if not. */
int token_read_run(const RunKey *key, Text jwt, uint64_t now_usec, Arena *arena, RunToken *ret_token);
void token_find_run(Batch *batch, const RunToken *token);

/* Whose token is it? Adds one statement that writes when the token was last used, harmless when sent twice;
 * without a row it is unknown or revoked, or its user is disabled. */
void token_find_user(Batch *batch, Text jwt);

/* Whose it is: a user's, or a run's. */
typedef struct TokenOwner {
        Uuid user_id;
        Uuid run_id, project_id;        /* UUID_NULL: a user's */
        Uuid session_id;                /* UUID_NULL: asks with a token */
        bool superuser;
} TokenOwner;

/* Of either. -ENOENT: nobody's. */
int token_owner_read(const Rows *rows, TokenOwner *ret_owner);
