/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collections: the struct and the stages of their routes.
 */

#include "domain/collection.h"
#include "serve/call.h"

typedef struct CollectionCall {
        Call call;
        CollectionRef ref;
        CollectionQuery query;
        Text key;               /* as it was asked for; TEXT_NULL: none */
        Array keys, items;
} CollectionCall;

extern const Stage get_collection_item[], put_collection_item[], delete_collection_item[];
/* The collection itself, in a project; collection-resource.c. */
typedef struct CollectionResource {
        Call call;
        Uuid user_id, project_id, id;
        Text name;                      /* to be */
        size_t outcome;                 /* the statement that says what came of it */
} CollectionResource;

extern const Stage get_collection[], put_collection[];
extern const Stage get_collection_items[], put_collection_items[], delete_collection_items[];
