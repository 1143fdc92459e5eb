/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * People with an account.
 */

#include "db/batch.h"
#include "json/writer.h"

typedef struct User {
        Uuid id;
        Text email, first_name, last_name, role;
        Text hashed_password;           /* TEXT_NULL: has none */
        bool mfa_enabled;
        bool disabled;                  /* or about to go */
} User;

/* The e-mail in any case. */
size_t user_find(Batch *batch, Text email);
size_t user_get(Batch *batch, const Uuid *id);
/* -ENOENT: nobody. Texts are copied to the arena, with a NUL behind. */
int user_read(const Rows *rows, Arena *arena, User *ret_user);

/* What the transaction does is done by the user: for the audit log. */
void user_acts(Batch *batch, const Uuid *id);

#define PASSWORD_MIN 12                 /* characters */
#define PASSWORD_MAX 72                 /* bytes, as the original's hash has them */
/* NULL, or what is wrong with it as a new password. */
const char *user_password_problem(Text password);
/* Ends all sessions. One row (id) if `before` is still there. */
size_t user_password_store(Batch *batch, const Uuid *id, Text before, Text after);
/* The same password under another hash, if `before` is still there. */
void user_rehash(Batch *batch, const Uuid *id, Text before, Text after);

/* What people may know of themselves. */
void user_write(JsonWriter *w, const char *key, const User *user);
