/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Projects as their members read them, and the question that comes before reading anything else: may this
 * user look into that project?
 *
 * Every statement takes the user and joins the members: who forgets to ask gets nothing. A project that is
 * scheduled for deletion is open to nobody.
 */

#include <stdbool.h>

#include "db/batch.h"

/* What a user asked for may be there and yet be none of his. */
enum {
        _ACCESS_E_SUCCESS,
        ACCESS_E_UNKNOWN,       /* there is no such thing */
        ACCESS_E_REFUSED,       /* there is, in a project that is not open to the user */
};

/* Adds the question; returns the statement's number. */
size_t project_access(Batch *batch, const Uuid *user_id, const Uuid *project_id);
/* The answer, of all statements called …_access. */
int access_read(const Rows *rows);

/* -- putting one at an id ------------------------------------------------------------------------------- */

typedef struct ProjectMember {
        Text email, role;
        Uuid user_id;
} ProjectMember;

/* Column known: is there such a project? Returns the statement's number, as those below do. */
size_t project_find(Batch *batch, const Uuid *project_id);
/* Columns id, email of those users who have one of these addresses, in small letters. */
size_t project_find_users(Batch *batch, const ProjectMember *members, size_t n);
/* Makes or changes it: the batch ends with -EACCES when the user may not. Members are stored only with a new one.
 * Columns of the statement whose number is returned: as project_get()'s. */
size_t project_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, Text name, Text description,
                   const ProjectMember *members, size_t n_members);

/* A page of a list. */
typedef struct Slice {
        int64_t offset, n;
} Slice;

/* Columns: id, name, description, inserted_at, updated_at. Lists are in the order of names. Each returns the
 * statement's number; that of a count has one row with the column n. */
size_t project_list(Batch *batch, const Uuid *user_id, Slice slice);
size_t project_count(Batch *batch, const Uuid *user_id);
size_t project_get(Batch *batch, const Uuid *user_id, const Uuid *project_id);
