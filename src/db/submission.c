/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A batch on the wire: for each statement perhaps a Prepare, then the statement, at the end one Sync.
 *
 * A query is prepared in the batch that needs it first, so that costs no round trip. If something before it
 * in the batch fails, the server skips the Prepare as well; each Prepare's own answer therefore says whether
 * the connection knows the query from now on. Until that answer is here, a batch behind on the same
 * connection cannot rely on it and sends its statement with its text. (A Prepare that was answered stays,
 * even if its transaction is rolled back.)
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "basic/clock.h"
#include "db/sql.h"
#include "db/submission.h"
#include "db/wire.h"

Submission *submission_new(Batch *batch, PoolDone done, void *userdata) {
        Submission *submission = xnew(Submission, 1);

        list_init(&submission->link);
        submission->batch = batch;
        submission->flags = batch->flags;
        submission->done = done;
        submission->userdata = userdata;
        return submission;
}

Submission *submission_free(Submission *submission) {
        if (!submission)
                return NULL;

        list_unlink(&submission->link);
        batch_result_deinit(&submission->result);
        free(submission->steps);
        free(submission);
        return NULL;
}

void submission_rewind(Submission *submission) {
        batch_result_deinit(&submission->result);
        free(submission->steps);
        submission->steps = NULL;
        submission->n_steps = submission->at = 0;
        submission->n_ends = 0;
}

/* -- sending ----------------------------------------------------------------------------------- */

static void add_step(Submission *submission, int kind, const Query *query, size_t statement) {
        submission->steps[submission->n_steps++] = (Step) {
                .kind = kind,
                .query = query,
                .statement = statement,
        };
}

/* Behind a transaction-pooling proxy a connection's settings are not ours: they travel with the batch and
 * end with its transaction. */
static bool send_limits(Submission *submission, PGconn *pg, uint64_t timeout_usec) {
        char msec[32];
        Param param;

        snprintf(msec, sizeof msec, "%llu", (unsigned long long) timeout_usec / USEC_PER_MSEC);
        param = P_STRING(msec);
        add_step(submission, STEP_LIMITS, &SQL_POOL_LIMITS, 0);
        return wire_send(pg, &(Statement) { &SQL_POOL_LIMITS, &param, 1 }, false);
}

static bool send_statement(Submission *submission, PGconn *pg, PreparedSet *prepared, size_t i) {
        const Statement *statement = &submission->batch->statements[i];
        PreparedEntry *entry;

        if (!prepared || !statement->query->name) {
                add_step(submission, STEP_RUN, statement->query, i);
                return wire_send(pg, statement, false);
        }

        entry = prepared_entry(prepared, statement->query);
        if (entry->state == PREPARED_NOT) {
                entry->state = PREPARED_UNDER_WAY;
                entry->by = submission;
                add_step(submission, STEP_PREPARE, statement->query, i);
                if (!wire_send_prepare(pg, statement->query))
                        return false;
        }

        add_step(submission, STEP_RUN, statement->query, i);
        return wire_send(pg, statement, entry->state == PREPARED_YES || entry->by == submission);
}

static size_t params_size(const Statement *statement) {
        size_t n_bytes = 0;

        for (size_t i = 0; i < statement->n_params; i++)
                if (statement->params[i].type == PARAM_TEXT || statement->params[i].type == PARAM_BYTES)
                        n_bytes += statement->params[i].text.length;
        return n_bytes;
}

bool submission_send(Submission *submission, PGconn *pg, const Travel *travel) {
        const Batch *batch = submission->batch;

        submission->n_bytes = 0;
        batch_result_init(&submission->result, batch->n_statements);
        submission->steps = xnew(Step, 2 * batch->n_statements + 1);

        if (travel->statement_timeout_usec > 0 &&
            !send_limits(submission, pg, travel->statement_timeout_usec))
                return false;

        for (size_t i = 0; i < batch->n_statements; i++) {
                submission->n_bytes += params_size(&batch->statements[i]);
                if (!send_statement(submission, pg, travel->prepared, i))
                        return false;
        }

        return PQpipelineSync(pg);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* An answer that somebody still waits for is kept. */
static void take_run(Submission *submission, size_t statement, PGresult *pg_result) {
        if (submission->done && submission->result.error == 0)
                submission->result.rows[statement] = rows_new(pg_result);
        else
                PQclear(pg_result);
}

static void take_prepare(const Submission *submission, const Query *query, bool success,
                         PreparedSet *prepared) {
        PreparedEntry *entry = prepared_entry(prepared, query);

        if (entry->by == submission)
                entry->state = success ? PREPARED_YES : PREPARED_NOT;
}

static void take_step(Submission *submission, PGresult *pg_result, const Travel *travel) {
        const Step *step = &submission->steps[submission->at];
        bool success = wire_is_success(pg_result);

        if (step->kind == STEP_PREPARE)
                take_prepare(submission, step->query, success, travel->prepared);
        submission->n_bytes += PQresultMemorySize(pg_result);
        /* What stands behind a failed statement is answered "aborted", which is not why. */
        if (PQresultStatus(pg_result) == PGRES_FATAL_ERROR)
                batch_result_fail(&submission->result, pg_result);

        if (success && step->kind == STEP_RUN)
                take_run(submission, step->statement, pg_result);
        else
                PQclear(pg_result);
}

/*
 * libpq 15 ends each step with a NULL and the Sync with nothing. There is one exception: when the commit
 * itself fails (a deferred constraint), the Sync is answered by an error and a NULL before its own result.
 */
static Taken take_end(Submission *submission, PGresult *pg_result) {
        ExecStatusType status = PQresultStatus(pg_result);

        if (status == PGRES_FATAL_ERROR && pg_result)
                batch_result_fail(&submission->result, pg_result);
        PQclear(pg_result);

        if (status == PGRES_PIPELINE_SYNC)
                return TAKEN_ALL;
        return ++submission->n_ends > 2 ? TAKEN_NONSENSE : TAKEN_MORE;
}

Taken submission_take(Submission *submission, PGresult *pg_result, const Travel *travel) {
        if (submission->at == submission->n_steps)
                return take_end(submission, pg_result);

        if (PQresultStatus(pg_result) == PGRES_PIPELINE_SYNC) {
                PQclear(pg_result);
                return TAKEN_NONSENSE;
        }

        if (pg_result)
                take_step(submission, pg_result, travel);
        else
                submission->at++;
        return TAKEN_MORE;
}

bool submission_blames_connection(const Submission *submission) {
        static const char *const sqlstates[] = {
                "0A000",        /* "cached plan must not change result type": a migration changed the table */
                "25006",        /* read-only: this was the primary and is a standby now */
                "26000",        /* the prepared statement is not there: a proxy gave us another session */
                "42P05",        /* … or it is there already: of another session's */
        };

        for (size_t i = 0; i < ELEMENTSOF(sqlstates); i++)
                if (strcmp(submission->result.sqlstate, sqlstates[i]) == 0)
                        return true;

        return false;
}
