/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ringing side: what is to be rung gathers for a few milliseconds, equal rings become one, and all of
 * them leave in one statement of their own. The moment gained by ringing inside the transaction that made the
 * work would be paid by every commit: PostgreSQL takes a lock of the whole database for each that notifies.
 *
 * A ring that could not be delivered goes with the next one. Beyond RINGS_MAX the rest is forgotten: whoever
 * listens also looks at the tables from time to time.
 */

#include <errno.h>
#include <string.h>

#include "basic/clock.h"
#include "db/array.h"
#include "db/bell.h"
#include "db/sql.h"
#include "log/log.h"

#define RINGS_MAX 1024
#define RETRY_USEC (1 * USEC_PER_SEC)

typedef struct Ring {
        List link;
        const char *payload;    /* within `channel`, behind its NUL; empty: none */
        char channel[];
} Ring;

/* A batch under way. It may outlive its ringer: the pool still points to it. */
typedef struct Peal {
        Ringer *ringer;         /* NULL: gone */
        List rings;
        Arena arena;
        Array channels, payloads;
} Peal;

struct Ringer {
        Pool *pool;
        uint64_t gather_usec;
        List rings;
        size_t n_rings;
        Timer timer;
        Peal *peal;             /* NULL: none */
};

/* -- rings ------------------------------------------------------------------------------------- */

static Ring *ring_new(const char *channel, const char *payload) {
        size_t channel_size = strlen(channel) + 1, payload_size = strlen(payload) + 1;
        Ring *ring = xmalloc(sizeof *ring + channel_size + payload_size);

        list_init(&ring->link);
        memcpy(ring->channel, channel, channel_size);
        ring->payload = memcpy(ring->channel + channel_size, payload, payload_size);
        return ring;
}

static void rings_free(List *rings) {
        for (List *link; (link = list_pop(rings));)
                free(list_entry(link, Ring, link));
}

static bool is_rung(const Ringer *ringer, const char *channel, const char *payload) {
        for (const List *link = ringer->rings.next; link != &ringer->rings; link = link->next) {
                const Ring *ring = list_entry(link, Ring, link);

                if (strcmp(ring->channel, channel) == 0 && strcmp(ring->payload, payload) == 0)
                        return true;
        }

        return false;
}

void ringer_ring(Ringer *ringer, const char *channel, const char *payload) {
        if (!payload)
                payload = "";
        if (ringer->n_rings >= RINGS_MAX || is_rung(ringer, channel, payload))
                return;

        list_append(&ringer->rings, &ring_new(channel, payload)->link);
        ringer->n_rings++;
        if (!ringer->peal && !timer_is_running(&ringer->timer))
                timer_start(&ringer->timer, ringer->gather_usec);
}

/* -- ringing ----------------------------------------------------------------------------------- */

static Peal *peal_free(Peal *peal) {
        rings_free(&peal->rings);
        array_deinit(&peal->channels);
        array_deinit(&peal->payloads);
        arena_deinit(&peal->arena);
        free(peal);
        return NULL;
}

/* Is it the database that is away, so that another time may do? */
static bool may_go_again(int error) {
        return error == -ENOTCONN || error == -ETIMEDOUT || error == -EBUSY || error == -EAGAIN;
}

/* Behind what was rung meanwhile, unless that says the same. */
static void take_back(Ringer *ringer, List *rings) {
        for (List *link; (link = list_pop(rings));) {
                Ring *ring = list_entry(link, Ring, link);

                ringer_ring(ringer, ring->channel, ring->payload);
                free(ring);
        }
}

static void failed(Ringer *ringer, Peal *peal, const BatchResult *result) {
        timer_start(&ringer->timer, RETRY_USEC);
        if (may_go_again(result->error))
                take_back(ringer, &peal->rings);
        else
                log_warning_errno(result->error, "Failed to notify other programs: %s", result->message);
}

static void on_rung(void *userdata, BatchResult *result) {
        Peal *peal = userdata;
        Ringer *ringer = peal->ringer;

        if (ringer) {
                ringer->peal = NULL;
                if (result->error < 0)
                        failed(ringer, peal, result);
                else if (!list_is_empty(&ringer->rings))
                        timer_start(&ringer->timer, ringer->gather_usec);
        }

        (void) peal_free(peal);
}

static void on_timer(Timer *timer) {
        Ringer *ringer = container_of(timer, Ringer, timer);
        Peal *peal;
        Batch *batch;

        if (list_is_empty(&ringer->rings))
                return;

        peal = ringer->peal = xnew(Peal, 1);
        peal->ringer = ringer;
        list_init(&peal->rings);
        array_init(&peal->channels, ARRAY_TEXT);
        array_init(&peal->payloads, ARRAY_TEXT);
        for (List *link; (link = list_pop(&ringer->rings));) {
                list_append(&peal->rings, link);
                array_add_text(&peal->channels, text_of(list_entry(link, Ring, link)->channel));
                array_add_text(&peal->payloads, text_of(list_entry(link, Ring, link)->payload));
        }
        ringer->n_rings = 0;

        /* Twice is as good as once. */
        batch = batch_new(&peal->arena, BATCH_IDEMPOTENT);
        batch_add(batch, &SQL_BELL_RING, array_param(&peal->channels), array_param(&peal->payloads));
        pool_submit(ringer->pool, batch, on_rung, peal);
}

/* -- life -------------------------------------------------------------------------------------- */

int ringer_new(Loop *loop, Pool *pool, uint64_t gather_usec, Ringer **ret_ringer) {
        Ringer *ringer = xnew(Ringer, 1);

        ringer->pool = pool;
        ringer->gather_usec = gather_usec;
        list_init(&ringer->rings);
        timer_init(&ringer->timer, loop, on_timer);

        *ret_ringer = ringer;
        return 0;
}

Ringer *ringer_free(Ringer *ringer) {
        if (!ringer)
                return NULL;

        if (ringer->peal)
                ringer->peal->ringer = NULL;
        timer_stop(&ringer->timer);
        rings_free(&ringer->rings);
        free(ringer);
        return NULL;
}
