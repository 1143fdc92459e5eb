/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An arena: memory that is given back all at once. A call owns one; whatever lives as long as the
 * call comes from it and is never freed singly. Exhaustion ends the process (macros.h): what a
 * stranger can make large is limited before it gets here.
 */

#include <stdarg.h>
#include <stddef.h>

#include "basic/macros.h"
#include "basic/text.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
        ArenaBlock *blocks;     /* newest first */
        char *next;             /* free room in the newest block */
        size_t left;
} Arena;

#define ARENA_NULL ((Arena) {})

void arena_deinit(Arena *arena);
/* The same, and nothing of what was in it stays behind: for secrets on their way. */
void arena_wipe(Arena *arena);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size) __attribute__((returns_nonnull));
#define arena_new(arena, type, n) ((type *) arena_alloc((arena), sizeof(type) * (n)))

/* Copies; the results end in a NUL that is not counted. NULL and TEXT_NULL stay NULL. */
char *arena_strdup(Arena *arena, const char *text);
char *arena_text_string(Arena *arena, Text text);
Text arena_text(Arena *arena, Text text);
void *arena_memdup(Arena *arena, const void *data, size_t length);
char *arena_printf(Arena *arena, const char *format, ...) _printf_(2, 3);
