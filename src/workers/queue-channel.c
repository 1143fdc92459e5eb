/* SPDX-License-Identifier: Apache-2.0 */

/*
 * worker:queue: a worker tells what it can take, claims runs, and hears of new ones (worker-channel 3).
 */

#include <errno.h>

#include "json/check.h"
#include "workers/workers.h"

#define MAX_DEMAND 100
#define MAX_QUEUES 32
#define MAX_NAME 255
/* Workers are told of work at most that often. */
#define ANNOUNCE_USEC (15 * USEC_PER_MSEC)

static int join_queue(Call *call);
static int read_claim(Call *call);
static int answer_claim(Call *call);
static void queue_closed(Channel *channel);

static const Stage join_stages[] = { join_queue, NULL };
static const Stage claim_stages[] = { read_claim, answer_claim, NULL };

static const ChannelEvent queue_events[] = {
        { "claim", claim_stages, sizeof(ClaimCall), false },
        {}
};

const ChannelKind queue_channel = {
        .topic = "worker:queue",
        .join = join_stages,
        .join_size = sizeof(ChannelCall),
        .events = queue_events,
        .closed = queue_closed,
};

/* -- join ------------------------------------------------------------------------------------------ */

typedef struct QueueChannel {
        Channel *channel;
        List link;              /* workers->queues */
} QueueChannel;

typedef struct JoinPayload {
        int64_t capacity;
} JoinPayload;

static const Field join_fields[] = {
        { "capacity", FIELD_INT, offsetof(JoinPayload, capacity) },
        {}
};

/* Capacity and queues are the worker's own business: it claims no more than it can take. The number is
 * only shown. */
static int join_queue(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        QueueChannel *queue = xnew(QueueChannel, 1);
        JoinPayload payload = { .capacity = 1 };
        FieldErrors errors = {};

        if (json_read(&base->arena, call->payload, join_fields, &payload, &errors) == 0)
                ((Peer *) call->socket->state)->capacity = payload.capacity;
        queue->channel = call->channel;
        list_append(&workers_of(base->service)->queues, &queue->link);
        call->channel->state = queue;
        return channel_reply_ok(call, TEXT("{}"));
}

static void queue_closed(Channel *channel) {
        QueueChannel *queue = channel->state;

        list_unlink(&queue->link);
        free(queue);
}

/* -- work-available -------------------------------------------------------------------------------- */

static void announce(Workers *workers) {
        workers->announce_again = false;
        list_for_each(link, &workers->queues)
                channel_push(list_entry(link, QueueChannel, link)->channel, "work-available", TEXT("{}"));
        timer_start(&workers->announce, ANNOUNCE_USEC);
}

/* The first run of a burst is announced at once, what follows within the interval together. */
void queue_announce(Workers *workers) {
        if (!workers->service->settings->broadcast_work_available)
                return;
        if (timer_is_running(&workers->announce))
                workers->announce_again = true;
        else
                announce(workers);
}

void queue_on_announce(Timer *timer) {
        Workers *workers = container_of(timer, Workers, announce);

        if (workers->announce_again)
                announce(workers);
}

/* -- claim ----------------------------------------------------------------------------------------- */

typedef struct ClaimPayload {
        int64_t demand;
        Text worker_name;
        Text queues;            /* raw */
} ClaimPayload;

static const Field claim_fields[] = {
        { "demand",      FIELD_INT,    offsetof(ClaimPayload, demand)                        },
        { "worker_name", FIELD_STRING, offsetof(ClaimPayload, worker_name), .max = MAX_NAME  },
        { "queues",      FIELD_RAW,    offsetof(ClaimPayload, queues)                        },
        {}
};

/* Every element a short text, or the list does not count. */
static bool read_queues(Arena *arena, Text raw, Text *queues, size_t *ret_n_queues) {
        size_t cursor = 0, n = 0;
        Text element;

        if (!raw.data || json_kind(raw) != JSON_ARRAY)
                return false;

        while (json_next_element(raw, &cursor, &element)) {
                if (n == MAX_QUEUES || json_kind(element) != JSON_STRING ||
                    json_unescape(arena, element, &queues[n]) < 0 || queues[n].length > MAX_NAME ||
                    memchr(queues[n].data, 0, queues[n].length))
                        return false;
                n++;
        }
        *ret_n_queues = n;
        return n > 0;
}

static int read_claim(Call *base) {
        ClaimCall *call = container_of(base, ClaimCall, base.call);
        ClaimPayload payload = { .demand = 1 };
        int r;

        r = json_read(&base->arena, call->base.payload, claim_fields, &payload, &base->invalid);
        if (r < 0)
                return r;

        call->demand = CLAMP(payload.demand, 1, MAX_DEMAND);
        call->worker_name = payload.worker_name;
        if (call->base.socket)
                peer_set_name(call->base.socket->state, payload.worker_name);
        call->queues = arena_new(&base->arena, Text, MAX_QUEUES);
        if (!read_queues(&base->arena, payload.queues, call->queues, &call->n_queues)) {
                call->queues[0] = TEXT("manual");
                call->queues[1] = TEXT("*");
                call->n_queues = 2;
        }

        return claim_desk_ask(&workers_of(base->service)->desk, call);
}

/* Where each run's story in the journal begins. */
static void note_claims(ClaimCall *claimer) {
        Call *call = &claimer->base.call;

        call_log_field(call, "FULGUR_WORKER", claimer->worker_name);
        for (size_t i = 0; i < claimer->n_claims; i++) {
                call_log_uuid(call, "FULGUR_RUN_ID", &claimer->claims[i].run_id);
                call_log_uuid(call, "FULGUR_PROJECT_ID", &claimer->claims[i].project_id);
                call_log(call, LOG_INFO, NULL, "Run claimed by %.*s", (int) claimer->worker_name.length,
                         claimer->worker_name.length > 0 ? claimer->worker_name.data : "");
        }
}

static int answer_claim(Call *base) {
        ClaimCall *call = container_of(base, ClaimCall, base.call);
        _cleanup_(buffer_deinit) Buffer response = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&response);

        json_begin(&w, NULL);
        json_begin_array(&w, "runs");
        for (size_t i = 0; i < call->n_claims; i++) {
                json_begin(&w, NULL);
                json_uuid(&w, "id", &call->claims[i].run_id);
                json_text(&w, "token", call->tokens[i]);
                json_end(&w);
        }
        json_end_array(&w);
        json_end(&w);

        call->is_delivered = true;
        note_claims(call);
        return channel_reply_ok(&call->base, buffer_text(&response));
}
