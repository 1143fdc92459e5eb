/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A query is a constant that tools/embed-sql made of a .sql file: `-- name: run_insert` becomes
 * SQL_RUN_INSERT. Parameters are values; what they point to must live until the batch is done (a call's
 * arena).
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/text.h"
#include "basic/uuid.h"

typedef struct Query {
        const char *name;               /* also the name of the prepared statement */
        const char *sql;
        unsigned n_params;
} Query;

typedef struct Param {
        enum { PARAM_NULL, PARAM_TEXT, PARAM_BYTES, PARAM_UUID, PARAM_INT, PARAM_TIME, PARAM_BOOL } type;
        union {
                Text text;              /* PARAM_TEXT, PARAM_BYTES */
                Uuid uuid;
                int64_t integer;        /* PARAM_INT; PARAM_TIME: µs since the epoch */
                bool boolean;
        };
} Param;

/* Texts go over the wire in binary form, so any byte but NUL may be in them and no length is guessed: the
 * parameter must be text (or bytea) in the statement: write `$1::text::citext` and the like for other
 * types. */
#define P_TEXT(t) ((Param) { .type = (t).data ? PARAM_TEXT : PARAM_NULL, .text = (t) })
#define P_STRING(s) P_TEXT(text_of(s))
/* bytea, or a binary array */
#define P_BYTES(t) ((Param) { .type = (t).data ? PARAM_BYTES : PARAM_NULL, .text = (t) })
#define P_UUID(u) ((Param) { .type = PARAM_UUID, .uuid = *(u) })        /* all zero is sent as null */
/* The parameter must be bigint: `$1::bigint`. */
#define P_INT(i) ((Param) { .type = PARAM_INT, .integer = (i) })
#define P_BOOL(b) ((Param) { .type = PARAM_BOOL, .boolean = (b) })
/* timestamptz; 0 is null */
#define P_TIME(usec) ((Param) { .type = (usec) ? PARAM_TIME : PARAM_NULL, .integer = (int64_t) (usec) })
#define P_NULL ((Param) { .type = PARAM_NULL })
