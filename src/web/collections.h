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
extern const Stage get_collection_items[], put_collection_items[], delete_collection_items[];
