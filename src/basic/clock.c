/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clocks, and times as text.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "basic/clock.h"
#include "basic/macros.h"

#define LAST_SECOND 253402300799ULL     /* 9999-12-31T23:59:59Z */

static uint64_t read_clock(clockid_t id) {
        struct timespec now;

        if (clock_gettime(id, &now) < 0)
                abort();
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

uint64_t clock_now_usec(void) {
        return read_clock(CLOCK_REALTIME);
}

uint64_t clock_monotonic_usec(void) {
        return read_clock(CLOCK_MONOTONIC);
}

/* "2026-02-03T04:05:06"; returns the end. Written out because it is called for each row of a page. */
static char *format_seconds(uint64_t usec, char *p) {
        time_t seconds = (time_t) MIN(usec / USEC_PER_SEC, LAST_SECOND);
        struct tm tm;

        gmtime_r(&seconds, &tm);

        const struct {
                int value, n_digits;
                char after;
        } parts[] = {
                { tm.tm_year + 1900, 4, '-' },
                { tm.tm_mon + 1,     2, '-' },
                { tm.tm_mday,        2, 'T' },
                { tm.tm_hour,        2, ':' },
                { tm.tm_min,         2, ':' },
                { tm.tm_sec,         2, 0   },
        };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int value = parts[i].value;

                for (int digit = parts[i].n_digits - 1; digit >= 0; digit--, value /= 10)
                        p[digit] = (char) ('0' + value % 10);
                p += parts[i].n_digits;
                *p = parts[i].after;
                p += parts[i].after != 0;
        }
        return p;
}

char *clock_format_usec(uint64_t usec, char buffer[static CLOCK_ISO_SIZE]) {
        char *p = format_seconds(usec, buffer);
        uint64_t fraction = usec % USEC_PER_SEC;

        *p = '.';
        for (int digit = 6; digit >= 1; digit--, fraction /= 10)
                p[digit] = (char) ('0' + fraction % 10);
        p[7] = 'Z';
        p[8] = 0;
        return buffer;
}

char *clock_format_sec(uint64_t usec, char buffer[static CLOCK_ISO_SIZE]) {
        char *p = format_seconds(usec, buffer);

        p[0] = 'Z';
        p[1] = 0;
        return buffer;
}

/* -- reading: each part takes its characters from the front of *text ---------------------------- */

static bool take_character(Text *text, char c) {
        if (text->length == 0 || text->data[0] != c)
                return false;
        text->data++;
        text->length--;
        return true;
}

static bool take_number(Text *text, unsigned n_digits, int low, int high, int *ret_value) {
        int value = 0;

        if (text->length < n_digits)
                return false;
        for (unsigned i = 0; i < n_digits; i++) {
                char c = text->data[i];

                if (c < '0' || c > '9')
                        return false;
                value = value * 10 + (c - '0');
        }
        if (value < low || value > high)
                return false;

        text->data += n_digits;
        text->length -= n_digits;
        *ret_value = value;
        return true;
}

static int days_of_month(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month] + (month == 1 && leap);
}

static bool take_date(Text *text, struct tm *tm) {
        if (!take_number(text, 4, 1970, 9999, &tm->tm_year) || !take_character(text, '-') ||
            !take_number(text, 2, 1, 12, &tm->tm_mon) || !take_character(text, '-'))
                return false;

        tm->tm_mon--;
        if (!take_number(text, 2, 1, days_of_month(tm->tm_year, tm->tm_mon), &tm->tm_mday))
                return false;
        tm->tm_year -= 1900;
        return true;
}

static bool take_fraction(Text *text, uint64_t *ret_usec) {
        static const uint64_t weights[9] = { 100000, 10000, 1000, 100, 10, 1 };
        uint64_t usec = 0;
        size_t n = 0;
        int digit;

        for (; n < ELEMENTSOF(weights) && take_number(text, 1, 0, 9, &digit); n++)
                usec += weights[n] * (uint64_t) digit;

        *ret_usec = usec;
        return n > 0;
}

static bool take_time(Text *text, struct tm *tm, uint64_t *ret_fraction) {
        if (!take_number(text, 2, 0, 23, &tm->tm_hour) || !take_character(text, ':') ||
            !take_number(text, 2, 0, 59, &tm->tm_min))
                return false;
        if (!take_character(text, ':'))
                return true;
        if (!take_number(text, 2, 0, 59, &tm->tm_sec))
                return false;
        if (!take_character(text, '.') && !take_character(text, ','))
                return true;
        return take_fraction(text, ret_fraction);
}

static bool take_zone(Text *text, int *ret_seconds_east) {
        int hours, minutes = 0, sign;

        if (text->length == 0 || take_character(text, 'Z') || take_character(text, 'z')) {
                *ret_seconds_east = 0;
                return true;
        }

        if (take_character(text, '+'))
                sign = 1;
        else if (take_character(text, '-'))
                sign = -1;
        else
                return false;

        if (!take_number(text, 2, 0, 23, &hours))
                return false;
        if (text->length > 0) {
                (void) take_character(text, ':');
                if (!take_number(text, 2, 0, 59, &minutes))
                        return false;
        }

        *ret_seconds_east = sign * (hours * 3600 + minutes * 60);
        return true;
}

int clock_parse_iso(Text text, uint64_t *ret_usec) {
        struct tm tm = {};
        uint64_t fraction = 0;
        int seconds_east = 0;
        time_t seconds;

        if (!take_date(&text, &tm))
                return -EINVAL;

        if (text.length > 0) {
                if (!take_character(&text, 'T') && !take_character(&text, 't') && !take_character(&text, ' '))
                        return -EINVAL;
                if (!take_time(&text, &tm, &fraction) || !take_zone(&text, &seconds_east) || text.length > 0)
                        return -EINVAL;
        }

        seconds = timegm(&tm) - seconds_east;
        if (seconds < 0)
                return -EINVAL;

        *ret_usec = (uint64_t) seconds * USEC_PER_SEC + fraction;
        return 0;
}
