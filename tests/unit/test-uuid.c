/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ids: their text, their order, their time.
 */

#include <errno.h>

#include "basic/clock.h"
#include "basic/uuid.h"
#include "check.h"

static void test_parse(void) {
        static const struct {
                const char *text, *shown;
        } cases[] = {
                { "00000000-0000-0000-0000-000000000000",   "00000000-0000-0000-0000-000000000000" },
                { "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",   "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9" },
                { "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9",   "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9" },
                { "ffffffff-ffff-ffff-ffff-ffffffffffff",   "ffffffff-ffff-ffff-ffff-ffffffffffff" },
                { "",                                       NULL                                   },
                { "0a1b2c3d4e5f60718293a4b5c6d7e8f9",       NULL                                   },
                { "{0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9}", NULL                                   },
                { "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f",    NULL                                   },
                { "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9a",  NULL                                   },
                { "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fg",   NULL                                   },
                { "0a1b2c3d 4e5f-6071-8293-a4b5c6d7e8f9",   NULL                                   },
                { "0a1b2c3d--4e5f-6071-8293a4b5c6d7e8f9",   NULL                                   },
                { " a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",   NULL                                   },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Uuid uuid = { { 1 } };
                char shown[UUID_STRING_SIZE];

                if (!cases[i].shown) {
                        CHECK_INT(uuid_parse(text_of(cases[i].text), &uuid), -EINVAL);
                        CHECK(uuid_equal(&uuid, &(Uuid) { { 1 } }));
                        continue;
                }
                CHECK_INT(uuid_parse(text_of(cases[i].text), &uuid), 0);
                CHECK_STRING(uuid_format(&uuid, shown), cases[i].shown);
        }
}

/* Far more than the clock has ticks for: most of them share theirs. */
static void test_new_ids_grow(void) {
        Uuid last = uuid_new();

        for (size_t i = 0; i < 1000000; i++) {
                Uuid next = uuid_new();

                CHECK(memcmp(&last, &next, sizeof next) < 0);
                CHECK(next.bytes[6] >> 4 == 7 && next.bytes[8] >> 6 == 2);
                last = next;
        }
}

static void test_time(void) {
        static const Uuid example = { { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3 } };
        uint64_t before = clock_now_usec() / USEC_PER_MSEC;
        Uuid uuid = uuid_new();

        CHECK_INT(uuid_time_msec(&example), 1645557742000);     /* RFC 9562, appendix A.6 */
        CHECK(uuid_time_msec(&uuid) >= before);
        /* Ids made faster than the clock ticks run ahead of it: a million by a quarter of a second. */
        CHECK(uuid_time_msec(&uuid) < before + 600000);
}

static void test_random(void) {
        uint8_t seen[16] = {};

        for (size_t i = 0; i < 1000; i++) {
                Uuid uuid = uuid_random(), other = uuid_random();

                CHECK(uuid.bytes[6] >> 4 == 4 && uuid.bytes[8] >> 6 == 2);
                CHECK(!uuid_equal(&uuid, &other) && !uuid_is_null(&uuid));
                for (size_t j = 0; j < sizeof seen; j++)
                        seen[j] |= uuid.bytes[j];
        }
        for (size_t j = 0; j < sizeof seen; j++)
                CHECK_INT(seen[j], j == 6 ? 0x4f : j == 8 ? 0xbf : 0xff);
        CHECK(uuid_is_null(&UUID_NULL));
}

int main(void) {
        test_parse();
        test_time();
        test_new_ids_grow();
        test_random();
        return 0;
}
