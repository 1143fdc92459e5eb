/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of fulgur-webhooks share.
 */

#include "crypto/vault.h"
#include "serve/route.h"
#include "serve/service.h"
#include "webhooks/group-commit.h"
#include "webhooks/run-wait.h"
#include "webhooks/trigger-cache.h"

/* What may be held in memory at once, from a request's arrival to its answer. Beyond, callers are told to
 * come again: by then they wait for the database for many seconds already. */
#define WEBHOOKS_MAX_HELD 10000
#define WEBHOOKS_MAX_BYTES (64 * 1024 * 1024)

typedef struct Webhooks {
        Service *service;
        Vault *vault;
        TriggerCache *triggers;
        GroupCommit *commit;
        RunWaits *runs;
        size_t n_held, n_bytes;
        size_t n_refused;               /* 503, since the journal was told */
        uint64_t told_usec;             /* monotonic */
} Webhooks;

static inline Webhooks *webhooks_of(const Call *call) {
        return call->service->state;
}

/* receive.c */
extern const Route webhook_routes[];

/* refuse.c: answers for those who come at a bad time; each returns CALL_DONE. */
int refuse_lookup(Call *call);          /* the trigger could not be looked up */
int refuse_storing(Call *call);         /* the webhook could not be stored, or there is no room for it */
int refuse_message(Call *call, unsigned status, const char *error, const char *message);
