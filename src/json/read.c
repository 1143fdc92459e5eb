/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A field table meets a document. The members are walked once and sorted to their fields; then each
 * field, in the table's order, is read into the target or gets its message, in the original's words.
 */

#include <errno.h>

#include "basic/clock.h"
#include "basic/macros.h"
#include "basic/parse.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

#define LAST_MSEC 253402300799999ULL    /* of the year 9999 */

static const char message_blank[] = "This field can't be blank.";
static const char message_invalid[] = "is invalid";

void field_errors_add(FieldErrors *errors, const char *field, const char *message) {
        if (errors->n_errors < FIELD_MAX_ERRORS)
                errors->errors[errors->n_errors++] = (FieldError) { field, message };
}

/* One readable field: the raw value, and where it goes. */
typedef struct Reading {
        Arena *arena;
        const Field *field;
        Text value;             /* data NULL: absent or null */
        void *target;
} Reading;

/* A reader writes the target and returns NULL, or returns the message. */

/* PostgreSQL's text cannot hold U+0000. The escape was six bytes long, so U+FFFD has room where it stood. */
static Text without_nul(Arena *arena, Text text) {
        Text rest = text, part;
        size_t n = 0;
        char *data;

        for (size_t i = 0; i < text.length; i++)
                n += text.data[i] == 0;
        if (n == 0)
                return text;

        data = arena_alloc(arena, text.length + 2 * n + 1);
        text = text_make(data, text.length + 2 * n);
        while (text_split(&rest, 0, &part)) {
                data = (char *) mempcpy(data, part.data, part.length);
                if (rest.data)
                        data = (char *) mempcpy(data, "\xef\xbf\xbd", 3);
        }
        return text;
}

static const char *read_string(const Reading *reading) {
        Text text;

        if (json_unescape(reading->arena, reading->value, &text) < 0)
                return message_invalid;

        text = without_nul(reading->arena, text);
        if ((reading->field->flags & FIELD_REQUIRED) && text_trim(text).length == 0)
                return message_blank;
        if (reading->field->max > 0 && text_count_characters(text) > reading->field->max)
                return arena_printf(reading->arena, "should be at most %zu character(s)",
                                    reading->field->max);

        *(Text *) reading->target = text;
        return NULL;
}

/* A word or number, whether it stands in quotes or not. */
static Text bare(const Reading *reading) {
        Text text = reading->value;

        if (json_kind(text) == JSON_STRING && json_unescape(reading->arena, text, &text) < 0)
                return TEXT("");
        return text;
}

static const char *read_uuid(const Reading *reading) {
        if (json_kind(reading->value) != JSON_STRING || uuid_parse(bare(reading), reading->target) < 0)
                return message_invalid;
        return NULL;
}

static const char *read_int(const Reading *reading) {
        return parse_i64(bare(reading), reading->target) < 0 ? message_invalid : NULL;
}

static const char *read_bool(const Reading *reading) {
        Text text = bare(reading);
        bool quoted = json_kind(reading->value) == JSON_STRING;

        if (text_is(text, "true") || (quoted && text_is(text, "1")))
                *(bool *) reading->target = true;
        else if (text_is(text, "false") || (quoted && text_is(text, "0")))
                *(bool *) reading->target = false;
        else
                return message_invalid;
        return NULL;
}

static const char *read_raw(const Reading *reading) {
        *(Text *) reading->target = reading->value;
        return NULL;
}

static const char *read_object(const Reading *reading) {
        return json_kind(reading->value) == JSON_OBJECT ? read_raw(reading) : message_invalid;
}

static const char *read_array(const Reading *reading) {
        return json_kind(reading->value) == JSON_ARRAY ? read_raw(reading) : message_invalid;
}

static const char *read_time(const Reading *reading) {
        bool quoted = json_kind(reading->value) == JSON_STRING;
        Text text = bare(reading);
        uint64_t number;

        if (parse_u64(text, &number) < 0)
                return message_invalid;

        if (quoted && text.length == 16)
                *(uint64_t *) reading->target = number;
        else if ((!quoted || text.length == 13) && number <= LAST_MSEC)
                *(uint64_t *) reading->target = number * USEC_PER_MSEC;
        else
                return message_invalid;
        return NULL;
}

static const struct {
        const char *(*read)(const Reading *reading);
        size_t size;
} types[] = {
        [FIELD_STRING] = { read_string, sizeof(Text)     },
        [FIELD_UUID]   = { read_uuid,   sizeof(Uuid)     },
        [FIELD_INT]    = { read_int,    sizeof(int64_t)  },
        [FIELD_BOOL]   = { read_bool,   sizeof(bool)     },
        [FIELD_RAW]    = { read_raw,    sizeof(Text)     },
        [FIELD_OBJECT] = { read_object, sizeof(Text)     },
        [FIELD_ARRAY]  = { read_array,  sizeof(Text)     },
        [FIELD_TIME]   = { read_time,   sizeof(uint64_t) },
};

/* As the original does: "" is no id, no number, no time; it counts as null. */
static bool is_null(const Field *field, Text value) {
        if (field->type == FIELD_RAW)
                return json_kind(value) == JSON_NULL && !(field->flags & FIELD_KEEP_NULL);
        if (json_kind(value) == JSON_NULL)
                return true;
        return field->type != FIELD_STRING && text_is(value, "\"\"");
}

static const char *read_field(const Reading *reading) {
        const Field *field = reading->field;

        if (!reading->value.data || is_null(field, reading->value)) {
                if (field->flags & FIELD_REQUIRED)
                        return message_blank;
                if (reading->value.data && (field->flags & FIELD_CLEAR_NULL))
                        memset(reading->target, 0, types[field->type].size);
                return NULL;
        }
        return types[field->type].read(reading);
}

/* The raw value of each field, in the table's order; of equal keys the last one. */
static Text *sort_members(Arena *arena, Text document, const Field *fields, size_t n_fields) {
        Text *values = arena_new(arena, Text, n_fields), key, value;
        size_t cursor = 0;

        while (json_next_member(document, &cursor, &key, &value))
                for (size_t i = 0; i < n_fields; i++)
                        if (json_key_is(key, fields[i].name)) {
                                values[i] = value;
                                break;
                        }
        return values;
}

int json_read(Arena *arena, Text document, const Field *fields, void *target, FieldErrors *errors) {
        size_t n_fields = 0;
        Text *values;
        int r = 0;

        if (json_kind(document) != JSON_OBJECT)
                return -EBADMSG;

        while (fields[n_fields].name)
                n_fields++;
        values = sort_members(arena, document, fields, n_fields);

        for (size_t i = 0; i < n_fields; i++) {
                Reading reading = { arena, &fields[i], values[i], (char *) target + fields[i].offset };
                const char *message = read_field(&reading);

                if (!message)
                        continue;
                field_errors_add(errors, fields[i].name, message);
                r = -EINVAL;
        }
        return r;
}

static bool named_before(const FieldErrors *errors, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (strcmp(errors->errors[j].field, errors->errors[i].field) == 0)
                        return true;
        return false;
}

void field_errors_write(const FieldErrors *errors, JsonWriter *w, const char *key) {
        json_begin(w, key);
        for (size_t i = 0; i < errors->n_errors; i++) {
                const char *field = errors->errors[i].field;

                if (named_before(errors, i))
                        continue;

                json_begin_array(w, field);
                for (size_t j = i; j < errors->n_errors; j++)
                        if (strcmp(errors->errors[j].field, field) == 0)
                                json_string(w, NULL, errors->errors[j].message);
                json_end_array(w);
        }
        json_end(w);
}
