/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Documents of clients, read part by part over what is there: a field that is absent stays, one that is null is
 * emptied. Lists come as arrays or as objects, whose keys only say the order. What nobody knows is refused, so
 * that a typing error is not silently ignored. All of it is limited.
 */

#include "json/error-tree.h"
#include "json/read.h"

typedef struct PartReader {
        Arena *arena;
        bool lenient;                   /* unknown members are nobody's business */
        bool by_id;                     /* complaints name parts by their ids instead of their names */
        size_t n_parts;                 /* so far */
        Uuid *new_ids;                  /* of what is to be made: they must be nobody's */
        size_t n_new_ids, room_new_ids;
} PartReader;

/* Reads an object's fields over `target`; members in `ignored` (ends with NULL) are known and not wanted. False:
 * it is no object. What is wrong with a field is told in `errors`, and the others are read all the same. */
bool part_read_fields(PartReader *reader, Text object, const Field *fields, const char *const ignored[], void *target,
                      ErrorTree *errors);

typedef struct PartEntry {
        Text key, value;                /* key: TEXT_NULL in an array */
        int64_t number;                 /* of a key that is one; -1: it is none */
} PartEntry;

/* In the order that counts: numbers first, as numbers, then by key. Absent and null: none. */
PartEntry *part_read_list(PartReader *reader, Text list, const char *field, ErrorTree *errors, size_t *ret_n);

void part_note_new(PartReader *reader, const Uuid *id);

/* Where complaints about a part go: by its name, or by its id. */
ErrorTree *part_errors(ErrorTree *list, bool by_id, const Uuid *id, Text name);
