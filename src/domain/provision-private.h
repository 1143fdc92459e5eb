/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the document of provisioning is read: each level has its field table; lists and maps of the same things
 * are read alike, a list entry being keyed by its name.
 */

#include "domain/provision.h"

#define PROVISION_NAME_MAX 255

typedef struct Reader {
        Arena *arena;
        FieldErrors *errors;
        FieldErrors *ignored;
} Reader;

/* One entry of a list or a map: its key is the map's, or TEXT_NULL. */
typedef struct Entry {
        const char *path;       /* for messages: "users[0]" */
        Text key;
        Text value;             /* raw */
} Entry;

/* "path.field message"; either may be empty. */
void reader_complain(Reader *reader, const char *path, const char *field, const char *message);
/* json_read() with the path in front of each field's name. Keys that the table does not have are noted. */
bool reader_fields(Reader *reader, const char *path, Text value, const Field *fields, void *target);
/* All entries of a list or a map. TEXT_NULL and null have none. */
Entry *reader_entries(Reader *reader, const char *path, const char *field, Text value, size_t *ret_n);
/* Complains and returns false when two of the names are equal. They get
 * sorted. */
bool reader_unique(Reader *reader, const char *path, const char *field, Text *names, size_t n);
bool text_is_one_of(Text text, const char *const words[]);

void provision_read_workflow(Reader *reader, const Entry *entry, Draft *workflow);
