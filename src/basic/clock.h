/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Times. Every time in the program is microseconds: `…_usec` since the epoch (UTC) for what is
 * stored, or on the monotonic clock for deadlines. 0 means "not set".
 */

#include <stdint.h>

#include "basic/text.h"

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_INFINITY UINT64_MAX

uint64_t clock_now_usec(void);          /* wall clock, since the epoch */
uint64_t clock_monotonic_usec(void);    /* CLOCK_MONOTONIC */

/* "2026-02-03T04:05:06.123456Z" / "2026-02-03T04:05:06Z"; return `buffer`. Years beyond 9999 are cut to its
 * last second. */
#define CLOCK_ISO_SIZE 32
char *clock_format_usec(uint64_t usec, char buffer[static CLOCK_ISO_SIZE]);
char *clock_format_sec(uint64_t usec, char buffer[static CLOCK_ISO_SIZE]);

/* ISO 8601: date, or date and time with optional seconds, fraction (up to 9 digits, cut to 6) and "Z",
 * ±hh, ±hhmm or ±hh:mm; without a zone it is UTC; 'T' or a space between. -EINVAL otherwise, also for
 * times before 1970 and leap seconds. */
int clock_parse_iso(Text text, uint64_t *ret_usec);
