/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A batch is a transaction: its statements travel together, one Sync behind them, and commit or roll back
 * together. Domain functions add to batches and know nothing of connections; daemons submit them (pool.h),
 * one-shots run them (conn.h).
 */

#include <stddef.h>

#include "basic/arena.h"
#include "db/query.h"
#include "db/rows.h"

typedef struct Statement {
        const Query *query;
        const Param *params;
        size_t n_params;
} Statement;

typedef enum BatchFlags {
        BATCH_READ = 1 << 0,            /* only reads: may be sent again after a lost connection */
        BATCH_IDEMPOTENT = 1 << 1,      /* writes that may be sent again: its ids make a second go harmless */
        BATCH_SLOW = 1 << 2,            /* a long search: goes to the slow lane */
} BatchFlags;

typedef struct Batch {
        Arena *arena;                   /* borrowed: statements and parameters live there */
        Statement *statements;
        size_t n_statements, room;
        unsigned flags;
} Batch;

Batch *batch_new(Arena *arena, unsigned flags);

/* Returns the statement's number: its result's place. Copies the parameters, not what they point to. */
size_t batch_add_params(Batch *batch, const Query *query, const Param *params, size_t n_params);
#define batch_add(batch, query, ...)                                                               \
        ({                                                                                         \
                const Param _params[] = { __VA_ARGS__ };                                           \
                batch_add_params((batch), (query), _params, ELEMENTSOF(_params));                  \
        })

/* What came of it. */
typedef struct BatchResult {
        int error;                      /* 0, or a negative errno of db/errors.c's table */
        char sqlstate[6];               /* of the statement that failed, else "" */
        const char *constraint;         /* its constraint, or NULL */
        const char *message;            /* primary message: for the journal, never for a peer */
        Rows **rows;                    /* one per statement; NULL where there is none */
        size_t n_rows;
} BatchResult;

void batch_result_deinit(BatchResult *result);

/* SQLSTATE → errno, in one table: unique violation -EEXIST, foreign key -ENOENT, check/not null -EINVAL,
 * serialization, deadlock -EAGAIN, statement timeout -ETIMEDOUT, connection -ENOTCONN, too many
 * connections or shutting down -ENOTCONN, undefined table/column -ENOTRECOVERABLE (migrations missing),
 * disk full -ENOSPC, the rest -EIO. Functions of ours RAISE with 'FX' and the number of the HTTP status
 * they mean: FX403 -EACCES, FX404 -ENOENT, FX409 -EEXIST, FX410 -ESTALE, FX422 -EINVAL, FX429 -EBUSY. */
int db_error_from_sqlstate(const char *sqlstate);
