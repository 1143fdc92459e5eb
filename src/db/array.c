/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An array on the wire: a header of five words, then each element with its length before it (-1: null). All
 * big endian.
 *
 *      dimensions | has nulls | element type | length | lower bound | { n, bytes } …
 *
 * An empty array has no dimensions and ends after the type.
 */

#include <endian.h>

#include "db/array.h"
#include "db/misuse.h"
#include "db/wire.h"

typedef struct ArrayHeader {
        uint32_t n_dimensions, has_nulls, type, n, lower_bound;
} ArrayHeader;

#define EMPTY_HEADER_SIZE (3 * sizeof(uint32_t))

void array_init(Array *array, ArrayType type) {
        const ArrayHeader header = {
                .type = htobe32(type),
                .lower_bound = htobe32(1),
        };

        *array = (Array) { .type = type };
        buffer_append(&array->buffer, &header, sizeof header);
}

void array_deinit(Array *array) {
        buffer_deinit(&array->buffer);
        array->n = 0;
}

static void add(Array *array, const void *data, size_t length) {
        uint32_t wire_length = htobe32((uint32_t) length);

        /* Beyond that PostgreSQL takes no value at all, and the length would no longer be one. */
        if (length > DB_MAX_VALUE)
                db_misuse("An array element of %zu bytes: its size should have been limited before", length);

        buffer_append(&array->buffer, &wire_length, sizeof wire_length);
        buffer_append(&array->buffer, data, length);
        array->n++;
}

static void check_type(const Array *array, ArrayType type) {
        if (array->type != type)
                db_misuse("An element of type %u does not go into an array of type %u", (unsigned) type,
                          (unsigned) array->type);
}

void array_add_null(Array *array) {
        static const uint32_t null_length = UINT32_MAX, yes = 1;
        uint32_t has_nulls = htobe32(yes);

        buffer_append(&array->buffer, &null_length, sizeof null_length);
        memcpy(array->buffer.data + offsetof(ArrayHeader, has_nulls), &has_nulls, sizeof has_nulls);
        array->n++;
}

void array_add_uuid(Array *array, const Uuid *uuid) {
        check_type(array, ARRAY_UUID);
        if (uuid_is_null(uuid))
                return array_add_null(array);

        add(array, uuid->bytes, sizeof uuid->bytes);
}

void array_add_text(Array *array, Text text) {
        if (array->type != ARRAY_BYTES)
                check_type(array, ARRAY_TEXT);
        if (!text.data)
                return array_add_null(array);

        add(array, text.data, text.length);
}

void array_add_int(Array *array, int64_t value) {
        uint64_t wire = htobe64((uint64_t) value);

        check_type(array, ARRAY_BIGINT);
        add(array, &wire, sizeof wire);
}

void array_add_bool(Array *array, bool value) {
        char wire = value;

        check_type(array, ARRAY_BOOL);
        add(array, &wire, sizeof wire);
}

void array_add_time(Array *array, uint64_t usec) {
        uint64_t wire = htobe64((uint64_t) wire_time(usec));

        check_type(array, ARRAY_TIME);
        if (usec == 0)
                return array_add_null(array);

        add(array, &wire, sizeof wire);
}

Param array_param(Array *array) {
        ArrayHeader header;

        if (array->n == 0)
                return P_BYTES(text_make(array->buffer.data, EMPTY_HEADER_SIZE));

        memcpy(&header, array->buffer.data, sizeof header);
        header.n_dimensions = htobe32(1);
        header.n = htobe32(array->n);
        memcpy(array->buffer.data, &header, sizeof header);
        return P_BYTES(buffer_text(&array->buffer));
}

Param array_move(Array *array, Arena *arena) {
        Param param = array_param(array);

        param.text = arena_text(arena, param.text);
        array_deinit(array);
        return param;
}
