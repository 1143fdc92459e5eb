/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The asynchronous pool: N connections in pipeline mode on the loop, opened on demand, one list per state.
 * What is submitted in one turn leaves together. Batches wait in a bounded queue while the database is away.
 */

#include "db/batch.h"
#include "loop/loop.h"

typedef struct Pool Pool;

typedef struct PoolConfig {
        const char *url;                /* copied; empty: libpq's defaults */
        size_t n_connections;
        size_t n_queue_max;             /* batches that may wait; more: -EBUSY at once. Default 1024 */
        uint64_t timeout_usec;          /* per batch and, on the server, per statement. Default 15 s */
        bool prepare;                   /* false: no prepared statements (transaction-pooling proxies) */
        bool disable_ssl;               /* DISABLE_DB_SSL: TCP without TLS is allowed (conninfo.h) */
        unsigned depth;                 /* batches under way on one connection: see pool.c. Default 4 */
        const char *application_name;   /* shown in pg_stat_activity */
} PoolConfig;

/* Starts connecting at once; never fails for a database that is away. -EINVAL: url not understood, logged. */
int pool_new(Loop *loop, const PoolConfig *config, Pool **ret_pool);
Pool *pool_free(Pool *pool);            /* what is still waiting gets -ECANCELED; not from within `done` */
DEFINE_CLEANUP(Pool, pool_free);

/* `done` is called exactly once, from the loop, never inside pool_submit(). The result is the pool's and
 * is freed after `done` unless it is moved out (`*mine = *result; *result = (BatchResult) {}`). The batch
 * and its arena must live until then. */
typedef void (*PoolDone)(void *userdata, BatchResult *result);
void pool_submit(Pool *pool, Batch *batch, PoolDone done, void *userdata);

typedef struct PoolStatus {
        size_t n_ready, n_connections, n_waiting, n_in_flight;
} PoolStatus;
void pool_status(const Pool *pool, PoolStatus *ret_status);
/* Is there a connection that works? */
bool pool_is_up(const Pool *pool);
/* Called whenever that changes. */
void pool_on_change(Pool *pool, void (*handler)(bool up, void *userdata), void *userdata);
