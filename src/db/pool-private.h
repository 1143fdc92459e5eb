/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pool's two halves: pool.c has the queue, the deadlines and the answers, pool-conn.c the life of one
 * connection.
 */

#include "db/dial.h"
#include "db/prepared.h"
#include "db/submission.h"

/* Each state has its list; pool_conn_move() is the only way between them. */
typedef enum ConnState {
        CONN_CONNECTING,        /* not usable yet */
        CONN_IDLE,              /* may be given a batch */
        CONN_BUSY,              /* has batches under way and room for more */
        CONN_FULL,              /* has no room, or is not to be given any more */
        CONN_BROKEN,            /* waiting to connect again; at most one, it tries for all */
        _CONN_STATE_MAX,
} ConnState;

typedef struct PoolConn {
        List link;              /* pool->conns[state] */
        ConnState state;
        Pool *pool;
        Dial *dial;             /* while connecting */
        PGconn *pg;
        Watch *watch;
        Timer timer;            /* while broken */
        PreparedSet prepared;
        List in_flight;         /* submissions, in the order they were sent */
        unsigned n_in_flight;
        bool slow;              /* a slow batch is among them */
        bool worked;            /* it has answered a batch */
        uint64_t ready_usec;    /* since when it is connected */
        bool retiring;          /* gets no more batches, goes when the last one is answered */
        bool unflushed;
} PoolConn;

struct Pool {
        Loop *loop;
        char *conninfo;         /* holds the password, perhaps */
        size_t n_connections, n_queue_max;
        uint64_t timeout_usec;
        unsigned depth;
        bool prepare;

        List conns[_CONN_STATE_MAX];
        size_t n_conns;
        Backoff backoff;

        List waiting, slow;     /* submissions; slow: of BATCH_SLOW */
        size_t n_waiting;       /* in both */
        size_t n_slow;          /* connections with a slow batch */
        List finished;          /* to be answered */

        Soon turn;              /* sends what waits, answers what is finished */
        Timer deadline;         /* of the submission that is due first */

        bool up, closing;
        uint64_t lost_usec;     /* since when there is an outage that was logged; 0: there is none */
        void (*on_change)(bool up, void *userdata);
        void *on_change_userdata;
};

/* -- pool.c ------------------------------------------------------------------------------------ */

void pool_answer(Pool *pool, Submission *submission);           /* soon, with its result */
void pool_answer_errno(Pool *pool, Submission *submission, int error, const char *message);
void pool_put_back(Pool *pool, Submission *submission);         /* in front of all that waits */
Travel pool_travel(Pool *pool, PoolConn *conn);

/* -- pool-conn.c ------------------------------------------------------------------------------- */

void pool_conn_new(Pool *pool);                                 /* starts connecting */
PoolConn *pool_conn_free(PoolConn *conn);                       /* has no batches any more */
void pool_conn_send(PoolConn *conn, Submission *submission);
void pool_conn_flush(PoolConn *conn);
void pool_conn_lost(PoolConn *conn, const char *why);
size_t pool_n_ready(const Pool *pool);
