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

/* The same password under another hash, if `before` is still there. */
void user_rehash(Batch *batch, const Uuid *id, Text before, Text after);

/* What people may know of themselves. */
void user_write(JsonWriter *w, const char *key, const User *user);
