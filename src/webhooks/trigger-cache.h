/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Triggers that were looked up, kept as long as the bell "triggers" has not rung. While nobody listens to the
 * bell each look-up goes to the database. What the cache says decides what a caller is told first; whether a
 * webhook is stored is decided once more by the statement that stores it.
 */

#include "db/bell.h"
#include "db/pool.h"
#include "domain/trigger.h"
#include "settings/settings.h"

typedef struct TriggerCache TriggerCache;

typedef struct TriggerCacheConfig {
        const Settings *settings;       /* borrowed: may change */
        const Vault *vault;             /* borrowed */
        const Bell *bell;               /* borrowed; NULL: nothing is kept */
} TriggerCacheConfig;

TriggerCache *trigger_cache_new(Loop *loop, Pool *pool, const TriggerCacheConfig *config);
TriggerCache *trigger_cache_free(TriggerCache *cache);  /* once nobody waits */
DEFINE_CLEANUP(TriggerCache, trigger_cache_free);

enum {
        _TRIGGER_E_SUCCESS,
        TRIGGER_E_UNKNOWN,      /* not in the cache: ask */
};

/* 0 and the trigger (borrowed: take a reference to keep it), -ENOENT when there is none,
 * TRIGGER_E_UNKNOWN. */
int trigger_cache_get(TriggerCache *cache, const TriggerAddress *address, Trigger **ret_trigger);

/* Asks the database. Those who ask for the same thing at the same time share one question; retries as
 * settings say. */
typedef struct TriggerWait TriggerWait;
struct TriggerWait {
        /* Once, from the loop, never inside trigger_cache_ask(): 0 and the trigger (borrowed), -ENOENT,
         * -EHOSTDOWN (the database was away for too long), -ECANCELED, or another error of the database. */
        void (*done)(TriggerWait *wait, int r, Trigger *trigger);
        List link;
};

void trigger_cache_ask(TriggerCache *cache, const TriggerAddress *address, TriggerWait *wait);

/* What was known of this trigger is wrong: the next one asks afresh. */
void trigger_cache_forget(TriggerCache *cache, const TriggerAddress *address);
/* Of the bell: everything may have changed. */
void trigger_cache_flush(TriggerCache *cache);
/* The program ends: who waits for the next try hears -ECANCELED. */
void trigger_cache_stop(TriggerCache *cache);
