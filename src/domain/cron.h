/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cron expressions, in UTC, with the original's language: five fields separated by exactly one space, an
 * optional sixth for the year, missing ones are `*`; lists, ranges that may wrap, steps, names, L, W and #;
 * @daily and its like. All fields must match, day of month and day of week together.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/clock.h"
#include "basic/text.h"

typedef struct Cron {
        uint64_t minutes;               /* bit n: minute n */
        uint32_t hours, days, months;   /* bit n: value n */
        uint8_t weekdays;               /* bit 0: Sunday … bit 6 */
        uint8_t nth_weekdays[7];        /* per weekday: bit n: its n-th of the month, bit 7: its last */
        uint32_t near_days;             /* bit n: the weekday (Mon–Fri) nearest to day n (nW) */
        bool last_day, last_weekday;    /* day L, LW */
        uint8_t years[376];             /* bit set of 0 … 3000; all ones for `*` */
} Cron;

/* -EINVAL and a message for people (static). `@reboot` is refused: it could never fire. */
int cron_parse(Text expression, Cron *ret_cron, const char **ret_message);

/* Does it fire in the minute of that instant? */
bool cron_matches(const Cron *cron, uint64_t usec);
