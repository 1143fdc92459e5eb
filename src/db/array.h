/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arrays as parameters, in PostgreSQL's binary form: many rows go into one `INSERT … SELECT FROM
 * unnest($1::uuid[], …)`.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "db/query.h"

typedef enum ArrayType {                /* pg_type.h's object ids of the element */
        ARRAY_BOOL = 16,
        ARRAY_BYTES = 17,
        ARRAY_BIGINT = 20,
        ARRAY_TEXT = 25,
        ARRAY_TIME = 1184,              /* timestamptz */
        ARRAY_UUID = 2950,
} ArrayType;

typedef struct Array {
        ArrayType type;
        uint32_t n;
        Buffer buffer;
} Array;

void array_init(Array *array, ArrayType type);
void array_deinit(Array *array);
void array_add_null(Array *array);
void array_add_uuid(Array *array, const Uuid *uuid);    /* all zero: null */
void array_add_text(Array *array, Text text);           /* data NULL: null; also for ARRAY_BYTES */
void array_add_int(Array *array, int64_t value);
void array_add_bool(Array *array, bool value);
void array_add_time(Array *array, uint64_t usec);       /* 0: null */

/* The parameter; points into the array, which must live on. */
Param array_param(Array *array);
/* The same, with the bytes in the arena; the array is over. */
Param array_move(Array *array, Arena *arena);
