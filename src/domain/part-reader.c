/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of a document, and lists of them.
 */

#include "domain/part-reader.h"

#include <errno.h>
#include <stdlib.h>

#include "basic/parse.h"
#include "json/check.h"

#define MAX_ENTRIES 2000        /* of one list */
#define MAX_PARTS 20000         /* of a document */
#define MAX_NAME 255

/* -- one part --------------------------------------------------------------------------------------- */

static bool has_field(const Field *fields, const char *const ignored[], Text key) {
        for (; fields->name; fields++)
                if (json_key_is(key, fields->name))
                        return true;
        for (; *ignored; ignored++)
                if (json_key_is(key, *ignored))
                        return true;
        return false;
}

static void refuse_extra(PartReader *reader, Text object, const Field *fields, const char *const ignored[], ErrorTree *errors) {
        Buffer message = BUFFER_NULL;
        size_t cursor = 0;
        Text key, value;

        while (json_next_member(object, &cursor, &key, &value)) {
                Text name;

                if (has_field(fields, ignored, key) || message.length > MAX_NAME)
                        continue;
                name = json_unescape_key(reader->arena, key);
                buffer_append_string(&message, message.length > 0 ? ", " : "extraneous parameters: ");
                buffer_append_text(&message, text_make(name.data, MIN(name.length, (size_t) 100)));
        }
        if (message.length > 0)
                error_tree_add(errors, "base", buffer_string(&message));
        buffer_deinit(&message);
}

bool part_read_fields(PartReader *reader, Text object, const Field *fields, const char *const ignored[], void *target,
                        ErrorTree *errors) {
        FieldErrors wrong = {};

        if (json_read(reader->arena, object, fields, target, &wrong) == -EBADMSG) {
                error_tree_add(errors, "base", "is invalid");
                return false;
        }
        for (size_t i = 0; i < wrong.n_errors; i++)
                error_tree_add(errors, wrong.errors[i].field, wrong.errors[i].message);
        if (!reader->lenient)
                refuse_extra(reader, object, fields, ignored, errors);
        return true;
}

/* -- lists ------------------------------------------------------------------------------------------- */

/* Numbers first, as numbers. */
static int compare_entries(const void *a, const void *b) {
        const PartEntry *one = a, *other = b;
        int r;

        if (one->number >= 0 && other->number >= 0)
                return (one->number > other->number) - (one->number < other->number);
        if ((one->number >= 0) != (other->number >= 0))
                return one->number >= 0 ? -1 : 1;
        r = memcmp(one->key.data, other->key.data, MIN(one->key.length, other->key.length));
        return r ?: (one->key.length > other->key.length) - (one->key.length < other->key.length);
}

static bool next_entry(PartReader *reader, Text list, size_t *cursor, PartEntry *entry) {
        Text key;

        if (json_kind(list) == JSON_ARRAY)
                return json_next_element(list, cursor, &entry->value);
        if (!json_next_member(list, cursor, &key, &entry->value))
                return false;
        entry->key = json_unescape_key(reader->arena, key);
        entry->number = parse_i64(entry->key, &entry->number) < 0 ? -1 : entry->number;
        return true;
}

PartEntry *part_read_list(PartReader *reader, Text list, const char *field, ErrorTree *errors, size_t *ret_n) {
        size_t cursor = 0, n = 0;
        PartEntry *entries, entry = {};

        *ret_n = 0;
        if (!list.data || json_kind(list) == JSON_NULL)
                return NULL;
        if (json_kind(list) != JSON_ARRAY && json_kind(list) != JSON_OBJECT) {
                error_tree_add(errors, field, "is invalid");
                return NULL;
        }
        while (n <= MAX_ENTRIES && next_entry(reader, list, &cursor, &entry))
                n++;
        reader->n_parts += n;
        if (n > MAX_ENTRIES || reader->n_parts > MAX_PARTS) {
                error_tree_add(errors, field, "has too many entries");
                return NULL;
        }

        entries = arena_new(reader->arena, PartEntry, n + 1);
        cursor = 0;
        for (size_t i = 0; i < n; i++)
                next_entry(reader, list, &cursor, &entries[i]);
        if (json_kind(list) == JSON_OBJECT)
                qsort(entries, n, sizeof *entries, compare_entries);
        *ret_n = n;
        return entries;
}

void part_note_new(PartReader *reader, const Uuid *id) {
        if (reader->n_new_ids == reader->room_new_ids) {
                Uuid *more = arena_new(reader->arena, Uuid, 2 * reader->room_new_ids + 64);

                if (reader->n_new_ids > 0)
                        memcpy(more, reader->new_ids, reader->n_new_ids * sizeof(Uuid));
                reader->new_ids = more;
                reader->room_new_ids = 2 * reader->room_new_ids + 64;
        }
        reader->new_ids[reader->n_new_ids++] = *id;
}

ErrorTree *part_errors(ErrorTree *list, bool by_id, const Uuid *id, Text name) {
        char text[UUID_STRING_SIZE];

        return error_tree_part(list, by_id ? text_of(uuid_format(id, text)) : name);
}
