/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory for secrets: size classes of powers of two, cut from chunks that are kept, each class with a list of what
 * is free. What is larger than a page has a mapping of its own, which goes with it.
 */

#include "crypto/locked.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "basic/macros.h"
#include "log/log.h"

#define PAGE 4096U
#define CHUNK_SIZE (16 * PAGE)
#define SMALLEST 32U
#define N_CLASSES 8U            /* 32 bytes to a page */

typedef struct Free {
        struct Free *next;
} Free;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Free *free_pieces[N_CLASSES];
static uint8_t *chunk;          /* what is left of the newest */
static size_t chunk_left;

static size_t pages(size_t size) {
        return (size + PAGE - 1) & ~((size_t) PAGE - 1);
}

static size_t class_of(size_t size) {
        size_t class = 0;

        while ((size_t) SMALLEST << class < size)
                class++;
        return class;
}

static void *map(size_t size) {
        static bool told;
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                out_of_memory();
        (void) madvise(memory, size, MADV_DONTDUMP);
        if (mlock(memory, size) < 0 && !told) {
                told = true;
                log_full(LOG_DEBUG, errno, NULL, NULL, "Secrets cannot be locked into memory: %m");
        }
        return memory;
}

/* Sizes are powers of two below a page: every chunk can be used up. */
static void *cut(size_t size) {
        if (chunk_left < size) {
                chunk = map(CHUNK_SIZE);
                chunk_left = CHUNK_SIZE;
        }
        chunk_left -= size;
        return chunk + chunk_left;
}

void *locked_new(size_t size) {
        size_t class = class_of(size);
        Free *piece;

        if (size > PAGE)
                return map(pages(size));

        pthread_mutex_lock(&mutex);
        piece = free_pieces[class];
        if (piece) {
                free_pieces[class] = piece->next;
                piece->next = NULL;
        } else
                piece = cut((size_t) SMALLEST << class);
        pthread_mutex_unlock(&mutex);
        return piece;
}

void locked_free(void *memory, size_t size) {
        size_t class = class_of(size);
        Free *piece = memory;

        if (!memory)
                return;
        sodium_memzero(memory, size);
        if (size > PAGE) {
                (void) munmap(memory, pages(size));
                return;
        }

        pthread_mutex_lock(&mutex);
        piece->next = free_pieces[class];
        free_pieces[class] = piece;
        pthread_mutex_unlock(&mutex);
}
