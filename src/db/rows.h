/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a statement returned, in binary form. Texts point into the result and end in a NUL that is not
 * counted; they live as long as the Rows. Statements return uuid, text, bytea, bigint/integer, bool,
 * timestamptz, double precision: cast others (`::text`).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "basic/uuid.h"

typedef struct Rows Rows;

size_t rows_count(const Rows *rows);            /* NULL counts 0 */
uint64_t rows_affected(const Rows *rows);       /* of INSERT, UPDATE, DELETE */
/* A column's number; aborts when there is none (a programming error). */
int rows_column(const Rows *rows, const char *name);
bool rows_is_null(const Rows *rows, size_t row, int column);
Text rows_text(const Rows *rows, size_t row, int column);       /* text, bytea; TEXT_NULL for null */
Uuid rows_uuid(const Rows *rows, size_t row, int column);       /* UUID_NULL for null */
int64_t rows_int(const Rows *rows, size_t row, int column);     /* 0 for null */
bool rows_bool(const Rows *rows, size_t row, int column);
uint64_t rows_time(const Rows *rows, size_t row, int column);   /* µs since the epoch; 0 for null */
double rows_double(const Rows *rows, size_t row, int column);   /* double precision, real; 0 for null */

/* The readers abort for a column of another type: that is a mistake in the program, and its first test
 * shows it. */

/* A column table reads one row into a struct. */
typedef enum ColumnType { COLUMN_TEXT, COLUMN_UUID, COLUMN_INT, COLUMN_BOOL, COLUMN_TIME } ColumnType;
typedef struct Column {
        const char *name;
        ColumnType type;        /* Text, Uuid, int64_t, bool, uint64_t */
        size_t offset;
} Column;

/* The table ends with {}. Texts are copied to the arena (NULL arena: they point into rows). */
void row_read(const Rows *rows, size_t row, const Column *columns, Arena *arena, void *target);
