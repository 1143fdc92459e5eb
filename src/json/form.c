/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A form is a tree of levels. Each name walks down its brackets and makes the levels that are missing; each
 * level keeps what was put into it in order, and is only turned into a list or an object when it is written.
 *
 * Where a name leads is found in one hash table for all levels, keyed at random: a form with many names costs
 * no more per name than a short one, whoever chose them.
 */

#include <errno.h>

#include "json/form.h"
#include "json/writer.h"

typedef struct Level Level;
typedef struct Entry Entry;

struct Entry {
        Entry *next;
        Text name;              /* data NULL: an element, as in a[] */
        Text value;
        Level *level;           /* instead of a value */
        bool is_json;
        bool replaced;          /* a later one has its name */
};

struct Level {
        Entry *first, *last;
        Level *elements;        /* of a[][b]: all of them go into one */
};

/* What a name leads to in a level. */
typedef struct Slot {
        const Level *level;     /* NULL: free */
        Text name;
        Entry *latest;
        Level *child;
} Slot;

struct Form {
        Arena *arena;
        Level root;
        size_t n_fields;
        uint64_t seed;
        Slot *slots;
        size_t n_slots, n_used; /* a power of two */
};

/* -- names ------------------------------------------------------------------------------------------- */

static uint64_t hash(const Form *form, const Level *level, Text name) {
        uint64_t h = form->seed ^ (uintptr_t) level * 0x9e3779b97f4a7c15ULL;

        for (size_t i = 0; i < name.length; i++)
                h = (h ^ (uint8_t) name.data[i]) * 0x100000001b3ULL;
        h ^= h >> 32;
        h *= form->seed | 1;
        return h ^ h >> 29;
}

static Slot *find_slot(Form *form, const Level *level, Text name) {
        for (uint64_t at = hash(form, level, name);; at++) {
                Slot *slot = &form->slots[at & (form->n_slots - 1)];

                if (!slot->level || (slot->level == level && text_equal(slot->name, name)))
                        return slot;
        }
}

static void grow(Form *form) {
        Slot *old = form->slots;
        size_t n_old = form->n_slots;

        form->n_slots = MAX(n_old * 2, (size_t) 16);
        form->slots = arena_new(form->arena, Slot, form->n_slots);
        for (size_t i = 0; i < n_old; i++)
                if (old[i].level)
                        *find_slot(form, old[i].level, old[i].name) = old[i];
}

static Slot *take_slot(Form *form, const Level *level, Text name) {
        Slot *slot;

        if (form->n_used >= form->n_slots / 2)
                grow(form);

        slot = find_slot(form, level, name);
        if (!slot->level) {
                slot->level = level;
                slot->name = name;
                form->n_used++;
        }
        return slot;
}

/* -- filling ------------------------------------------------------------------------------------------ */

Form *form_new(Arena *arena) {
        Form *form = arena_new(arena, Form, 1);
        Uuid random = uuid_random();

        form->arena = arena;
        memcpy(&form->seed, random.bytes + 8, sizeof form->seed);
        return form;
}

static Entry *append(Form *form, Level *level, Text name) {
        Entry *entry = arena_new(form->arena, Entry, 1);

        entry->name = name;
        if (level->last)
                level->last->next = entry;
        else
                level->first = entry;
        level->last = entry;

        if (name.data) {
                Slot *slot = take_slot(form, level, name);

                if (slot->latest)
                        slot->latest->replaced = true;
                slot->latest = entry;
        }
        return entry;
}

static Level *append_level(Form *form, Level *level, Text name) {
        Level *child = arena_new(form->arena, Level, 1);

        append(form, level, name)->level = child;
        return child;
}

/* The level behind a name's next bracket. It is made where it is first needed and keeps that place. */
static Level *descend(Form *form, Level *level, Text name) {
        Slot *slot;
        Level *child;

        if (!name.data) {
                if (!level->elements)
                        level->elements = append_level(form, level, name);
                return level->elements;
        }

        child = take_slot(form, level, name)->child;
        if (!child) {
                child = append_level(form, level, name);
                slot = take_slot(form, level, name);    /* it may have moved */
                slot->child = child;
        }
        return child;
}

/* Cuts "b" off "b][c]" and off "b]". An empty one is an element. */
static Text next_bracket(Text *rest) {
        Text name;
        size_t i = 0;

        while (i + 1 < rest->length && !(rest->data[i] == ']' && rest->data[i + 1] == '['))
                i++;

        name = i > 0 ? text_make(rest->data, i) : TEXT_NULL;
        *rest = i + 1 < rest->length ? text_make(rest->data + i + 2, rest->length - i - 2) : TEXT_NULL;
        return name;
}

/* Only a name that ends in ']' and does not begin with '[' has brackets; any other means itself. */
static bool split_name(Text name, Text *ret_first, Text *ret_rest) {
        const char *bracket;

        if (name.length == 0 || name.data[name.length - 1] != ']')
                return false;

        bracket = memchr(name.data, '[', name.length);
        if (!bracket || bracket == name.data)
                return false;

        *ret_first = text_make(name.data, (size_t) (bracket - name.data));
        *ret_rest = text_make(bracket + 1, name.length - ret_first->length - 1);
        return true;
}

int form_add(Form *form, Text name, Text value, bool is_json) {
        Level *level = &form->root;
        Text rest = TEXT_NULL, first = name;
        unsigned depth = 0;
        Entry *entry;

        if (++form->n_fields > FORM_MAX_FIELDS)
                return -E2BIG;

        if (split_name(name, &first, &rest))
                while (rest.data) {
                        if (++depth > FORM_MAX_DEPTH)
                                return -E2BIG;
                        level = descend(form, level, first);
                        first = next_bracket(&rest);
                }

        entry = append(form, level, first);
        entry->value = value;
        entry->is_json = is_json;
        return 0;
}

/* -- writing ------------------------------------------------------------------------------------------ */

static void write_level(JsonWriter *w, const Level *level);

static void write_entry(JsonWriter *w, const Entry *entry) {
        if (entry->level)
                write_level(w, entry->level);
        else if (entry->is_json)
                json_raw(w, NULL, entry->value);
        else
                json_text(w, NULL, entry->value);
}

static void write_list(JsonWriter *w, const Level *level) {
        json_begin_array(w, NULL);
        for (const Entry *entry = level->first; entry; entry = entry->next)
                if (!entry->name.data)
                        write_entry(w, entry);
        json_end_array(w);
}

static void write_object(JsonWriter *w, const Level *level) {
        json_begin(w, NULL);
        for (const Entry *entry = level->first; entry; entry = entry->next)
                if (entry->name.data && !entry->replaced) {
                        json_key_text(w, entry->name);
                        write_entry(w, entry);
                }
        json_end(w);
}

/* No deeper than FORM_MAX_DEPTH. */
static void write_level(JsonWriter *w, const Level *level) {
        if (level->last && !level->last->name.data)
                write_list(w, level);
        else
                write_object(w, level);
}

void form_write(const Form *form, Buffer *json) {
        JsonWriter w = JSON_WRITER(json);

        write_level(&w, &form->root);
}

/* -- name=value&… -------------------------------------------------------------------------------------- */

static int hex(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

/* Unlike parse_percent() it lets NUL through: in JSON that is a character like others. */
static int decode(Arena *arena, Text raw, Text *ret_text) {
        Text text = raw;

        if (memchr(raw.data, '%', raw.length) || memchr(raw.data, '+', raw.length)) {
                char *p = arena_alloc(arena, raw.length + 1);

                text = text_make(p, 0);
                for (size_t i = 0; i < raw.length; i++) {
                        int high, low;

                        if (raw.data[i] != '%') {
                                p[text.length++] = raw.data[i] == '+' ? ' ' : raw.data[i];
                                continue;
                        }
                        if (raw.length - i < 3 || (high = hex(raw.data[i + 1])) < 0 ||
                            (low = hex(raw.data[i + 2])) < 0)
                                return -EINVAL;
                        p[text.length++] = (char) (high << 4 | low);
                        i += 2;
                }
        }
        if (!text_is_utf8(text))
                return -EILSEQ;

        *ret_text = text;
        return 0;
}

static int read_pair(Form *form, Text part) {
        Text value = part, name;
        int r;

        (void) text_split(&value, '=', &name);
        if (!value.data)
                value = TEXT("");

        r = decode(form->arena, name, &name);
        if (r < 0)
                return r;

        r = decode(form->arena, value, &value);
        if (r < 0)
                return r;

        return form_add(form, name, value, false);
}

int form_read_urlencoded(Arena *arena, Text text, Buffer *json) {
        Form *form;
        Text part;
        int r;

        if (text.length == 0) {
                buffer_append_string(json, "{}");
                return 0;
        }

        form = form_new(arena);
        while (text_split(&text, '&', &part)) {
                r = part.length > 0 ? read_pair(form, part) : 0;
                if (r < 0)
                        return r;
        }

        form_write(form, json);
        return 0;
}

const char *form_problem(int error) {
        switch (error) {
        case -EINVAL:
                return "a percent escape is broken";
        case -EILSEQ:
                return "it is not UTF-8";
        case -E2BIG:
                return "it has too many fields or a name with too many brackets";
        default:
                return "it is malformed";
        }
}
