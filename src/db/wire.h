/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside db/ only: the two places where our values meet libpq. Parameters go out in binary form, results come
 * in in binary form and become Rows.
 */

#include <libpq-fe.h>

#include "basic/buffer.h"
#include "db/batch.h"
#include "db/rows.h"

#define DB_MAX_PARAMS 64                /* of one statement; tools/embed-sql knows it too */
#define DB_MAX_VALUE ((size_t) 0x3fffffff)      /* PostgreSQL's own limit */

/* db_conninfo() with settings the server gets at the start of the session ("-c name=value"; behind those
 * of the URL). */
int conninfo_build(Text url, bool disable_ssl, const char *application_name, const char *server_options,
                   Buffer *ret_conninfo);
void conninfo_wipe(Buffer *conninfo);

/* PostgreSQL counts microseconds from 2000-01-01. */
int64_t wire_time(uint64_t usec);
uint64_t wire_time_usec(int64_t wire);

/* Each queues one message: false when libpq refused (out of memory, connection dead). */
bool wire_send_prepare(PGconn *pg, const Query *query);
bool wire_send(PGconn *pg, const Statement *statement, bool prepared);

/* Takes the result over. */
Rows *rows_new(PGresult *pg_result);
Rows *rows_free(Rows *rows);
DEFINE_CLEANUP(Rows, rows_free);

/* Is it an outcome of a statement that worked? */
bool wire_is_success(const PGresult *pg_result);

/* A result with room for one Rows per statement. */
void batch_result_init(BatchResult *result, size_t n_rows);
/* Notes why: the first failure counts, what it has dragged along does not. */
void batch_result_fail(BatchResult *result, const PGresult *pg_result);
void batch_result_fail_errno(BatchResult *result, int error, const char *message);

/* Notices to the journal's debug level; libpq would print them. */
void wire_quiet(PGconn *pg);
