/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions: who holds the secret is logged in as its user, until the row goes. The table has the secret's SHA-256.
 *
 * The database itself ends all sessions of a user who is disabled or gets another password.
 */

#include "crypto/secret.h"
#include "db/batch.h"

#define SESSION_SECRET_SIZE 32
#define SESSION_DAYS 60

typedef struct NewSession {
        Uuid user_id;
        Text secret;
        Text checked_hash;              /* of the password that was given */
        bool remembered;                /* the browser keeps it when it is closed */
} NewSession;

/* One row (id) if it is made: not when the user was disabled meanwhile or has another password. */
size_t session_insert(Batch *batch, const NewSession *session);
/* One row: remembered. None: it has ended. */
size_t session_is_remembered(Batch *batch, const Uuid *id);
/* Whose is it? For token_owner_read(). */
void session_find_user(Batch *batch, Text secret);
void session_delete(Batch *batch, Text secret);

/* What a page of ours has to show beside the cookie, in base64; who has it cannot make the secret of it. */
#define SESSION_CSRF_SIZE 44
void session_csrf_token(Text secret, char token[static SESSION_CSRF_SIZE]);
