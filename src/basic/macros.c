/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that is there or the process is not. A daemon here holds nothing that PostgreSQL does not
 * hold too, so ending and being started again is the one reaction to exhaustion that is tested
 * every day.
 */

#include <string.h>
#include <unistd.h>

#include "basic/macros.h"

void out_of_memory(void) {
        static const char message[] = "<2>Out of memory.\n";

        /* No stdio: it may want memory itself. Nobody is left to care if the write fails. */
        if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
                abort();
        abort();
}

/* A size of 0 is asked for as 1: NULL would not be told apart from exhaustion. */

void *xmalloc(size_t size) {
        void *pointer = malloc(size ?: 1);

        if (!pointer)
                out_of_memory();
        return pointer;
}

void *xcalloc(size_t n, size_t size) {
        void *pointer = calloc(n ?: 1, size ?: 1);

        if (!pointer)
                out_of_memory();
        return pointer;
}

void *xrealloc(void *pointer, size_t size) {
        void *moved = realloc(pointer, size ?: 1);

        if (!moved)
                out_of_memory();
        return moved;
}

char *xstrdup(const char *text) {
        return xstrndup(text, strlen(text));
}

/* Bytes, not only up to a NUL: texts from outside have a length and may hold one. */
char *xstrndup(const char *text, size_t length) {
        char *copy;

        if (length == SIZE_MAX)
                out_of_memory();

        copy = xmalloc(length + 1);
        if (length > 0)
                memcpy(copy, text, length);
        copy[length] = 0;
        return copy;
}
