/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows: a libpq result, read in binary form.
 *
 * The type of each column is checked where it is read. A count(*) that somebody forgot to cast would
 * otherwise be read as whatever its bytes happen to mean.
 */

#include <endian.h>
#include <string.h>

#include "db/misuse.h"
#include "db/wire.h"

/* pg_type.h */
enum {
        TYPE_BOOL = 16,
        TYPE_INT8 = 20,
        TYPE_INT2 = 21,
        TYPE_INT4 = 23,
        TYPE_OID = 26,
        TYPE_FLOAT4 = 700,
        TYPE_FLOAT8 = 701,
        TYPE_DATE = 1082,
        TYPE_TIMESTAMP = 1114,
        TYPE_TIMESTAMPTZ = 1184,
        TYPE_INTERVAL = 1186,
        TYPE_NUMERIC = 1700,
        TYPE_UUID = 2950,
        TYPE_JSONB = 3802,
};

struct Rows {
        PGresult *pg_result;
};

Rows *rows_new(PGresult *pg_result) {
        Rows *rows = xnew(Rows, 1);

        rows->pg_result = pg_result;
        return rows;
}

Rows *rows_free(Rows *rows) {
        if (!rows)
                return NULL;

        PQclear(rows->pg_result);
        free(rows);
        return NULL;
}

size_t rows_count(const Rows *rows) {
        return rows ? (size_t) PQntuples(rows->pg_result) : 0;
}

uint64_t rows_affected(const Rows *rows) {
        return rows ? strtoull(PQcmdTuples(rows->pg_result), NULL, 10) : 0;
}

int rows_column(const Rows *rows, const char *name) {
        /* Not PQfnumber(): it folds case and reads quotes, and it does not exist for no rows. */
        for (int i = 0; i < PQnfields(rows->pg_result); i++)
                if (strcmp(PQfname(rows->pg_result, i), name) == 0)
                        return i;

        db_misuse("The statement returns no column \"%s\"", name);
}

static const char *value(const Rows *rows, size_t row, int column) {
        if (row >= rows_count(rows) || column < 0 || column >= PQnfields(rows->pg_result))
                db_misuse("There is no row %zu, column %d in a result of %zu rows", row, column,
                          rows_count(rows));

        return PQgetvalue(rows->pg_result, (int) row, column);
}

_noreturn_ static void wrong_type(const Rows *rows, int column, const char *expected) {
        db_misuse("The column \"%s\" has type %u and is read as %s: cast it in the statement",
                  PQfname(rows->pg_result, column), PQftype(rows->pg_result, column), expected);
}

bool rows_is_null(const Rows *rows, size_t row, int column) {
        (void) value(rows, row, column);
        return PQgetisnull(rows->pg_result, (int) row, column);
}

Text rows_text(const Rows *rows, size_t row, int column) {
        const char *data = value(rows, row, column);
        size_t length = (size_t) PQgetlength(rows->pg_result, (int) row, column);

        switch (PQftype(rows->pg_result, column)) {
        case TYPE_BOOL:
        case TYPE_INT8:
        case TYPE_INT2:
        case TYPE_INT4:
        case TYPE_OID:
        case TYPE_FLOAT4:
        case TYPE_FLOAT8:
        case TYPE_DATE:
        case TYPE_TIMESTAMP:
        case TYPE_TIMESTAMPTZ:
        case TYPE_INTERVAL:
        case TYPE_NUMERIC:
        case TYPE_UUID:
                wrong_type(rows, column, "text");
        }

        if (PQgetisnull(rows->pg_result, (int) row, column))
                return TEXT_NULL;
        /* jsonb is its text behind a version byte. */
        if (PQftype(rows->pg_result, column) == TYPE_JSONB && length > 0)
                return text_make(data + 1, length - 1);
        return text_make(data, length);
}

Uuid rows_uuid(const Rows *rows, size_t row, int column) {
        const char *data = value(rows, row, column);
        Uuid uuid = UUID_NULL;

        if (PQftype(rows->pg_result, column) != TYPE_UUID)
                wrong_type(rows, column, "uuid");
        if (!PQgetisnull(rows->pg_result, (int) row, column))
                memcpy(uuid.bytes, data, sizeof uuid.bytes);
        return uuid;
}

/* Big endian of the length the column has; also for the bits of a float. */
static uint64_t read_number(const Rows *rows, size_t row, int column) {
        const char *data = value(rows, row, column);
        uint64_t wide;
        uint32_t word;
        uint16_t half;

        switch (PQgetlength(rows->pg_result, (int) row, column)) {
        case sizeof wide:
                memcpy(&wide, data, sizeof wide);
                return be64toh(wide);
        case sizeof word:
                memcpy(&word, data, sizeof word);
                return be32toh(word);
        case sizeof half:
                memcpy(&half, data, sizeof half);
                return be16toh(half);
        default:
                return 0;       /* null */
        }
}

int64_t rows_int(const Rows *rows, size_t row, int column) {
        uint64_t number = read_number(rows, row, column);

        switch (PQftype(rows->pg_result, column)) {
        case TYPE_INT8:
                return (int64_t) number;
        case TYPE_INT4:
                return (int32_t) (uint32_t) number;
        case TYPE_INT2:
                return (int16_t) (uint16_t) number;
        case TYPE_OID:
                return (int64_t) number;
        default:
                wrong_type(rows, column, "bigint");
        }
}

bool rows_bool(const Rows *rows, size_t row, int column) {
        const char *data = value(rows, row, column);

        if (PQftype(rows->pg_result, column) != TYPE_BOOL)
                wrong_type(rows, column, "bool");
        return !PQgetisnull(rows->pg_result, (int) row, column) && *data != 0;
}

uint64_t rows_time(const Rows *rows, size_t row, int column) {
        uint64_t number = read_number(rows, row, column);

        if (PQftype(rows->pg_result, column) != TYPE_TIMESTAMPTZ)
                wrong_type(rows, column, "timestamptz");
        return rows_is_null(rows, row, column) ? 0 : wire_time_usec((int64_t) number);
}

double rows_double(const Rows *rows, size_t row, int column) {
        uint64_t number = read_number(rows, row, column);
        uint32_t word = (uint32_t) number;
        double wide;
        float narrow;

        switch (PQftype(rows->pg_result, column)) {
        case TYPE_FLOAT8:
                memcpy(&wide, &number, sizeof wide);
                return wide;
        case TYPE_FLOAT4:
                memcpy(&narrow, &word, sizeof narrow);
                return (double) narrow;
        default:
                wrong_type(rows, column, "double precision");
        }
}

static void column_read(const Rows *rows, size_t row, const Column *column, Arena *arena, void *field) {
        int number = rows_column(rows, column->name);
        Text text;

        switch (column->type) {
        case COLUMN_TEXT:
                text = rows_text(rows, row, number);
                *(Text *) field = arena && text.data ? arena_text(arena, text) : text;
                break;
        case COLUMN_UUID:
                *(Uuid *) field = rows_uuid(rows, row, number);
                break;
        case COLUMN_INT:
                *(int64_t *) field = rows_int(rows, row, number);
                break;
        case COLUMN_BOOL:
                *(bool *) field = rows_bool(rows, row, number);
                break;
        case COLUMN_TIME:
                *(uint64_t *) field = rows_time(rows, row, number);
                break;
        }
}

void row_read(const Rows *rows, size_t row, const Column *columns, Arena *arena, void *target) {
        for (const Column *column = columns; column->name; column++)
                column_read(rows, row, column, arena, (char *) target + column->offset);
}
