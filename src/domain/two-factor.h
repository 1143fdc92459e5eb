/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Second factors: six digits from an app, or a backup code, each good once.
 *
 * Logging in has two steps then: the password begins it, with a secret for the browser that is good for five minutes and
 * for nothing but the second step, which makes a session of it.
 */

#include "crypto/vault.h"
#include "db/batch.h"
#include "domain/session.h"

#define TWO_FACTOR_SECONDS (5 * 60)
#define BACKUP_CODES 10
#define BACKUP_CODE_SIZE 20             /* "abcd-efgh-ijkl-mnop" and its NUL */

/* -- logging in -- */

/* As session_insert(). */
size_t two_factor_begin(Batch *batch, const NewSession *session);
/* Two statements: whose it is, for user_read(), and the secret, for totp_read(). Returns the first's number. */
size_t two_factor_find(Batch *batch, Text begun_secret);

typedef struct TwoFactorPass {
        Uuid user_id;
        Text begun_secret, session_secret;
        uint64_t step;                  /* of the code; 0: a backup code */
        Text backup_code;               /* as it was given */
} TwoFactorPass;

/* One row (remembered) if what was begun is a session now: the code is right, was not used, and nothing has changed.
 * Returns the statement's number. */
size_t two_factor_pass(Batch *batch, const TwoFactorPass *pass);

/* -- the secret -- */

typedef struct Totp {
        Uuid id;
        Text sealed;
        int64_t last_step;
        bool confirmed;
} Totp;

/* -ENOENT: there is none. */
int totp_read(const Rows *rows, Arena *arena, Totp *ret_totp);
/* Is it a code of now that has not been used? 0 and its step; -EKEYREJECTED; or as vault_open(). */
int totp_check_code(const Totp *totp, const Vault *vault, Text code, uint64_t now_usec, uint64_t *ret_step);

/* -- one's own -- */

size_t two_factor_state(Batch *batch, const Uuid *user_id);    /* one row: mfa_enabled, n_backup_codes */
/* One row (id): it waits to be confirmed. None: one is in use. */
size_t two_factor_store_secret(Batch *batch, const Vault *vault, const Uuid *user_id, Text secret);
size_t two_factor_own_secret(Batch *batch, const Uuid *user_id);       /* for totp_read() */
/* One row: from now on it is asked for. */
size_t two_factor_confirm(Batch *batch, const Uuid *user_id, const Uuid *totp_id, uint64_t step);
/* New ones instead of all others. A row for each; none if the user has no second factor. */
size_t two_factor_store_backup_codes(Batch *batch, const Uuid *user_id, char codes[][BACKUP_CODE_SIZE]);
void two_factor_end(Batch *batch, const Uuid *user_id);

void backup_codes_make(char codes[static BACKUP_CODES][BACKUP_CODE_SIZE]);
