/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection, synchronous: for one-shots and fulgurctl. Runs the same batches as the pool, in straight
 * code.
 */

#include <stdbool.h>

#include "db/batch.h"

typedef struct Conn Conn;

/* -EINVAL: url not understood; -ENOTCONN; both logged. `disable_ssl`: conninfo.h. */
int conn_open(const char *url, bool disable_ssl, const char *application_name, Conn **ret_conn);
Conn *conn_free(Conn *conn);
DEFINE_CLEANUP(Conn, conn_free);

/* Runs the batch as one transaction. Returns result->error. */
int conn_run(Conn *conn, Batch *batch, BatchResult *ret_result);
/* A script of several statements in one simple query (migrations): no parameters, no result. */
int conn_script(Conn *conn, const char *sql, const char **ret_message);
/* One-line help for the journal about the last failure; never holds the URL. */
const char *conn_error(const Conn *conn);
/* Waits for notifications at most that long: 1 when one came, 0 when not. LISTEN goes through
 * conn_script(). */
int conn_wait_notify(Conn *conn, uint64_t timeout_usec);
