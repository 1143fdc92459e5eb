/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cron expressions: what each element of the language means, and what is none.
 */

#include <errno.h>
#include <time.h>

#include "basic/clock.h"
#include "check.h"
#include "domain/cron.h"

static uint64_t at(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute) {
        struct tm tm = { .tm_year = (int) year - 1900, .tm_mon = (int) month - 1, .tm_mday = (int) day,
                         .tm_hour = (int) hour, .tm_min = (int) minute };

        return (uint64_t) timegm(&tm) * USEC_PER_SEC;
}

static Cron parse(const char *expression) {
        const char *message = NULL;
        Cron cron;

        if (cron_parse(text_of(expression), &cron, &message) < 0) {
                fprintf(stderr, "\"%s\" %s\n", expression, message);
                exit(1);
        }
        return cron;
}

static void check_list(const char *expression, const char *got, const char *want) {
        if (strcmp(got, want) == 0)
                return;
        fprintf(stderr, "\"%s\" fires at \"%s\", expected \"%s\"\n", expression, got, want);
        exit(1);
}

static void append(char *list, size_t size, unsigned value) {
        size_t length = strlen(list);

        snprintf(list + length, size - length, "%s%u", length ? " " : "", value);
}

/* The minutes of one hour. */
static void test_minutes(void) {
        static const struct {
                const char *expression, *minutes;
        } cases[] = {
                { "5 * * * *", "5" },
                { "05 * * * *", "5" },
                { "5", "5" },                   /* missing fields are `*` */
                { "5 *", "5" },
                { "0,30 * * * *", "0 30" },
                { "30,0,30 * * * *", "0 30" },
                { "57-2 * * * *", "0 1 2 57 58 59" },
                { "10-12,58 * * * *", "10 11 12 58" },
                { "7-7 * * * *", "7" },
                { "*/15 * * * *", "0 15 30 45" },
                { "*/25 * * * *", "0 25 50" },
                { "*/60 * * * *", "0" },
                { "*/2999 * * * *", "0" },
                { "5-20/5 * * * *", "5 10 15 20" },
                { "6-20/5 * * * *", "6 11 16" },
                { "50/4 * * * *", "50 54 58" },
                { "50-10/7 * * * *", "1 8 50 57" },     /* behind the wrap it counts back */
                { "5/60 * * * *", "5" },
                { "1,*/30 * * * *", "0 1 30" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cron cron = parse(cases[i].expression);
                char got[512] = "";

                for (unsigned minute = 0; minute < 60; minute++)
                        if (cron_matches(&cron, at(2026, 7, 8, 9, minute) + 59999999))
                                append(got, sizeof got, minute);
                check_list(cases[i].expression, got, cases[i].minutes);
        }
}

static void test_hours(void) {
        static const struct {
                const char *expression, *hours;
        } cases[] = {
                { "0 9 * * *", "9" },
                { "0 22-2 * * *", "0 1 2 22 23" },
                { "0 */5 * * *", "0 5 10 15 20" },
                { "0 20/3 * * *", "20 23" },
                { "0 22-2/3 * * *", "1 22" },
                { "0 23,0 * * *", "0 23" },
                { "@hourly", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23" },
                { "@daily", "0" },
                { "@midnight", "0" },
                { "@DAILY", "0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cron cron = parse(cases[i].expression);
                char got[512] = "";

                for (unsigned hour = 0; hour < 24; hour++) {
                        if (cron_matches(&cron, at(2026, 7, 8, hour, 0)))
                                append(got, sizeof got, hour);
                        CHECK(!cron_matches(&cron, at(2026, 7, 8, hour, 1)));
                }
                check_list(cases[i].expression, got, cases[i].hours);
        }
}

/* The days of a month: dates and weekdays. July 2026 begins on a Wednesday, August 2026 on a Saturday. */
static void test_days(void) {
        static const struct {
                const char *expression;
                unsigned year, month;
                const char *days;
        } cases[] = {
                { "0 0 1,15 * *", 2026, 7, "1 15" },
                { "0 0 */10 * *", 2026, 7, "10 20 30" },        /* divisible, not every tenth from the 1st */
                { "0 0 1-31/10 * *", 2026, 7, "1 11 21 31" },
                { "0 0 30-2 * *", 2026, 7, "1 2 30 31" },
                { "0 0 31 * *", 2026, 6, "" },

                /* the last one: month ends and leap years */
                { "0 0 L * *", 2026, 7, "31" },
                { "0 0 l * *", 2026, 6, "30" },
                { "0 0 L * *", 2026, 2, "28" },
                { "0 0 L * *", 2028, 2, "29" },
                { "0 0 L * *", 2100, 2, "28" },
                { "0 0 L * *", 2000, 2, "29" },
                { "0 0 29 2 *", 2028, 2, "29" },
                { "0 0 1,L * *", 2026, 7, "1 31" },

                /* the last weekday */
                { "0 0 LW * *", 2026, 7, "31" },                /* a Friday */
                { "0 0 lw * *", 2026, 5, "29" },                /* ends on a Sunday */
                { "0 0 LW * *", 2026, 1, "30" },                /* ends on a Saturday */

                /* the weekday nearest to a date */
                { "0 0 15W * *", 2026, 7, "15" },               /* a Wednesday */
                { "0 0 18W * *", 2026, 7, "17" },               /* a Saturday */
                { "0 0 19w * *", 2026, 7, "20" },               /* a Sunday */
                { "0 0 1W * *", 2026, 8, "3" },                 /* a Saturday with no month before it */
                { "0 0 1W * *", 2026, 2, "2" },                 /* a Sunday */
                { "0 0 31W * *", 2026, 5, "29" },               /* a Sunday with no month behind it */
                { "0 0 31W * *", 2026, 10, "30" },              /* a Saturday */
                { "0 0 30W * *", 2026, 2, "27" },               /* a day the month does not have: its end, a Saturday */
                { "0 0 1W,15W * *", 2026, 8, "3 14" },

                /* weekdays */
                { "0 0 * * 1", 2026, 7, "6 13 20 27" },
                { "0 0 * * 0", 2026, 7, "5 12 19 26" },
                { "0 0 * * 7", 2026, 7, "5 12 19 26" },
                { "0 0 * * L", 2026, 7, "5 12 19 26" },
                { "0 0 * * SUN", 2026, 7, "5 12 19 26" },
                { "0 0 * * mon,Fri", 2026, 7, "3 6 10 13 17 20 24 27 31" },
                { "0 0 * * sat-sun", 2026, 7, "4 5 11 12 18 19 25 26" },
                { "0 0 * * 6-0", 2026, 7, "4 5 11 12 18 19 25 26" },
                { "0 0 * * FRI-MON", 2026, 8, "1 2 3 7 8 9 10 14 15 16 17 21 22 23 24 28 29 30 31" },
                { "0 0 * * */7", 2026, 7, "5 12 19 26" },
                { "0 0 * * */3", 2026, 7, "1 4 8 11 15 18 22 25 29" },     /* Wednesday, Saturday */
                { "0 0 * * 5/2", 2026, 7, "3 5 10 12 17 19 24 26 31" },    /* Friday, Sunday as 7 */
                { "0 0 * * 0-2/2", 2026, 7, "7 14 21 28" },                /* not Sunday as 0 */

                /* n-th and last weekdays */
                { "0 0 * * 1#1", 2026, 7, "6" },
                { "0 0 * * wed#1", 2026, 7, "1" },
                { "0 0 * * 3#5", 2026, 7, "29" },
                { "0 0 * * 1#5", 2026, 7, "" },
                { "0 0 * * 0#2,7#3", 2026, 7, "12 19" },
                { "0 0 * * 5L", 2026, 7, "31" },
                { "0 0 * * friL", 2026, 2, "27" },
                { "0 0 * * 7L", 2026, 7, "26" },
                { "0 0 * * 0l", 2026, 7, "26" },
                { "0 0 * * 1#1,1L", 2026, 7, "6 27" },

                /* both fields must match */
                { "0 0 13 * 5", 2026, 2, "13" },
                { "0 0 13 * 5", 2026, 7, "" },
                { "0 0 1-7 * 1", 2026, 7, "6" },
                { "0 0 L * 5", 2026, 7, "31" },
                { "0 0 L * 4", 2026, 7, "" },
                { "0 0 1 * 1,*", 2026, 7, "1" },

                { "@weekly", 2026, 7, "5 12 19 26" },
                { "@monthly", 2026, 7, "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cron cron = parse(cases[i].expression);
                uint64_t first = at(cases[i].year, cases[i].month, 1, 0, 0);
                uint64_t next = at(cases[i].year, cases[i].month + 1, 1, 0, 0);
                unsigned n_days = (unsigned) ((next - first) / USEC_PER_SEC / 86400);
                char got[512] = "";

                for (unsigned day = 1; day <= n_days; day++)
                        if (cron_matches(&cron, at(cases[i].year, cases[i].month, day, 0, 0)))
                                append(got, sizeof got, day);
                check_list(cases[i].expression, got, cases[i].days);
        }
}

static void test_months(void) {
        static const struct {
                const char *expression, *months;
        } cases[] = {
                { "0 0 1 3 *", "3" },
                { "0 0 1 Jan,dEC *", "1 12" },
                { "0 0 1 L *", "12" },
                { "0 0 1 nov-feb *", "1 2 11 12" },
                { "0 0 1 */4 *", "4 8 12" },
                { "0 0 1 2/5 *", "2 7 12" },
                { "0 0 1 apr-jun *", "4 5 6" },
                { "@yearly", "1" },
                { "@annually", "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cron cron = parse(cases[i].expression);
                char got[512] = "";

                for (unsigned month = 1; month <= 12; month++)
                        if (cron_matches(&cron, at(2026, month, 1, 0, 0)))
                                append(got, sizeof got, month);
                check_list(cases[i].expression, got, cases[i].months);
        }
}

static void test_years(void) {
        static const struct {
                const char *expression, *years;
        } cases[] = {
                { "0 0 1 1 * 2026", "2026" },
                { "0 0 1 1 * 2027-2029", "2027 2028 2029" },
                { "0 0 1 1 * */4", "2024 2028" },
                { "0 0 1 1 * 2025/3", "2025 2028" },
                { "0 0 1 1 * *", "2023 2024 2025 2026 2027 2028 2029" },
                { "0 0 1 1 * 2028-2024", "2023 2024 2028 2029" },
                { "0 0 1 1 * 0", "" },
                { "0 0 1 1 * 3000", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cron cron = parse(cases[i].expression);
                char got[512] = "";

                for (unsigned year = 2023; year <= 2029; year++)
                        if (cron_matches(&cron, at(year, 1, 1, 0, 0)))
                                append(got, sizeof got, year);
                check_list(cases[i].expression, got, cases[i].years);
        }
        CHECK(cron_matches(&(Cron[]) { parse("0 0 1 1 * 3000") }[0], at(3000, 1, 1, 0, 0)));
        CHECK(!cron_matches(&(Cron[]) { parse("* * * * *") }[0], at(3001, 1, 1, 0, 0)));
}

static void test_every_minute(void) {
        static const char *const expressions[] = { "* * * * *", "*", "* * * * * *", "@minutely", "@secondly", "*/1 * * * *" };

        for (size_t i = 0; i < ELEMENTSOF(expressions); i++) {
                Cron cron = parse(expressions[i]);

                for (unsigned hours = 0; hours < 24 * 400; hours += 7)
                        CHECK(cron_matches(&cron, at(2027, 1, 1, hours, hours % 60)));
        }
}

static void test_refused(void) {
        static const struct {
                const char *expression, *message;
        } cases[] = {
                { "", "This field can't be blank." },
                { "@reboot", "can't be @reboot: it would never fire" },
                { "@Reboot", "can't be @reboot: it would never fire" },
                { "@fortnightly", "has an invalid minute field" },
                { "@daily ", "has an invalid minute field" },
                { "hello", "has an invalid minute field" },
                { " * * * * *", "has an invalid minute field" },
                { "60 * * * *", "has an invalid minute field" },
                { "-1 * * * *", "has an invalid minute field" },
                { "1- * * * *", "has an invalid minute field" },
                { "1-2-3 * * * *", "has an invalid minute field" },
                { "1, * * * *", "has an invalid minute field" },
                { ",1 * * * *", "has an invalid minute field" },
                { "1,,2 * * * *", "has an invalid minute field" },
                { "*/0 * * * *", "has an invalid minute field" },
                { "5/0 * * * *", "has an invalid minute field" },
                { "*/ * * * *", "has an invalid minute field" },
                { "/5 * * * *", "has an invalid minute field" },
                { "*/5/5 * * * *", "has an invalid minute field" },
                { "*/-5 * * * *", "has an invalid minute field" },
                { "*/99999 * * * *", "has an invalid minute field" },
                { "*-5 * * * *", "has an invalid minute field" },
                { "** * * * *", "has an invalid minute field" },
                { "1.5 * * * *", "has an invalid minute field" },
                { "00005 * * * *", "has an invalid minute field" },
                { "L * * * *", "has an invalid minute field" },
                { "\xff * * * *", "has an invalid minute field" },
                { "*\t* * * *", "has an invalid minute field" },
                { "jan * * * *", "has an invalid minute field" },
                { "*  * * *", "has an invalid hour field" },
                { "* 24 * * *", "has an invalid hour field" },
                { "* mon * * *", "has an invalid hour field" },
                { "* * 0 * *", "has an invalid day field" },
                { "* * 32 * *", "has an invalid day field" },
                { "* * W * *", "has an invalid day field" },
                { "* * 0W * *", "has an invalid day field" },
                { "* * 32W * *", "has an invalid day field" },
                { "* * WL * *", "has an invalid day field" },
                { "* * L-3 * *", "has an invalid day field" },
                { "* * 1#2 * *", "has an invalid day field" },
                { "* * * 0 *", "has an invalid month field" },
                { "* * * 13 *", "has an invalid month field" },
                { "* * * january *", "has an invalid month field" },
                { "* * * LW *", "has an invalid month field" },
                { "* * * * 8", "has an invalid weekday field" },
                { "* * * * LL", "has an invalid weekday field" },
                { "* * * * 8L", "has an invalid weekday field" },
                { "* * * * 1#0", "has an invalid weekday field" },
                { "* * * * 1#6", "has an invalid weekday field" },
                { "* * * * 1#", "has an invalid weekday field" },
                { "* * * * #1", "has an invalid weekday field" },
                { "* * * * 1#1#1", "has an invalid weekday field" },
                { "* * * * 1#11", "has an invalid weekday field" },
                { "* * * * 5W", "has an invalid weekday field" },
                { "* * * * * ", "has an invalid year field" },
                { "* * * * * 3001", "has an invalid year field" },
                { "* * * * * L", "has an invalid year field" },
                { "* * * * * * *", "has more than six fields" },
                { "* * * * * * ", "has more than six fields" },
        };
        static const Cron untouched = { .hours = 7 };
        char many[300] = "0";

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *message = "none";
                Cron cron = untouched;

                if (cron_parse(text_of(cases[i].expression), &cron, &message) != -EINVAL ||
                    strcmp(message, cases[i].message) != 0 || memcmp(&cron, &untouched, sizeof cron) != 0) {
                        fprintf(stderr, "\"%s\": \"%s\"\n", cases[i].expression, message);
                        exit(1);
                }
        }

        /* A list of 255 bytes is as long as one may be. */
        for (size_t length = 1; length < 255; length += 2)
                memcpy(many + length, ",5", 3);
        CHECK_INT(strlen(many), 255);
        CHECK_INT(cron_parse(text_of(many), &(Cron) {}, &(const char *) { NULL }), 0);
        const char *message = NULL;
        CHECK_INT(cron_parse(text_make(strcat(many, ","), 256), &(Cron) {}, &message), -EINVAL);
        CHECK_STRING(message, "is too long");
        CHECK_INT(cron_parse(text_make("0 0\0 * * *", 10), &(Cron) {}, &message), -EINVAL);
}

int main(void) {
        test_minutes();
        test_hours();
        test_days();
        test_months();
        test_years();
        test_every_minute();
        test_refused();
        return 0;
}
