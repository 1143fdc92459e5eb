/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The binary form of arrays, byte for byte.
 */

#include "check.h"
#include "db/array.h"

static void check_bytes(Array *array, const void *bytes, size_t length) {
        Param param = array_param(array);

        CHECK_INT(param.type, PARAM_BYTES);
        CHECK_INT(param.text.length, length);
        CHECK(memcmp(param.text.data, bytes, length) == 0);
}

#define CHECK_BYTES(array, literal) check_bytes((array), (literal), sizeof(literal) - 1)

static void test_empty(void) {
        Array array;

        array_init(&array, ARRAY_UUID);
        CHECK_BYTES(&array, "\0\0\0\0" "\0\0\0\0" "\0\0\x0b\x86");
        array_deinit(&array);
}

static void test_texts(void) {
        Array array;

        array_init(&array, ARRAY_TEXT);
        array_add_text(&array, TEXT("ab"));
        array_add_text(&array, TEXT(""));
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\0" "\0\0\0\x19" "\0\0\0\2" "\0\0\0\1"
                            "\0\0\0\2" "ab" "\0\0\0\0");

        /* Asking for the parameter does not end it. */
        array_add_text(&array, TEXT_NULL);
        CHECK_INT(array.n, 3);
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\1" "\0\0\0\x19" "\0\0\0\3" "\0\0\0\1"
                            "\0\0\0\2" "ab" "\0\0\0\0"
                            "\xff\xff\xff\xff");
        array_deinit(&array);
}

static void test_numbers(void) {
        Array array;

        array_init(&array, ARRAY_BIGINT);
        array_add_int(&array, -2);
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\0" "\0\0\0\x14" "\0\0\0\1" "\0\0\0\1"
                            "\0\0\0\x08"
                            "\xff\xff\xff\xff\xff\xff\xff\xfe");
        array_deinit(&array);

        array_init(&array, ARRAY_BOOL);
        array_add_bool(&array, true);
        array_add_bool(&array, false);
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\0" "\0\0\0\x10" "\0\0\0\2" "\0\0\0\1"
                            "\0\0\0\1" "\1" "\0\0\0\1" "\0");
        array_deinit(&array);
}

static void test_times(void) {
        Array array;

        /* 2000-01-01 is PostgreSQL's zero. */
        array_init(&array, ARRAY_TIME);
        array_add_time(&array, 946684800000001);
        array_add_time(&array, 0);
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\1" "\0\0\4\xa0" "\0\0\0\2" "\0\0\0\1"
                            "\0\0\0\x08" "\0\0\0\0\0\0\0\1"
                            "\xff\xff\xff\xff");
        array_deinit(&array);
}

static void test_uuids(void) {
        Uuid uuid = { "0123456789abcde" };
        Array array;

        array_init(&array, ARRAY_UUID);
        array_add_uuid(&array, &uuid);
        array_add_uuid(&array, &UUID_NULL);
        CHECK_BYTES(&array, "\0\0\0\1" "\0\0\0\1" "\0\0\x0b\x86" "\0\0\0\2" "\0\0\0\1"
                            "\0\0\0\x10" "0123456789abcde\0"
                            "\xff\xff\xff\xff");
        array_deinit(&array);
}

int main(void) {
        test_empty();
        test_texts();
        test_numbers();
        test_times();
        test_uuids();
        return 0;
}
