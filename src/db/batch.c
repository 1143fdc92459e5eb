/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Batches are filled, and what came of them is kept.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/misuse.h"
#include "db/wire.h"

Batch *batch_new(Arena *arena, unsigned flags) {
        Batch *batch = arena_new(arena, Batch, 1);

        batch->arena = arena;
        batch->flags = flags;
        return batch;
}

static void make_room(Batch *batch) {
        size_t room = MAX(batch->room * 2, (size_t) 4);
        Statement *statements = arena_new(batch->arena, Statement, room);

        if (batch->n_statements > 0)
                memcpy(statements, batch->statements, sizeof *statements * batch->n_statements);
        batch->statements = statements;
        batch->room = room;
}

static void check_params(const Query *query, const Param *params, size_t n_params) {
        if (n_params != query->n_params || n_params > DB_MAX_PARAMS)
                db_misuse("The query %s takes %u parameters and was given %zu", query->name, query->n_params,
                          n_params);

        for (size_t i = 0; i < n_params; i++)
                if ((params[i].type == PARAM_TEXT || params[i].type == PARAM_BYTES) &&
                    params[i].text.length > DB_MAX_VALUE)
                        db_misuse("Parameter %zu of %s has %zu bytes: its size should have been limited",
                                  i + 1, query->name, params[i].text.length);
}

size_t batch_add_params(Batch *batch, const Query *query, const Param *params, size_t n_params) {
        check_params(query, params, n_params);
        if (batch->n_statements == batch->room)
                make_room(batch);

        batch->statements[batch->n_statements] = (Statement) {
                .query = query,
                .params = n_params > 0 ? arena_memdup(batch->arena, params, sizeof *params * n_params) : NULL,
                .n_params = n_params,
        };
        return batch->n_statements++;
}

void batch_result_init(BatchResult *result, size_t n_rows) {
        *result = (BatchResult) {
                .rows = n_rows > 0 ? xnew(Rows *, n_rows) : NULL,
                .n_rows = n_rows,
        };
}

static void drop_rows(BatchResult *result) {
        for (size_t i = 0; i < result->n_rows; i++)
                result->rows[i] = rows_free(result->rows[i]);
}

void batch_result_deinit(BatchResult *result) {
        drop_rows(result);
        free(result->rows);
        free((char *) result->constraint);
        free((char *) result->message);
        *result = (BatchResult) {};
}

static char *copy_field(const PGresult *pg_result, int field) {
        const char *value = PQresultErrorField(pg_result, field);

        return value ? xstrdup(value) : NULL;
}

void batch_result_fail(BatchResult *result, const PGresult *pg_result) {
        const char *sqlstate = PQresultErrorField(pg_result, PG_DIAG_SQLSTATE);

        if (result->error < 0)
                return;
        /* Without a code libpq itself speaks, and what it has to say is that the connection is gone. */
        if (!sqlstate)
                return batch_result_fail_errno(result, -ENOTCONN, "connection lost");

        result->error = db_error_from_sqlstate(sqlstate);
        strncpy(result->sqlstate, sqlstate, sizeof result->sqlstate - 1);
        result->constraint = copy_field(pg_result, PG_DIAG_CONSTRAINT_NAME);
        result->message = copy_field(pg_result, PG_DIAG_MESSAGE_PRIMARY);
        /* It was rolled back: rows of the statements before it tell of what never happened. */
        drop_rows(result);
}

void batch_result_fail_errno(BatchResult *result, int error, const char *message) {
        if (result->error < 0)
                return;

        result->error = error;
        result->message = xstrdup(message);
        drop_rows(result);
}
