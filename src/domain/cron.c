/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cron expressions: a field is a list of parts, a part sets bits in a value set, a moment matches when each field has its bit.
 * The language is the original's, see cron.h.
 */

#include "domain/cron.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "basic/macros.h"

#define MAX_YEAR 3000
#define MAX_EXPRESSION 255
#define LAST_OF_MONTH 7                 /* bit of nth_weekdays: the last such weekday */

typedef enum FieldKind {
        CRON_MINUTE,
        CRON_HOUR,
        CRON_DAY,
        CRON_MONTH,
        CRON_WEEKDAY,
        CRON_YEAR,
        _CRON_FIELD_MAX,
} FieldKind;

typedef struct FieldRule {
        const char *name;
        unsigned min, max;
        const char *const *words;       /* three letters each, from `first_word` on */
        unsigned n_words, first_word;
} FieldRule;

static const char *const month_words[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const weekday_words[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const FieldRule rules[_CRON_FIELD_MAX] = {
        [CRON_MINUTE] = { "minute", 0, 59 },
        [CRON_HOUR] = { "hour", 0, 23 },
        [CRON_DAY] = { "day", 1, 31 },
        [CRON_MONTH] = { "month", 1, 12, month_words, 12, 1 },
        [CRON_WEEKDAY] = { "weekday", 0, 7, weekday_words, 7, 0 },
        [CRON_YEAR] = { "year", 0, MAX_YEAR },
};

static const struct {
        const char *name, *expression;
} shorthands[] = {
        { "@yearly", "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
        { "@monthly", "0 0 1 * *" },
        { "@weekly", "0 0 * * 0" },
        { "@daily", "0 0 * * *" },
        { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },
        { "@minutely", "* * * * *" },
        { "@secondly", "* * * * *" },
};

/* -- parsing ------------------------------------------------------------------------------------- */

/* One field while it is read: plain values, plus what only some fields know. */
typedef struct FieldSet {
        uint8_t values[MAX_YEAR / 8 + 1];
        uint32_t near_days;
        uint8_t nth[7];
        bool last_day, last_weekday, any;
} FieldSet;

static void set_value(FieldSet *set, unsigned value) {
        set->values[value / 8] |= (uint8_t) (1u << (value % 8));
}

static bool has_value(const uint8_t *values, unsigned value) {
        return values[value / 8] & (1u << (value % 8));
}

/* A number or a name of the field. */
static bool read_value(const FieldRule *rule, Text text, unsigned *ret_value) {
        unsigned value = 0;

        if (text.length == 0 || text.length > 4)
                return false;
        for (unsigned i = 0; i < rule->n_words; i++)
                if (text_is_nocase(text, rule->words[i])) {
                        *ret_value = rule->first_word + i;
                        return true;
                }
        for (size_t i = 0; i < text.length; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return false;
                value = value * 10 + (unsigned) (text.data[i] - '0');
        }
        *ret_value = value;
        return value >= rule->min && value <= rule->max;
}

/* from … to in steps; a range whose end lies before its start wraps round. */
static void set_range(FieldSet *set, const FieldRule *rule, unsigned from, unsigned to, unsigned step) {
        unsigned span = to >= from ? to - from : (rule->max - rule->min + 1) - (from - to);

        for (unsigned i = 0; i <= span; i += step) {
                unsigned value = from + i;

                set_value(set, value > rule->max ? value - (rule->max - rule->min + 1) : value);
        }
}

/* `*` and `*` with a step: the values that the step divides, not every other from the first. */
static void set_divisible(FieldSet *set, const FieldRule *rule, unsigned step) {
        /* Sunday is 0 and 7; with a step only the 7 counts. */
        unsigned first = rule == &rules[CRON_WEEKDAY] && step > 1 ? 1 : rule->min;

        for (unsigned value = first; value <= rule->max; value++)
                if (value % step == 0)
                        set_value(set, value);
}

/* d#n: the n-th such weekday of the month. */
static bool read_nth(FieldSet *set, const FieldRule *rule, Text part) {
        Text rest = part, day_text;
        unsigned day;

        text_split(&rest, '#', &day_text);
        if (!rest.data || rest.length != 1 || rest.data[0] < '1' || rest.data[0] > '5' || !read_value(rule, day_text, &day))
                return false;
        set->nth[day % 7] |= (uint8_t) (1u << (rest.data[0] - '0'));
        return true;
}

/* What only days, weekdays and months know: L, LW, nW, dL, d#n. 0: not special; -1: wrong; 1: done. */
static int read_special(FieldSet *set, FieldKind kind, Text part) {
        const FieldRule *rule = &rules[kind];
        Text head = { part.data, part.length - 1 };
        char last = part.data[part.length - 1];
        unsigned value;

        if (kind == CRON_DAY && text_is_nocase(part, "L"))
                return set->last_day = true;
        if (kind == CRON_DAY && text_is_nocase(part, "LW"))
                return set->last_weekday = true;
        if (kind == CRON_MONTH && text_is_nocase(part, "L")) {
                set_value(set, 12);
                return 1;
        }
        if (kind == CRON_DAY && (last == 'W' || last == 'w')) {
                if (!read_value(rule, head, &value))
                        return -1;
                set->near_days |= 1u << value;
                return 1;
        }
        if (kind == CRON_WEEKDAY && text_is_nocase(part, "L")) {
                set_value(set, 0);
                return 1;
        }
        if (kind == CRON_WEEKDAY && (last == 'L' || last == 'l')) {
                if (!read_value(rule, head, &value))
                        return -1;
                set->nth[value % 7] |= 1u << LAST_OF_MONTH;
                return 1;
        }
        if (kind == CRON_WEEKDAY && memchr(part.data, '#', part.length))
                return read_nth(set, rule, part) ? 1 : -1;
        return 0;
}

static bool read_step(Text text, unsigned *ret_step) {
        static const FieldRule any = { "step", 1, MAX_YEAR };

        return read_value(&any, text, ret_step);
}

/* value, a-b, *, each with an optional step. */
static bool read_plain(FieldSet *set, FieldKind kind, Text part) {
        const FieldRule *rule = &rules[kind];
        Text rest = part, range, first;
        unsigned from, to, step = 1;
        bool has_step;

        text_split(&rest, '/', &range);
        has_step = rest.data != NULL;
        if (has_step && !read_step(rest, &step))
                return false;

        if (text_is(range, "*")) {
                set->any |= !has_step;
                set_divisible(set, rule, step);
                return true;
        }

        rest = range;
        text_split(&rest, '-', &first);
        if (!read_value(rule, first, &from))
                return false;
        if (rest.data) {
                if (!read_value(rule, rest, &to))
                        return false;
        } else
                to = has_step ? rule->max : from;
        set_range(set, rule, from, to, step);
        return true;
}

static bool read_field(FieldKind kind, Text field, FieldSet *set) {
        Text part;

        if (field.length == 0)
                return false;
        while (text_split(&field, ',', &part)) {
                int special;

                if (part.length == 0)
                        return false;
                special = read_special(set, kind, part);
                if (special < 0 || (special == 0 && !read_plain(set, kind, part)))
                        return false;
        }
        return true;
}

static uint64_t low_bits(const FieldSet *set, unsigned max) {
        uint64_t bits = 0;

        for (unsigned value = 0; value <= max; value++)
                if (has_value(set->values, value))
                        bits |= 1ULL << value;
        return bits;
}

static void keep_field(Cron *cron, FieldKind kind, const FieldSet *set) {
        switch (kind) {
        case CRON_MINUTE:
                cron->minutes = low_bits(set, 59);
                break;
        case CRON_HOUR:
                cron->hours = (uint32_t) low_bits(set, 23);
                break;
        case CRON_DAY:
                cron->days = (uint32_t) low_bits(set, 31);
                cron->near_days = set->near_days;
                cron->last_day = set->last_day;
                cron->last_weekday = set->last_weekday;
                break;
        case CRON_MONTH:
                cron->months = (uint32_t) low_bits(set, 12);
                break;
        case CRON_WEEKDAY:
                cron->weekdays = (uint8_t) (low_bits(set, 6) | (has_value(set->values, 7) ? 1 : 0));
                memcpy(cron->nth_weekdays, set->nth, sizeof set->nth);
                cron->any_weekday = set->any;
                break;
        case CRON_YEAR:
                memcpy(cron->years, set->values, sizeof set->values);
                break;
        case _CRON_FIELD_MAX:
                break;
        }
}

int cron_parse(Text expression, Cron *ret_cron, const char **ret_message) {
        static const char *const messages[_CRON_FIELD_MAX] = {
                "has an invalid minute field", "has an invalid hour field",    "has an invalid day field",
                "has an invalid month field",  "has an invalid weekday field", "has an invalid year field",
        };
        Cron cron = {};
        Text field;

        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (text_is_nocase(expression, shorthands[i].name))
                        expression = text_of(shorthands[i].expression);
        if (text_is_nocase(expression, "@reboot")) {
                *ret_message = "can't be @reboot: it would never fire";
                return -EINVAL;
        }
        if (expression.length == 0 || expression.length > MAX_EXPRESSION) {
                *ret_message = expression.length ? "is too long" : "This field can't be blank.";
                return -EINVAL;
        }

        for (FieldKind kind = 0; kind < _CRON_FIELD_MAX; kind++) {
                FieldSet set = {};

                if (!text_split(&expression, ' ', &field))
                        field = TEXT("*");
                if (!read_field(kind, field, &set)) {
                        *ret_message = messages[kind];
                        return -EINVAL;
                }
                keep_field(&cron, kind, &set);
        }
        if (expression.data) {
                *ret_message = "has more than six fields";
                return -EINVAL;
        }

        *ret_cron = cron;
        return 0;
}

/* -- matching ------------------------------------------------------------------------------------- */

static unsigned month_length(const struct tm *tm) {
        static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        unsigned year = (unsigned) tm->tm_year + 1900;
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return lengths[tm->tm_mon] + (tm->tm_mon == 1 && leap ? 1 : 0);
}

/* The weekday (0: Sunday) of another day of the same month. */
static unsigned weekday_of(const struct tm *tm, unsigned day) {
        return ((unsigned) tm->tm_wday + 35 + day - (unsigned) tm->tm_mday) % 7;
}

/* The weekday nearest to `day`, inside the month: Saturday goes back, Sunday goes on, unless the month ends there. */
static unsigned nearest_weekday(const struct tm *tm, unsigned day) {
        unsigned length = month_length(tm);

        day = MIN(day, length);
        switch (weekday_of(tm, day)) {
        case 6:
                return day == 1 ? day + 2 : day - 1;
        case 0:
                return day == length ? day - 2 : day + 1;
        default:
                return day;
        }
}

static bool day_matches(const Cron *cron, const struct tm *tm) {
        unsigned day = (unsigned) tm->tm_mday, length = month_length(tm);

        if (cron->days & (1u << day))
                return true;
        if (cron->last_day && day == length)
                return true;
        if (cron->last_weekday) {
                unsigned last = length;

                while (weekday_of(tm, last) == 0 || weekday_of(tm, last) == 6)
                        last--;
                if (day == last)
                        return true;
        }
        for (unsigned near = 1; cron->near_days && near <= 31; near++)
                if ((cron->near_days & (1u << near)) && near <= length && nearest_weekday(tm, near) == day)
                        return true;
        return false;
}

static bool weekday_matches(const Cron *cron, const struct tm *tm) {
        unsigned day = (unsigned) tm->tm_mday, weekday = (unsigned) tm->tm_wday;
        uint8_t nth = cron->nth_weekdays[weekday];

        if (cron->any_weekday || (cron->weekdays & (1u << weekday)))
                return true;
        if (nth & (1u << ((day - 1) / 7 + 1)))
                return true;
        return (nth & (1u << LAST_OF_MONTH)) && day + 7 > month_length(tm);
}

bool cron_matches(const Cron *cron, uint64_t usec) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > MAX_YEAR)
                return false;
        return (cron->minutes & (1ULL << tm.tm_min)) && (cron->hours & (1u << tm.tm_hour)) &&
               (cron->months & (1u << (tm.tm_mon + 1))) && has_value(cron->years, (unsigned) tm.tm_year + 1900) &&
               day_matches(cron, &tm) && weekday_matches(cron, &tm);
}
