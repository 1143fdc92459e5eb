/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collections: keys and texts that workflows keep (http-api 4). Every statement fails with -ENOENT (no such
 * collection), -EACCES (one of a project that is not the asker's) or -EEXIST (several of that name: the project has
 * to be named).
 */

#include "db/array.h"
#include "db/batch.h"

#define COLLECTION_KEY_MAX 255          /* characters */
#define COLLECTION_VALUE_MAX 1000000
#define COLLECTION_PAGE_MAX 10000       /* items */

/* Who asks for which. */
typedef struct CollectionRef {
        Uuid user_id;                   /* a member of the project; UUID_NULL: nobody */
        Uuid run_project_id;            /* a run's own project; UUID_NULL: no run */
        Uuid project_id;                /* UUID_NULL: whichever has one of that name */
        Text name;
} CollectionRef;

typedef struct CollectionQuery {
        int64_t after, limit;           /* the last item of the page before; at most COLLECTION_PAGE_MAX */
        Text pattern;                   /* as collection_pattern(); TEXT_NULL: all */
        uint64_t created_after, created_before, updated_after, updated_before;  /* µs; 0: any */
} CollectionQuery;

/* For LIKE: each `*` stands for anything, all else for itself. `exact`: `*` too. */
Text collection_pattern(Arena *arena, Text key, bool exact);
/* May an item have them? */
bool collection_item_is_valid(Text key, Text value);

/* -- collections themselves ------------------------------------------------------------------------------- */

/* For access_read(), with the right to manage them; and the collection: columns id, project_id, name. */
size_t collection_access(Batch *batch, const Uuid *user_id, const Uuid *project_id);
size_t collection_find(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id);
/* Makes or renames it: one row, `outcome`: created, renamed, id_taken (it is another project's). A name that is taken
 * ends the batch with -EEXIST, a missing right with -EACCES, an unknown project with -ENOENT. */
size_t collection_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id, Text name);

/* -- items ------------------------------------------------------------------------------------------------ */

void collection_get_item(Batch *batch, const CollectionRef *ref, Text key);
/* Rows: id, key, value, inserted_at, updated_at, n_page; fewer than n_page: there is more. */
void collection_list_items(Batch *batch, const CollectionRef *ref, const CollectionQuery *query);
/* Both arrays are taken over; keys are there once each. One row: n. */
void collection_put_items(Batch *batch, const CollectionRef *ref, Array *keys, Array *items);
/* One row: n. */
void collection_delete_items(Batch *batch, const CollectionRef *ref, Text pattern);
