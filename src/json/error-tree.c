/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A tree of complaints. A part hangs itself into its parent with its first complaint.
 */

#include "json/error-tree.h"

typedef struct Complaint {
        Text field, message;
        struct Complaint *next;
} Complaint;

struct ErrorTree {
        Arena *arena;
        ErrorTree *root, *parent;
        Text name;
        ErrorTree *first, *last, *next;         /* parts; those beside it */
        Complaint *complaints, *last_complaint;
        size_t n_complaints;                    /* of the root: all of them */
        bool attached;
};

ErrorTree *error_tree_new(Arena *arena) {
        ErrorTree *tree = arena_new(arena, ErrorTree, 1);

        tree->arena = arena;
        tree->root = tree;
        tree->attached = true;
        return tree;
}

ErrorTree *error_tree_part(ErrorTree *parent, Text name) {
        ErrorTree *part = arena_new(parent->arena, ErrorTree, 1);

        part->arena = parent->arena;
        part->root = parent->root;
        part->parent = parent;
        part->name = name.data ? arena_text(parent->arena, name) : TEXT("");
        return part;
}

static ErrorTree *find(const ErrorTree *parent, Text name) {
        ErrorTree *part = parent->first;

        while (part && !text_equal(part->name, name))
                part = part->next;
        return part;
}

/* Returns the part that shows: another of that name may have come first. */
static ErrorTree *attach(ErrorTree *part) {
        ErrorTree *parent, *same;

        if (part->attached)
                return part;
        parent = attach(part->parent);
        same = find(parent, part->name);
        if (same)
                return same;
        part->attached = true;
        part->parent = parent;
        if (parent->last)
                parent->last->next = part;
        else
                parent->first = part;
        parent->last = part;
        return part;
}

void error_tree_add(ErrorTree *part, const char *field, const char *message) {
        Complaint *complaint;

        if (part->root->n_complaints++ >= MAX_COMPLAINTS)
                return;
        part = attach(part);
        complaint = arena_new(part->arena, Complaint, 1);
        complaint->field = arena_text(part->arena, text_of(field));
        complaint->message = arena_text(part->arena, text_of(message));
        if (part->last_complaint)
                part->last_complaint->next = complaint;
        else
                part->complaints = complaint;
        part->last_complaint = complaint;
}

bool error_tree_is_empty(const ErrorTree *tree) {
        return tree->root->n_complaints == 0;
}

/* The first complaint about a field writes the others, too. */
static bool is_first(const ErrorTree *tree, const Complaint *complaint) {
        for (const Complaint *c = tree->complaints; c != complaint; c = c->next)
                if (text_equal(c->field, complaint->field))
                        return false;
        return true;
}

static void write_field(const Complaint *first, JsonWriter *w) {
        json_key_text(w, first->field);
        json_begin_array(w, NULL);
        for (const Complaint *c = first; c; c = c->next)
                if (text_equal(c->field, first->field))
                        json_text(w, NULL, c->message);
        json_end_array(w);
}

static void write_members(const ErrorTree *tree, JsonWriter *w) {
        for (const Complaint *c = tree->complaints; c; c = c->next)
                if (is_first(tree, c))
                        write_field(c, w);
        for (const ErrorTree *part = tree->first; part; part = part->next) {
                json_key_text(w, part->name);
                json_begin(w, NULL);
                write_members(part, w);
                json_end(w);
        }
}

void error_tree_write(const ErrorTree *tree, JsonWriter *w, const char *key) {
        json_begin(w, key);
        write_members(tree, w);
        json_end(w);
}

/* -- flat ------------------------------------------------------------------------------------------- */

static void write_part(const ErrorTree *part, const char *word, JsonWriter *w) {
        _cleanup_(buffer_deinit) Buffer line = BUFFER_NULL;

        buffer_append_string(&line, word);
        buffer_append_byte(&line, ' ');
        buffer_append_text(&line, part->name);
        buffer_append_string(&line, " has the errors: [");
        for (const Complaint *c = part->complaints; c; c = c->next) {
                buffer_append_text(&line, c->field);
                buffer_append_string(&line, ": ");
                buffer_append_text(&line, c->message);
                buffer_append_string(&line, c->next ? ", " : "]");
        }
        json_text(w, NULL, buffer_text(&line));
}

void error_tree_write_flat(const ErrorTree *tree, const ErrorTreeList *lists, JsonWriter *w, const char *key) {
        json_begin(w, key);
        for (const Complaint *c = tree->complaints; c; c = c->next)
                if (is_first(tree, c))
                        write_field(c, w);
        for (; lists->name; lists++) {
                const ErrorTree *list = find(tree, text_of(lists->name));

                if (!list)
                        continue;
                json_begin_array(w, lists->name);
                for (const ErrorTree *part = list->first; part; part = part->next)
                        write_part(part, lists->word, w);
                json_end_array(w);
        }
        json_end(w);
}
