/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Blocks that double from 2 KiB, so that a small call costs one malloc(3) and a large one few. What
 * would waste most of a block gets one of its own, behind the block that is still being filled.
 */

#include <stdalign.h>
#include <stdio.h>

#include "basic/arena.h"

#define BLOCK_MIN 2048
#define BLOCK_MAX (64 * 1024)

struct ArenaBlock {
        ArenaBlock *next;
        size_t size;
        alignas(max_align_t) char data[];
};

void arena_deinit(Arena *arena) {
        ArenaBlock *next;

        for (ArenaBlock *block = arena->blocks; block; block = next) {
                next = block->next;
                free(block);
        }
        *arena = ARENA_NULL;
}

void arena_wipe(Arena *arena) {
        for (ArenaBlock *block = arena->blocks; block; block = block->next)
                explicit_bzero(block->data, block->size);
        arena_deinit(arena);
}

static ArenaBlock *block_new(size_t size) {
        ArenaBlock *block;

        if (size > SIZE_MAX / 2)
                out_of_memory();

        block = xmalloc(sizeof *block + size);
        block->size = size;
        return block;
}

static void *own_block(Arena *arena, size_t size) {
        ArenaBlock *block = block_new(size);

        if (arena->blocks) {
                block->next = arena->blocks->next;
                arena->blocks->next = block;
        } else {
                block->next = NULL;
                arena->blocks = block;
        }
        return block->data;
}

static void next_block(Arena *arena) {
        size_t size = arena->blocks ? CLAMP(arena->blocks->size * 2, BLOCK_MIN, BLOCK_MAX) : BLOCK_MIN;
        ArenaBlock *block = block_new(size);

        block->next = arena->blocks;
        arena->blocks = block;
        arena->next = block->data;
        arena->left = size;
}

/* Room that is not zeroed. `alignment` is a power of two, at most max_align_t's. */
static void *take(Arena *arena, size_t size, size_t alignment) {
        size_t skip = -(uintptr_t) arena->next & (alignment - 1);
        char *room;

        if (size > BLOCK_MAX / 4)
                return own_block(arena, size);

        while (arena->left < skip || arena->left - skip < size) {
                next_block(arena);
                skip = 0;
        }

        room = arena->next + skip;
        arena->next = room + size;
        arena->left -= skip + size;
        return room;
}

void *arena_alloc(Arena *arena, size_t size) {
        return memset(take(arena, size, alignof(max_align_t)), 0, size);
}

static char *copy(Arena *arena, const void *data, size_t length, size_t alignment) {
        char *room;

        if (length == SIZE_MAX)
                out_of_memory();

        room = take(arena, length + 1, alignment);
        if (length > 0)
                memcpy(room, data, length);
        room[length] = 0;
        return room;
}

char *arena_strdup(Arena *arena, const char *text) {
        return text ? copy(arena, text, strlen(text), 1) : NULL;
}

char *arena_text_string(Arena *arena, Text text) {
        return text.data ? copy(arena, text.data, text.length, 1) : NULL;
}

Text arena_text(Arena *arena, Text text) {
        return text_make(arena_text_string(arena, text), text.length);
}

void *arena_memdup(Arena *arena, const void *data, size_t length) {
        return data ? copy(arena, data, length, alignof(max_align_t)) : NULL;
}

char *arena_printf(Arena *arena, const char *format, ...) {
        char try[256], *room;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(try, sizeof try, format, arguments);
        va_end(arguments);
        if (length < 0)
                out_of_memory();
        if ((size_t) length < sizeof try)
                return copy(arena, try, (size_t) length, 1);

        room = take(arena, (size_t) length + 1, 1);
        va_start(arguments, format);
        vsnprintf(room, (size_t) length + 1, format, arguments);
        va_end(arguments);
        return room;
}
