/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials as a worker gets them: found, opened, and written down for the scrubber.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "crypto/vault.h"
#include "db/batch.h"
#include "domain/run.h"

/* The credential (or the one a keychain picks) for a run: noted as fetched by the same statement, so that
 * no reply can overtake that note. */
void credential_fetch(Batch *batch, const Run *run, const Uuid *credential_id);

typedef enum CredentialState {
        CREDENTIAL_FOUND,
        CREDENTIAL_NONE,                /* a keychain without match and default: the job gets nothing */
        CREDENTIAL_UNKNOWN,             /* not there, or no longer shared with the project */
        CREDENTIAL_RUN_ENDED,
        CREDENTIAL_NO_ENVIRONMENT,      /* the project has none */
        CREDENTIAL_OTHER_ENVIRONMENT,   /* no body for the project's */
} CredentialState;

typedef struct FetchedCredential {
        CredentialState state;
        Text name, environment;         /* of the project; for messages */
        Uuid body_id;
        Text sealed;
} FetchedCredential;

/* The texts point into rows. */
void credential_read_fetched(const Rows *rows, FetchedCredential *ret_fetched);

/* The JSON object of the body. -EKEYREJECTED, -ENOKEY: see crypto/vault.h; -EBADMSG: it is not a JSON
 * object. */
int credential_open(const Vault *vault, const Uuid *body_id, Text sealed, Secret **ret_body);
/* The sealed place of a body. */
VaultPlace credential_place(const Uuid *body_id);
/* Appends the body as workers get it: top-level entries that are empty strings are left out. */
void credential_write(Text body, Buffer *json);

/* Every body the run's worker may have seen, columns `id`, `body`: what was noted or, once the run has
 * ended and the note is gone, all bodies of the snapshot's credentials (n ids). */
void credential_ask_fetched(Batch *batch, const Run *run, const Uuid *credential_ids,
                            size_t n_credential_ids);
