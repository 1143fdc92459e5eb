/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An entry is known (a trigger, or that there is none) or asked for (a query is under way and somebody waits
 * for it). Entries stand in buckets under their key, and known ones in one of two lists by last use:
 * triggers, and addresses without one, which anybody can invent and therefore only push each other out.
 *
 * The key is the first segment of the path, with the second one behind it where that can make a difference.
 */

#include <assert.h>
#include <errno.h>

#include "basic/clock.h"
#include "log/log.h"
#include "webhooks/retry.h"
#include "webhooks/trigger-cache.h"

#define N_BUCKETS 4096                  /* a power of two */
#define MAX_FOUND 4096
#define MAX_MISSING 1024

typedef struct Entry {
        TriggerCache *cache;
        List bucket;                    /* empty: nobody finds it any more */
        List use;
        char *key;
        size_t key_length;

        bool is_known;
        Trigger *trigger;               /* known, and NULL: there is none */

        /* asked for */
        TriggerAddress address;         /* in the key and `path` */
        List waits;
        Arena arena;
        unsigned n_tries;
        uint64_t due_usec;              /* monotonic */
        Timer again;
} Entry;

struct TriggerCache {
        Loop *loop;
        Pool *pool;
        TriggerCacheConfig config;
        List buckets[N_BUCKETS];
        List found, missing;            /* known ones, the latest used last */
        List asked;
        size_t n_found, n_missing;
        uint64_t seed;
        bool stopping;
};

typedef struct Key {
        char data[UUID_TEXT_LENGTH + 1 + TRIGGER_PATH_MAX];
        size_t length;
} Key;

/* -- keys --------------------------------------------------------------------------------------------- */

static void key_append(Key *key, Text text) {
        memcpy(key->data + key->length, text.data, text.length);
        key->length += text.length;
}

/* Both parts are of limited length: trigger_address_read(). */
static Key key_of(const TriggerAddress *address, bool with_path) {
        Key key;
        char id[UUID_STRING_SIZE];

        key.length = 0;
        if (uuid_is_null(&address->first_id)) {
                key_append(&key, address->bare_path);
                return key;
        }

        key_append(&key, text_make(uuid_format(&address->first_id, id), UUID_TEXT_LENGTH));
        if (with_path && address->custom_path.data) {
                key_append(&key, TEXT("/"));
                key_append(&key, address->custom_path);
        }
        return key;
}

/* Keyed at random: who invents addresses does not choose the bucket. */
static List *bucket_of(TriggerCache *cache, const Key *key) {
        uint64_t h = cache->seed;

        for (size_t i = 0; i < key->length; i++)
                h = (h ^ (uint8_t) key->data[i]) * 0x100000001b3ULL;
        h ^= h >> 32;
        h *= cache->seed | 1;
        return &cache->buckets[(h >> 40) % N_BUCKETS];
}

static Entry *find(TriggerCache *cache, const Key *key) {
        list_for_each(link, bucket_of(cache, key)) {
                Entry *entry = list_entry(link, Entry, bucket);

                if (entry->key_length == key->length && memcmp(entry->key, key->data, key->length) == 0)
                        return entry;
        }
        return NULL;
}

/* -- entries ------------------------------------------------------------------------------------------ */

static void on_again(Timer *timer);

static Entry *entry_free(Entry *entry) {
        if (!entry)
                return NULL;

        list_unlink(&entry->bucket);
        list_unlink(&entry->use);
        if (entry->is_known)
                (*(entry->trigger ? &entry->cache->n_found : &entry->cache->n_missing))--;
        timer_stop(&entry->again);
        (void) trigger_unref(entry->trigger);
        arena_deinit(&entry->arena);
        free(entry->key);
        free(entry);
        return NULL;
}

static void set_key(Entry *entry, const Key *key) {
        free(entry->key);
        entry->key = xstrndup(key->data, key->length);
        entry->key_length = key->length;
        list_unlink(&entry->bucket);
        list_append(bucket_of(entry->cache, key), &entry->bucket);
}

static Entry *entry_new(TriggerCache *cache, const TriggerAddress *address) {
        Entry *entry = xnew(Entry, 1);
        Key key = key_of(address, true);

        entry->cache = cache;
        list_init(&entry->bucket);
        list_init(&entry->use);
        list_init(&entry->waits);
        timer_init(&entry->again, cache->loop, on_again);
        set_key(entry, &key);
        list_append(&cache->asked, &entry->use);

        entry->address = *address;
        entry->address.custom_path = arena_text(&entry->arena, address->custom_path);
        entry->address.bare_path = arena_text(&entry->arena, address->bare_path);
        entry->due_usec = clock_monotonic_usec() + retry_patience_usec(cache->config.settings);
        return entry;
}

static bool may_keep(const TriggerCache *cache) {
        return cache->config.bell && bell_is_listening(cache->config.bell);
}

/* Found by its id with no project of the same one: what follows in the path makes no difference. */
static void shorten_key(Entry *entry) {
        Key key = key_of(&entry->address, false);
        Entry *twin = find(entry->cache, &key);

        if (twin && twin != entry && twin->is_known)
                (void) entry_free(twin);
        set_key(entry, &key);
}

static void keep(Entry *entry, Trigger *trigger) {
        TriggerCache *cache = entry->cache;
        List *list = trigger ? &cache->found : &cache->missing;
        size_t *n = trigger ? &cache->n_found : &cache->n_missing;

        if (trigger && trigger->any_rest)
                shorten_key(entry);

        entry->is_known = true;
        entry->trigger = trigger ? trigger_ref(trigger) : NULL;
        list_unlink(&entry->use);
        list_append(list, &entry->use);
        if (++*n > (trigger ? MAX_FOUND : MAX_MISSING))
                (void) entry_free(list_entry(list->next, Entry, use));
}

/* -- asking ------------------------------------------------------------------------------------------- */

static void tell_all(Entry *entry, int r, Trigger *trigger) {
        List *link;

        while ((link = list_pop(&entry->waits))) {
                TriggerWait *wait = list_entry(link, TriggerWait, link);

                wait->done(wait, r, trigger);
        }
}

static void on_asked(void *userdata, BatchResult *result);

static void ask(Entry *entry) {
        Batch *batch = batch_new(&entry->arena, BATCH_READ);

        entry->n_tries++;
        trigger_find(batch, &entry->address);
        pool_submit(entry->cache->pool, batch, on_asked, entry);
}

static void on_again(Timer *timer) {
        ask(container_of(timer, Entry, again));
}

/* Its look-up began before the bell rang if nobody finds it any more: good for those who wait, not to be
 * kept. */
static void answer(Entry *entry, int r, Trigger *trigger) {
        bool is_current = !list_is_empty(&entry->bucket);

        tell_all(entry, r, trigger);
        if (is_current && may_keep(entry->cache) && (r == 0 || r == -ENOENT))
                keep(entry, trigger);
        else
                (void) entry_free(entry);
}

static void try_later(Entry *entry) {
        TriggerCache *cache = entry->cache;
        uint64_t delay;

        if (cache->stopping)
                answer(entry, -ECANCELED, NULL);
        else if (!retry_delay(cache->config.settings, entry->n_tries, &delay) ||
                 clock_monotonic_usec() + delay > entry->due_usec)
                answer(entry, -EHOSTDOWN, NULL);
        else
                timer_start(&entry->again, delay);
}

static void on_asked(void *userdata, BatchResult *result) {
        _cleanup_(trigger_unrefp) Trigger *trigger = NULL;
        Entry *entry = userdata;
        int r = result->error;

        if (!entry->cache) {
                (void) entry_free(entry);
                return;
        }
        if (retry_may_help(r))
                return try_later(entry);

        if (r < 0 && r != -ECANCELED)
                (void) log_error_errno(r, "Failed to look up a webhook's trigger: %s",
                                       result->message ? result->message : "no reason given");
        if (r >= 0)
                r = trigger_read(result->rows[0], entry->cache->config.vault, &trigger);
        answer(entry, r, trigger);
}

/* -- from outside ------------------------------------------------------------------------------------- */

static bool is_for_any_rest(const Entry *entry) {
        return entry && entry->is_known && entry->trigger && entry->trigger->any_rest;
}

int trigger_cache_get(TriggerCache *cache, const TriggerAddress *address, Trigger **ret_trigger) {
        Key key = key_of(address, false);
        Entry *entry;

        if (!may_keep(cache))
                return TRIGGER_E_UNKNOWN;

        entry = find(cache, &key);
        if (address->custom_path.data && !is_for_any_rest(entry)) {
                key = key_of(address, true);
                entry = find(cache, &key);
        }
        if (!entry || !entry->is_known)
                return TRIGGER_E_UNKNOWN;

        list_unlink(&entry->use);
        list_append(entry->trigger ? &cache->found : &cache->missing, &entry->use);
        if (!entry->trigger)
                return -ENOENT;

        *ret_trigger = entry->trigger;
        return 0;
}

void trigger_cache_ask(TriggerCache *cache, const TriggerAddress *address, TriggerWait *wait) {
        Key key = key_of(address, true);
        Entry *entry = find(cache, &key);

        if (entry && entry->is_known)
                entry = entry_free(entry);
        if (!entry) {
                entry = entry_new(cache, address);
                ask(entry);
        }
        list_append(&entry->waits, &wait->link);
}

/* A question under way keeps its waits and is answered, but nobody else joins it. */
static void detach(Entry *entry) {
        list_unlink(&entry->bucket);
        if (entry->is_known)
                (void) entry_free(entry);
}

void trigger_cache_forget(TriggerCache *cache, const TriggerAddress *address) {
        for (unsigned with_path = 0; with_path < 2; with_path++) {
                Key key = key_of(address, with_path);
                Entry *entry = find(cache, &key);

                if (entry)
                        detach(entry);
        }
}

void trigger_cache_flush(TriggerCache *cache) {
        List *lists[] = { &cache->found, &cache->missing, &cache->asked };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                list_for_each(link, lists[i])
                        detach(list_entry(link, Entry, use));
}

void trigger_cache_stop(TriggerCache *cache) {
        cache->stopping = true;
        list_for_each(link, &cache->asked) {
                Entry *entry = list_entry(link, Entry, use);

                if (timer_is_running(&entry->again))
                        answer(entry, -ECANCELED, NULL);
        }
}

/* -- life --------------------------------------------------------------------------------------------- */

TriggerCache *trigger_cache_new(Loop *loop, Pool *pool, const TriggerCacheConfig *config) {
        TriggerCache *cache = xnew(TriggerCache, 1);
        Uuid random = uuid_random();

        cache->loop = loop;
        cache->pool = pool;
        cache->config = *config;
        memcpy(&cache->seed, random.bytes + 8, sizeof cache->seed);
        for (size_t i = 0; i < N_BUCKETS; i++)
                list_init(&cache->buckets[i]);
        list_init(&cache->found);
        list_init(&cache->missing);
        list_init(&cache->asked);
        return cache;
}

TriggerCache *trigger_cache_free(TriggerCache *cache) {
        if (!cache)
                return NULL;

        trigger_cache_flush(cache);
        /* The pool still has their batches. */
        list_for_each(link, &cache->asked) {
                Entry *entry = list_entry(link, Entry, use);

                assert(list_is_empty(&entry->waits));
                list_unlink(link);
                entry->cache = NULL;
        }
        free(cache);
        return NULL;
}
