/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that is sealed, wherever it is stored: opened with any key of the vault, sealed anew with the primary
 * one.
 */

#include "crypto/vault.h"
#include "db/batch.h"

/* Adds the question for what comes after that row (NULL: the first), some hundred at a time: what the primary key
 * has not sealed, or with `everything` all of it. */
void reseal_list(Batch *batch, const Vault *vault, bool everything, const Uuid *after);

typedef struct Resealed {
        size_t n;               /* rows of the answer: 0, that was all */
        Uuid last;              /* where to go on */
        size_t n_unopened;
        /* The first that does not open, and why: -ENOKEY, sealed with another key; -EKEYREJECTED, damaged. */
        const char *table, *column;
        Uuid unopened;
        int error;
} Resealed;

/* Opens each of an answer and adds its update to `updates` (NULL: only opens). */
void reseal_rows(const Vault *vault, const Rows *rows, Batch *updates, Resealed *ret_resealed);
