/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside db/ only: one batch on its way through the pool. Knows the messages it is made of on the wire and
 * reads their answers; which connection, when and how often is the pool's business.
 */

#include <libpq-fe.h>

#include "basic/list.h"
#include "db/pool.h"
#include "db/prepared.h"

typedef struct Step {
        enum { STEP_LIMITS, STEP_PREPARE, STEP_RUN } kind;
        const Query *query;
        size_t statement;
} Step;

typedef struct Submission {
        List link;              /* of exactly one: waiting, slow, a connection's in_flight, finished */
        Batch *batch;           /* the caller's: gone once it has been answered */
        PoolDone done;          /* NULL: answered already, what still comes is thrown away */
        void *userdata;
        unsigned flags;         /* the batch's */
        uint64_t due_usec;
        uint64_t sent_usec;
        uint64_t lost_usec;     /* when its connection was lost last */
        unsigned n_lost;        /* how often; together counts once */
        bool retried;           /* its second go for an error has been used up */
        BatchResult result;
        Step *steps;            /* what was sent, in order; `at` is the one whose answer comes next */
        size_t n_steps, at;
        size_t n_bytes;         /* of its parameters and results, this time */
        unsigned n_ends;        /* NULLs between the last step and the Sync, see submission_take() */
} Submission;

Submission *submission_new(Batch *batch, PoolDone done, void *userdata);
Submission *submission_free(Submission *submission);

/* How its statements travel. */
typedef struct Travel {
        PreparedSet *prepared;          /* NULL: nothing is prepared */
        uint64_t statement_timeout_usec; /* 0: the connection has it from its start */
} Travel;

/* Queues all messages and the Sync. False: the connection is gone. */
bool submission_send(Submission *submission, PGconn *pg, const Travel *travel);

/* Takes what PQgetResult() returned. */
typedef enum Taken {
        TAKEN_MORE,             /* and waits for more */
        TAKEN_ALL,              /* that was the last of it: result is complete */
        TAKEN_NONSENSE,         /* the connection has lost count: close it */
} Taken;
Taken submission_take(Submission *submission, PGresult *pg_result, const Travel *travel);

/* Fit to be sent again. */
void submission_rewind(Submission *submission);
/* Did it fail because of what the connection remembers, so that another one may do better? */
bool submission_blames_connection(const Submission *submission);
