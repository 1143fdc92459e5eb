/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Times as text and back.
 */

#include <errno.h>

#include "basic/clock.h"
#include "check.h"

static void test_format(void) {
        static const struct {
                uint64_t usec;
                const char *usecs, *secs;
        } cases[] = {
                { 0,                     "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z" },
                { 1727423491748984,      "2024-09-27T07:51:31.748984Z", "2024-09-27T07:51:31Z" },
                { 1709164800000001,      "2024-02-29T00:00:00.000001Z", "2024-02-29T00:00:00Z" },
                { 253402300799999999ULL, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z" },
        };
        char buffer[CLOCK_ISO_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CHECK_STRING(clock_format_usec(cases[i].usec, buffer), cases[i].usecs);
                CHECK_STRING(clock_format_sec(cases[i].usec, buffer), cases[i].secs);
        }
        CHECK_INT(strlen(clock_format_usec(USEC_INFINITY, buffer)), 27);
}

static void test_parse(void) {
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "2024-09-27T07:51:31.748984Z",      1727423491748984 },
                { "2024-09-27 07:51:31.748984",       1727423491748984 },
                { "2024-09-27T07:51:31,748984999Z",   1727423491748984 },
                { "2024-09-27t07:51:31.7z",           1727423491700000 },
                { "2024-09-27T07:51:31",              1727423491000000 },
                { "2024-09-27T07:51",                 1727423460000000 },
                { "2024-09-27T07:51Z",                1727423460000000 },
                { "2024-09-27",                       1727395200000000 },
                { "2024-09-27T09:51:31+02:00",        1727423491000000 },
                { "2024-09-27T09:51:31+0200",         1727423491000000 },
                { "2024-09-27 09:51:31.748984+02",    1727423491748984 },
                { "2024-09-27T02:21:31-05:30",        1727423491000000 },
                { "2024-02-29",                       1709164800000000 },
                { "2000-02-29T00:00:00Z",             951782400000000  },
                { "1970-01-01T00:00:00.000001Z",      1                },
                { "9999-12-31T23:59:59.999999Z",      253402300799999999ULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 42;

                CHECK_INT(clock_parse_iso(text_of(cases[i].text), &usec), 0);
                CHECK_INT(usec, cases[i].usec);
        }
}

static void test_refused(void) {
        static const char *const cases[] = {
                "",
                "2024",
                "2024-9-27",
                "2024-13-01",
                "2024-00-01",
                "2024-01-00",
                "2024-01-32",
                "2023-02-29",
                "2100-02-29",
                "1969-12-31",
                "1970-01-01T00:00:00+00:01",
                "2024-09-27T",
                "2024-09-27X07:51:31Z",
                "2024-09-27T24:00:00Z",
                "2024-09-27T07:60:31Z",
                "2024-09-27T07:51:60Z",
                "2024-09-27T07:51:31.Z",
                "2024-09-27T07:51:31.1234567890Z",
                "2024-09-27T07:51:31ZZ",
                "2024-09-27T07:51:31+2",
                "2024-09-27T07:51:31+02:0",
                "2024-09-27T07:51:31+24:00",
                "2024-09-27T07:51:31+02:60",
                "2024-09-27T07:51:31 UTC",
                " 2024-09-27",
                "2024-09-27 ",
                "2024-09-27T07",
                "+2024-09-27",
                "2024-09-27T-7:51:31Z",
                "now",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 42;

                CHECK_INT(clock_parse_iso(text_of(cases[i]), &usec), -EINVAL);
                CHECK_INT(usec, 42);
        }
}

/* Every day for 300 years and some odd microsecond in it. */
static void test_round_trip(void) {
        for (uint64_t day = 0; day < 300 * 366; day++) {
                uint64_t usec = day * 86400 * USEC_PER_SEC + day * 786433 % (86400 * USEC_PER_SEC), back;
                char buffer[CLOCK_ISO_SIZE];

                CHECK_INT(clock_parse_iso(text_of(clock_format_usec(usec, buffer)), &back), 0);
                CHECK_INT(back, usec);
        }
}

static void test_clocks(void) {
        uint64_t now = clock_now_usec(), monotonic = clock_monotonic_usec();

        CHECK(now > 1700000000 * USEC_PER_SEC && now < 253402300799 * USEC_PER_SEC);
        CHECK(clock_monotonic_usec() >= monotonic);
}

int main(void) {
        test_format();
        test_parse();
        test_refused();
        test_round_trip();
        test_clocks();
        return 0;
}
