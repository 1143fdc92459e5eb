/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Orders wait in a lane and travel in flights. A flight is one transaction; its life:
 *
 *     filled from a lane → submitted ─┬→ committed: everybody is told
 *                                     ├→ the database is away: waits, is submitted again (WEBHOOK_RETRY_…)
 *                                     ├→ an earlier try was committed: asks what is stored, submits the rest
 *                                     └→ an order is wrong: split in two, until the culprit flies alone
 *
 * Large bodies have a lane of their own, one flight at a time: a batch of ten megabytes takes as long as
 * hundreds of small ones, which pass it on another connection.
 */

#include <assert.h>
#include <errno.h>

#include "basic/clock.h"
#include "log/log.h"
#include "webhooks/group-commit.h"
#include "webhooks/retry.h"

#define FLIGHT_MAX_ITEMS 256
#define FLIGHT_MAX_BYTES (8 * 1024 * 1024)
#define LARGE_BYTES (64 * 1024)

/*
 * Normally one small flight at a time: measured against two and three, it costs PostgreSQL a sixth to a third
 * less CPU for each webhook, because batches are larger, and stores as many. But one commit that stalls would
 * hold up everybody: behind a flight of that age another one may leave.
 */
#define N_FLIGHTS 2
#define OVERTAKE_USEC (25 * USEC_PER_MSEC)

typedef enum LaneKind {
        LANE_SMALL,
        LANE_LARGE,
        _LANE_MAX,
} LaneKind;

typedef struct Lane {
        List items;             /* waiting, the oldest first */
        List flights;           /* under way or waiting for their next try */
        List halves;            /* split off, waiting for a place: before anything new */
        unsigned n_flights, max_flights;
} Lane;

struct GroupCommit {
        Loop *loop;
        Pool *pool;
        GroupCommitConfig config;
        Lane lanes[_LANE_MAX];
        size_t n_waiting;
        Soon launch;            /* what one turn brought leaves together */
        Timer overtake;         /* the flight under way becomes so old that another may leave */
        Timer patience;         /* of the oldest that waits in a lane */
        bool stopping;
};

typedef struct Flight {
        GroupCommit *commit;
        Lane *lane;
        List link;
        CommitItem *items[FLIGHT_MAX_ITEMS];
        size_t n_items;
        unsigned n_tries;
        uint64_t launched_usec; /* monotonic */
        Timer again;
        Arena arena;            /* of the batch */
        WorkOrderRows *rows;
} Flight;

static void flight_submit(Flight *flight);
static void flight_ask(Flight *flight);
static void launch_all(GroupCommit *commit);

/* -- telling ------------------------------------------------------------------------------------------ */

static void tell(GroupCommit *commit, CommitItem *item, int r) {
        commit->n_waiting--;
        item->done(item, r);
}

/* The callers of a flight are told after the next flight has left: the database works while we write
 * answers. */
static void flight_land(Flight *flight, const bool stored[]) {
        GroupCommit *commit = flight->commit;
        size_t n_stored = 0;

        list_unlink(&flight->link);
        flight->lane->n_flights--;
        launch_all(commit);

        for (size_t i = 0; i < flight->n_items; i++) {
                n_stored += stored[i];
                tell(commit, flight->items[i], stored[i] ? 0 : COMMIT_E_REFUSED);
        }
        if (n_stored > 0)
                commit->config.stored(commit->config.userdata);
}

/* -- life of a flight --------------------------------------------------------------------------------- */

static void drop_batch(Flight *flight) {
        flight->rows = work_order_rows_free(flight->rows);
        arena_deinit(&flight->arena);
}

static Flight *flight_free(Flight *flight) {
        if (!flight)
                return NULL;

        timer_stop(&flight->again);
        list_unlink(&flight->link);
        drop_batch(flight);
        free(flight);
        return NULL;
}

/* With an error for everybody on board. Its place becomes free first. */
static void flight_fail(Flight *flight, int error) {
        GroupCommit *commit = flight->commit;

        list_unlink(&flight->link);
        flight->lane->n_flights--;
        soon_call(&commit->launch);

        for (size_t i = 0; i < flight->n_items; i++)
                tell(commit, flight->items[i], error);
        (void) flight_free(flight);
}

static void on_again(Timer *timer) {
        Flight *flight = container_of(timer, Flight, again);

        flight_submit(flight);
}

static Flight *flight_new(GroupCommit *commit, Lane *lane) {
        Flight *flight = xmalloc(sizeof *flight);

        /* Not all of it: the places of the items are most of it. */
        flight->commit = commit;
        flight->lane = lane;
        flight->n_items = 0;
        flight->n_tries = 0;
        flight->arena = ARENA_NULL;
        flight->rows = NULL;
        list_init(&flight->link);
        timer_init(&flight->again, commit->loop, on_again);
        return flight;
}

static size_t item_size(const CommitItem *item) {
        return item->order.body.length + item->order.request.length;
}

/* Writers meet a workflow's rows in one order, and the pages of its indexes are met together. */
static int compare_items(const void *a, const void *b) {
        const NewWorkOrder *x = &(*(CommitItem *const *) a)->order, *y = &(*(CommitItem *const *) b)->order;
        int r = memcmp(&x->trigger_id, &y->trigger_id, sizeof x->trigger_id);

        return r != 0 ? r : memcmp(&x->work_order_id, &y->work_order_id, sizeof x->work_order_id);
}

static void fill_rows(Flight *flight) {
        size_t n_bytes = 0;

        for (size_t i = 0; i < flight->n_items; i++)
                n_bytes += flight->items[i]->order.body.length + sizeof(uint32_t);

        flight->rows = work_order_rows_new(n_bytes);
        for (size_t i = 0; i < flight->n_items; i++)
                work_order_rows_add(flight->rows, &flight->items[i]->order);
}

/* -- what came of it ---------------------------------------------------------------------------------- */

static void log_refusal(const CommitItem *item, const BatchResult *result) {
        char work_order[UUID_STRING_SIZE], trigger[UUID_STRING_SIZE];
        LogContext context = {};

        (void) uuid_format(&item->order.work_order_id, work_order);
        (void) uuid_format(&item->order.trigger_id, trigger);
        log_context_set(&context, "FULGUR_WORK_ORDER_ID", work_order);
        log_context_set(&context, "FULGUR_TRIGGER_ID", trigger);
        log_context_set(&context, "FULGUR_SQLSTATE", result->sqlstate);
        (void) log_full(LOG_ERR, result->error, &context, NULL, "The database does not take a webhook: %s",
                        result->message ? result->message : "no reason given");
}

/* The second half waits for a place; the first one keeps this one's. */
static void flight_split(Flight *flight) {
        Flight *half = flight_new(flight->commit, flight->lane);
        size_t n = flight->n_items / 2;

        half->n_items = flight->n_items - n;
        memcpy(half->items, flight->items + n, sizeof *half->items * half->n_items);
        list_append(&flight->lane->halves, &half->link);

        flight->n_items = n;
        flight->n_tries = 0;
        flight_submit(flight);
}

/* Those whose time is up before the next try are told now. */
static void drop_impatient(Flight *flight, uint64_t until_usec) {
        size_t n = 0;

        for (size_t i = 0; i < flight->n_items; i++) {
                CommitItem *item = flight->items[i];

                if (item->due_usec < until_usec)
                        tell(flight->commit, item, -EHOSTDOWN);
                else
                        flight->items[n++] = item;
        }
        flight->n_items = n;
}

static void flight_wait(Flight *flight) {
        uint64_t delay;

        if (flight->commit->stopping)
                return flight_fail(flight, -ECANCELED);
        if (!retry_delay(flight->commit->config.settings, flight->n_tries, &delay))
                return flight_fail(flight, -EHOSTDOWN);

        drop_impatient(flight, clock_monotonic_usec() + delay);
        if (flight->n_items == 0)
                return flight_fail(flight, -EHOSTDOWN);

        timer_start(&flight->again, delay);
}

static void flight_failed(Flight *flight, const BatchResult *result) {
        int error = result->error;

        if (error == -ECANCELED)
                return flight_fail(flight, error);
        if (error == -EEXIST)
                return flight_ask(flight);
        if (retry_may_help(error))
                return flight_wait(flight);
        if (flight->n_items > 1)
                return flight_split(flight);

        log_refusal(flight->items[0], result);
        flight_fail(flight, error);
}

static void on_submitted(void *userdata, BatchResult *result) {
        Flight *flight = userdata;
        bool stored[FLIGHT_MAX_ITEMS] = {};

        if (result->error < 0) {
                drop_batch(flight);
                return flight_failed(flight, result);
        }

        work_order_read_stored(result->rows[0], stored, flight->n_items);
        flight_land(flight, stored);
        (void) flight_free(flight);
}

static void flight_submit(Flight *flight) {
        const Settings *settings = flight->commit->config.settings;
        const WorkOrderTerms terms = {
                .trigger_type = "webhook",
                .run_timeout_msec = settings->max_run_duration_seconds * 1000,
                .run_memory_limit_mb = settings->max_run_memory_mb,
        };
        Batch *batch = batch_new(&flight->arena, BATCH_IDEMPOTENT);

        fill_rows(flight);
        work_order_enqueue(batch, flight->rows, &terms);
        flight->n_tries++;
        pool_submit(flight->commit->pool, batch, on_submitted, flight);
}

/* -- when a try before was committed after all ---------------------------------------------------------- */

/* Who is stored is told so; the rest flies again. */
static void flight_keep_unknown(Flight *flight, const bool stored[]) {
        GroupCommit *commit = flight->commit;
        size_t n = 0;

        for (size_t i = 0; i < flight->n_items; i++) {
                CommitItem *item = flight->items[i];

                if (stored[i])
                        tell(commit, item, 0);
                else
                        flight->items[n++] = item;
        }
        if (n < flight->n_items) {
                log_info("The answer to a commit was lost: %zu webhooks in it are stored",
                         flight->n_items - n);
                commit->config.stored(commit->config.userdata);
        }
        flight->n_items = n;
}

static void on_asked(void *userdata, BatchResult *result) {
        Flight *flight = userdata;
        bool stored[FLIGHT_MAX_ITEMS] = {};
        size_t n_before = flight->n_items;

        drop_batch(flight);
        if (result->error == -ECANCELED || (result->error < 0 && !retry_may_help(result->error)))
                return flight_fail(flight, result->error);
        if (result->error < 0)
                return flight_wait(flight);

        work_order_read_stored(result->rows[0], stored, flight->n_items);
        flight_keep_unknown(flight, stored);
        if (flight->n_items == 0)
                return flight_fail(flight, 0);
        /* An id that exists and does not: not one of ours, or not to be seen yet. */
        if (flight->n_items == n_before)
                return flight_wait(flight);

        flight_submit(flight);
}

static void flight_ask(Flight *flight) {
        Batch *batch = batch_new(&flight->arena, BATCH_READ);

        fill_rows(flight);
        work_order_find_present(batch, flight->rows);
        pool_submit(flight->commit->pool, batch, on_asked, flight);
}

/* -- lanes -------------------------------------------------------------------------------------------- */

static Flight *next_half(Lane *lane) {
        List *link = list_pop(&lane->halves);

        return link ? list_entry(link, Flight, link) : NULL;
}

static Flight *fill_flight(GroupCommit *commit, Lane *lane) {
        Flight *flight = flight_new(commit, lane);
        size_t n_bytes = 0;

        list_for_each(link, &lane->items) {
                CommitItem *item = list_entry(link, CommitItem, link);

                n_bytes += item_size(item);
                if (flight->n_items == FLIGHT_MAX_ITEMS ||
                    (flight->n_items > 0 && n_bytes > FLIGHT_MAX_BYTES))
                        break;

                list_unlink(&item->link);
                flight->items[flight->n_items++] = item;
        }

        qsort(flight->items, flight->n_items, sizeof *flight->items, compare_items);
        return flight;
}

/* May another one leave? If only its time has not come yet, it is called then. */
static bool may_launch(GroupCommit *commit, const Lane *lane) {
        uint64_t age;

        if (lane->n_flights == 0)
                return true;
        if (lane->n_flights >= lane->max_flights)
                return false;

        age = clock_monotonic_usec() - list_entry(lane->flights.previous, Flight, link)->launched_usec;
        if (age >= OVERTAKE_USEC)
                return true;
        if (!timer_is_running(&commit->overtake))
                timer_start(&commit->overtake, OVERTAKE_USEC - age);
        return false;
}

static bool is_waiting(const Lane *lane) {
        return !list_is_empty(&lane->halves) || !list_is_empty(&lane->items);
}

static void launch(GroupCommit *commit, Lane *lane) {
        while (is_waiting(lane) && may_launch(commit, lane)) {
                Flight *flight = next_half(lane);

                if (!flight)
                        flight = fill_flight(commit, lane);

                lane->n_flights++;
                flight->launched_usec = clock_monotonic_usec();
                list_append(&lane->flights, &flight->link);
                flight_submit(flight);
        }
}

static uint64_t earliest_due(const GroupCommit *commit) {
        uint64_t due = USEC_INFINITY;

        for (LaneKind kind = 0; kind < _LANE_MAX; kind++) {
                const List *items = &commit->lanes[kind].items;

                if (!list_is_empty(items))
                        due = MIN(due, list_entry(items->next, CommitItem, link)->due_usec);
        }
        return due;
}

static void watch_patience(GroupCommit *commit) {
        uint64_t due = earliest_due(commit), now;

        if (due == USEC_INFINITY) {
                timer_stop(&commit->patience);
                return;
        }
        /* Too early does no harm, and under load the oldest changes all the time. */
        if (timer_is_running(&commit->patience))
                return;

        now = clock_monotonic_usec();
        timer_start(&commit->patience, due > now ? due - now : 0);
}

static void launch_all(GroupCommit *commit) {
        for (LaneKind kind = 0; kind < _LANE_MAX; kind++)
                launch(commit, &commit->lanes[kind]);
        watch_patience(commit);
}

static void on_launch(Soon *soon) {
        launch_all(container_of(soon, GroupCommit, launch));
}

static void on_overtake(Timer *timer) {
        launch_all(container_of(timer, GroupCommit, overtake));
}

/* Only those who still wait in a lane: what was sent may be committed yet, and its caller should know. */
static void on_patience(Timer *timer) {
        GroupCommit *commit = container_of(timer, GroupCommit, patience);
        uint64_t now = clock_monotonic_usec();

        for (LaneKind kind = 0; kind < _LANE_MAX; kind++)
                list_for_each(link, &commit->lanes[kind].items) {
                        CommitItem *item = list_entry(link, CommitItem, link);

                        if (item->due_usec > now)
                                break;
                        list_unlink(&item->link);
                        tell(commit, item, -EHOSTDOWN);
                }
        watch_patience(commit);
}

/* -- in ----------------------------------------------------------------------------------------------- */

GroupCommit *group_commit_new(Loop *loop, Pool *pool, const GroupCommitConfig *config) {
        GroupCommit *commit = xnew(GroupCommit, 1);

        commit->loop = loop;
        commit->pool = pool;
        commit->config = *config;
        for (LaneKind kind = 0; kind < _LANE_MAX; kind++) {
                list_init(&commit->lanes[kind].items);
                list_init(&commit->lanes[kind].flights);
                list_init(&commit->lanes[kind].halves);
        }
        commit->lanes[LANE_SMALL].max_flights = config->n_flights > 0 ? config->n_flights : N_FLIGHTS;
        commit->lanes[LANE_LARGE].max_flights = 1;
        soon_init(&commit->launch, loop, on_launch);
        timer_init(&commit->overtake, loop, on_overtake);
        timer_init(&commit->patience, loop, on_patience);
        return commit;
}

/* What is under way may be committed and its callers hear of it; what would have to wait longer hears now. */
void group_commit_stop(GroupCommit *commit) {
        commit->stopping = true;
        for (LaneKind kind = 0; kind < _LANE_MAX; kind++)
                list_for_each(link, &commit->lanes[kind].flights) {
                        Flight *flight = list_entry(link, Flight, link);

                        if (timer_is_running(&flight->again))
                                flight_fail(flight, -ECANCELED);
                }
}

GroupCommit *group_commit_free(GroupCommit *commit) {
        if (!commit)
                return NULL;

        assert(commit->n_waiting == 0);
        soon_cancel(&commit->launch);
        timer_stop(&commit->overtake);
        timer_stop(&commit->patience);
        free(commit);
        return NULL;
}

void group_commit_add(GroupCommit *commit, CommitItem *item) {
        Lane *lane = &commit->lanes[item_size(item) >= LARGE_BYTES ? LANE_LARGE : LANE_SMALL];

        item->due_usec = clock_monotonic_usec() + retry_patience_usec(commit->config.settings);
        commit->n_waiting++;
        list_append(&lane->items, &item->link);
        soon_call(&commit->launch);
}

size_t group_commit_n_waiting(const GroupCommit *commit) {
        return commit->n_waiting;
}
