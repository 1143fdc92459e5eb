/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is wrong with a document, as a tree of its parts: {"workflows":{"daily":{"jobs":{"fetch":{"body":
 * ["…"]}}}}}. Parts without a complaint do not show. Hostile documents get the first MAX_COMPLAINTS and no
 * more.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "json/writer.h"

typedef struct ErrorTree ErrorTree;

#define MAX_COMPLAINTS 200

/* In the arena, with all that is added; texts are copied. */
ErrorTree *error_tree_new(Arena *arena);
/* A part. Parts of the same name are the same. Costs nothing until something is wrong with it. */
ErrorTree *error_tree_part(ErrorTree *parent, Text name);
void error_tree_add(ErrorTree *part, const char *field, const char *message);

bool error_tree_is_empty(const ErrorTree *tree);
/* One level only, for lists of parts: {"jobs":["Job <name> has the errors: [body: …]"]}. Complaints of other
 * parts do not show. */
typedef struct ErrorTreeList {
        const char *name, *word;        /* "jobs", "Job" */
} ErrorTreeList;

void error_tree_write_flat(const ErrorTree *tree, const ErrorTreeList *lists, JsonWriter *w, const char *key);
void error_tree_write(const ErrorTree *tree, JsonWriter *w, const char *key);
