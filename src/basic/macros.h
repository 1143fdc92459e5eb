/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The few macros everything else is written with: cleanup by scope, ownership that is visible
 * where it moves, and the size of a table.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _warn_unused_ __attribute__((warn_unused_result))

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(x, low, high) MIN(MAX((x), (low)), (high))

#define container_of(pointer, type, member) ((type *) ((char *) (pointer) - offsetof(type, member)))

/* Hands an owned pointer on: the variable is NULL afterwards, so its cleanup does nothing. */
#define TAKE_PTR(pointer)                                                                          \
        ({                                                                                         \
                __typeof__(pointer) *_slot = &(pointer);                                           \
                __typeof__(pointer) _taken = *_slot;                                               \
                *_slot = NULL;                                                                     \
                _taken;                                                                            \
        })

/* Makes the function that _cleanup_() wants out of a `T *t_free(T *)`. */
#define DEFINE_CLEANUP(type, function)                                                             \
        static inline void function##p(type **pointer) {                                           \
                if (*pointer)                                                                      \
                        *pointer = function(*pointer);                                             \
        }

static inline void freep(void *pointer) {
        free(*(void **) pointer);
}

/* Ends the process when memory is out: see docs/ARCHITECTURE.md, "Memory". */
_noreturn_ void out_of_memory(void);

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
/* All `length` bytes, NULs among them too, and a NUL behind. */
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));

#define xnew(type, n) ((type *) xcalloc((n), sizeof(type)))
