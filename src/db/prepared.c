/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prepared statements of a connection: a hash table with open addressing. Queries are constants, so their
 * address is what tells them apart.
 */

#include <stdint.h>

#include "basic/macros.h"
#include "db/prepared.h"

static PreparedEntry *find(const PreparedSet *set, const Query *query) {
        /* The low bits of an address are alignment; the odd factor spreads the rest. */
        size_t i = ((uintptr_t) query >> 3) * 0x9e3779b97f4a7c15U >> 32;

        for (;; i++) {
                PreparedEntry *entry = &set->entries[i & (set->room - 1)];

                if (!entry->query || entry->query == query)
                        return entry;
        }
}

static void grow(PreparedSet *set) {
        PreparedSet larger = { .n = set->n, .room = MAX(set->room * 2, (size_t) 32) };

        larger.entries = xnew(PreparedEntry, larger.room);
        for (size_t i = 0; i < set->room; i++)
                if (set->entries[i].query)
                        *find(&larger, set->entries[i].query) = set->entries[i];

        free(set->entries);
        *set = larger;
}

PreparedEntry *prepared_entry(PreparedSet *set, const Query *query) {
        PreparedEntry *entry;

        /* At most half full: the search always ends, and soon. */
        if (set->n * 2 >= set->room)
                grow(set);

        entry = find(set, query);
        if (!entry->query) {
                entry->query = query;
                set->n++;
        }
        return entry;
}

void prepared_deinit(PreparedSet *set) {
        free(set->entries);
        *set = (PreparedSet) {};
}
