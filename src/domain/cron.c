/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cron expressions: a field is a list of parts, a part sets bits in a value set, a moment matches when each
 * field has its bit. The language is the original's, see cron.h.
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
        const char *const *words;       /* three letters each, the first means 1 */
        unsigned n_words;
} FieldRule;

static const char *const month_words[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                           "jul", "aug", "sep", "oct", "nov", "dec" };
/* Sunday by name is the 7, so that MON-SUN is a week. */
static const char *const weekday_words[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static const FieldRule rules[_CRON_FIELD_MAX] = {
        [CRON_MINUTE] = { "minute", 0, 59 },
        [CRON_HOUR] = { "hour", 0, 23 },
        [CRON_DAY] = { "day", 1, 31 },
        [CRON_MONTH] = { "month", 1, 12, month_words, 12 },
        [CRON_WEEKDAY] = { "weekday", 0, 7, weekday_words, 7 },
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
        bool last_day, last_weekday;
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
                        *ret_value = i + 1;
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

static bool in_range(unsigned value, unsigned from, unsigned to) {
        return from <= to ? value >= from && value <= to : value >= from || value <= to;
}

/*
 * from … to, where a range whose end lies before its start wraps round; of these the values whose distance
 * from `base` the step divides. The original counts back behind the wrap: 50-10/7 means 50 57 1 8. Sunday is
 * 0 and 7: with a step only the 7 counts.
 */
static void set_range(FieldSet *set, FieldKind kind, unsigned from, unsigned to, unsigned base,
                      unsigned step) {
        const FieldRule *rule = &rules[kind];
        bool has_step = step > 0;

        for (unsigned value = rule->min; value <= rule->max; value++) {
                int distance = (int) value - (int) base;

                if (!in_range(value, from, to) || (has_step && distance % (int) step != 0))
                        continue;
                if (!(has_step && kind == CRON_WEEKDAY && value == 0))
                        set_value(set, value);
        }
}

/* d#n: the n-th such weekday of the month. */
static bool read_nth(FieldSet *set, const FieldRule *rule, Text part) {
        Text rest = part, day_text;
        unsigned day;

        text_split(&rest, '#', &day_text);
        if (!rest.data || rest.length != 1 || rest.data[0] < '1' || rest.data[0] > '5' ||
            !read_value(rule, day_text, &day))
                return false;
        set->nth[day % 7] |= (uint8_t) (1u << (rest.data[0] - '0'));
        return true;
}

/* Words that mean something in one field only. */
static bool read_word(FieldSet *set, FieldKind kind, Text part) {
        bool last = text_is_nocase(part, "L");

        if (kind == CRON_DAY && last)
                return set->last_day = true;
        if (kind == CRON_DAY && text_is_nocase(part, "LW"))
                return set->last_weekday = true;
        if (last && (kind == CRON_MONTH || kind == CRON_WEEKDAY)) {
                set_value(set, rules[kind].max);
                return true;
        }
        return false;
}

/* nW, dL, d#n. 0: none of them; -1: wrong; 1: done. */
static int read_special(FieldSet *set, FieldKind kind, Text part) {
        const FieldRule *rule = &rules[kind];
        Text head = { part.data, part.length - 1 };
        char last = part.data[part.length - 1];
        unsigned value;

        if (kind == CRON_DAY && (last == 'W' || last == 'w')) {
                if (!read_value(rule, head, &value))
                        return -1;
                set->near_days |= 1u << value;
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

/* a or a-b. */
static bool read_range(const FieldRule *rule, Text text, bool has_step, unsigned *ret_from,
                       unsigned *ret_to) {
        Text first;

        text_split(&text, '-', &first);
        if (!read_value(rule, first, ret_from))
                return false;
        if (text.data)
                return read_value(rule, text, ret_to);
        *ret_to = has_step ? rule->max : *ret_from;
        return true;
}

/* value, a-b, *, each with an optional step. With a step `*` means what the step divides, not every other
 * from the first. */
static bool read_plain(FieldSet *set, FieldKind kind, Text part) {
        const FieldRule *rule = &rules[kind];
        unsigned from, to, step = 0;
        Text range;

        text_split(&part, '/', &range);
        if (part.data && !read_step(part, &step))
                return false;

        if (text_is(range, "*")) {
                set_range(set, kind, rule->min, rule->max, 0, step);
                return true;
        }
        if (!read_range(rule, range, step > 0, &from, &to))
                return false;
        set_range(set, kind, from, to, from, step);
        return true;
}

static bool read_part(FieldSet *set, FieldKind kind, Text part) {
        int special;

        if (part.length == 0)
                return false;
        if (read_word(set, kind, part))
                return true;
        special = read_special(set, kind, part);
        return special > 0 || (special == 0 && read_plain(set, kind, part));
}

static bool read_field(FieldKind kind, Text field, FieldSet *set) {
        Text part;

        if (field.length == 0)
                return false;
        while (text_split(&field, ',', &part))
                if (!read_part(set, kind, part))
                        return false;
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
                break;
        case CRON_YEAR:
                memcpy(cron->years, set->values, sizeof set->values);
                break;
        case _CRON_FIELD_MAX:
                break;
        }
}

static Text expand_shorthand(Text expression) {
        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (text_is_nocase(expression, shorthands[i].name))
                        return text_of(shorthands[i].expression);
        return expression;
}

int cron_parse(Text expression, Cron *ret_cron, const char **ret_message) {
        static const char *const messages[_CRON_FIELD_MAX] = {
                [CRON_MINUTE] = "has an invalid minute field",
                [CRON_HOUR] = "has an invalid hour field",
                [CRON_DAY] = "has an invalid day field",
                [CRON_MONTH] = "has an invalid month field",
                [CRON_WEEKDAY] = "has an invalid weekday field",
                [CRON_YEAR] = "has an invalid year field",
        };
        const char *message = NULL;
        Cron cron = {};
        Text field;

        if (expression.length == 0)
                message = "This field can't be blank.";
        else if (expression.length > MAX_EXPRESSION)
                message = "is too long";
        else if (text_is_nocase(expression, "@reboot"))
                message = "can't be @reboot: it would never fire";

        expression = expand_shorthand(expression);
        for (FieldKind kind = 0; kind < _CRON_FIELD_MAX && !message; kind++) {
                FieldSet set = {};

                if (!text_split(&expression, ' ', &field))
                        field = TEXT("*");
                if (read_field(kind, field, &set))
                        keep_field(&cron, kind, &set);
                else
                        message = messages[kind];
        }
        if (!message && expression.data)
                message = "has more than six fields";
        if (message) {
                *ret_message = message;
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

/* The weekday nearest to `day`, inside the month: Saturday goes back, Sunday goes on, unless the month ends
 * there. */
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

static unsigned last_weekday(const struct tm *tm) {
        unsigned day = month_length(tm);

        while (weekday_of(tm, day) == 0 || weekday_of(tm, day) == 6)
                day--;
        return day;
}

/* The weekday nearest to a day that the month does not have is the one nearest to its end. */
static bool near_day_matches(const Cron *cron, const struct tm *tm) {
        for (unsigned near = 1; near <= 31; near++)
                if ((cron->near_days & (1u << near)) && nearest_weekday(tm, near) == (unsigned) tm->tm_mday)
                        return true;
        return false;
}

static bool day_matches(const Cron *cron, const struct tm *tm) {
        unsigned day = (unsigned) tm->tm_mday;

        return (cron->days & (1u << day)) || (cron->last_day && day == month_length(tm)) ||
               (cron->last_weekday && day == last_weekday(tm)) ||
               (cron->near_days && near_day_matches(cron, tm));
}

static bool weekday_matches(const Cron *cron, const struct tm *tm) {
        unsigned day = (unsigned) tm->tm_mday, weekday = (unsigned) tm->tm_wday;
        uint8_t nth = cron->nth_weekdays[weekday];

        if (cron->weekdays & (1u << weekday))
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
               (cron->months & (1u << (tm.tm_mon + 1))) &&
               has_value(cron->years, (unsigned) tm.tm_year + 1900) && day_matches(cron, &tm) &&
               weekday_matches(cron, &tm);
}
