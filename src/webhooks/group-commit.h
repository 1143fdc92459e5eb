/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Group commit: work orders that arrive while a batch is under way leave together in the next one, so that
 * many share one commit. There is no timer: a batch is what has gathered meanwhile. Each order is told once
 * its batch has been committed.
 *
 * Whatever happens to the database, an order that was told 0 is stored exactly once.
 */

#include "db/pool.h"
#include "domain/work-order.h"
#include "settings/settings.h"

typedef struct GroupCommit GroupCommit;

enum {
        _COMMIT_E_SUCCESS,
        COMMIT_E_REFUSED,       /* not stored: the trigger is not what it was when it was looked up */
};

/* Embedded in its owner. What the texts of `order` point to must live until `done` is called: exactly
 * once, from the loop, never inside group_commit_add(). 0, one of the above, -EHOSTDOWN (the database was
 * away for too long, perhaps only now), -ECANCELED (the program ends), or what the database has against
 * this very order. */
typedef struct CommitItem CommitItem;
struct CommitItem {
        NewWorkOrder order;
        void (*done)(CommitItem *item, int r);
        List link;
        uint64_t due_usec;      /* monotonic */
};

typedef struct GroupCommitConfig {
        const Settings *settings;               /* borrowed: may change */
        /* After a commit that stored something: work is waiting. */
        void (*stored)(void *userdata);
        void *userdata;
        unsigned n_flights;                     /* batches under way at once; 0: the default */
} GroupCommitConfig;

GroupCommit *group_commit_new(Loop *loop, Pool *pool, const GroupCommitConfig *config);
/* The program ends: orders that wait for the database to come back get -ECANCELED; the others are soon
 * done. */
void group_commit_stop(GroupCommit *commit);
/* Once nothing waits any more. */
GroupCommit *group_commit_free(GroupCommit *commit);
DEFINE_CLEANUP(GroupCommit, group_commit_free);

void group_commit_add(GroupCommit *commit, CommitItem *item);
/* Orders that wait for their commit. */
size_t group_commit_n_waiting(const GroupCommit *commit);
