/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside db/ only: which queries one connection knows as prepared statements. Grows to the number of queries
 * the program has, never shrinks.
 */

#include <stdbool.h>
#include <stddef.h>

#include "db/query.h"

typedef enum PreparedState {
        PREPARED_NOT,
        PREPARED_UNDER_WAY,     /* `by` has sent it, the answer is still to come */
        PREPARED_YES,
} PreparedState;

typedef struct PreparedEntry {
        const Query *query;
        PreparedState state;
        const void *by;
} PreparedEntry;

typedef struct PreparedSet {
        PreparedEntry *entries;
        size_t n, room;
} PreparedSet;

/* The entry of the query, made when it is new. Valid until the next call. */
PreparedEntry *prepared_entry(PreparedSet *set, const Query *query);
void prepared_deinit(PreparedSet *set);
