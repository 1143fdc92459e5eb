/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of fulgur-workers share: one of it per process, service->state.
 */

#include "crypto/jwt.h"
#include "crypto/vault.h"
#include "serve/channel.h"
#include "serve/service.h"
#include "workers/claim-desk.h"
#include "workers/leases.h"
#include "workers/live-run.h"
#include "workers/peer.h"

typedef struct Workers {
        Service *service;
        RunKey *run_key;                /* signs and checks run tokens */
        Vault *vault;
        List sockets;                   /* of ChannelSocket */
        size_t n_sockets;
        List queues;                    /* of QueueChannel: who hears of new work */
        Timer announce;
        bool announce_again;            /* more came while it ran */
        uint64_t refused_usec;          /* when the journal last heard of a refusal; how many since */
        size_t n_refused;
        ClaimDesk desk;
        LiveRuns runs;
        Leases leases;
} Workers;

static inline Workers *workers_of(const Service *service) {
        return service->state;
}

/* upgrade.c: the handler of all HTTP requests. */
void worker_request(HttpRequest *request, void *userdata);

/* queue-channel.c */
extern const ChannelKind queue_channel;
/* New work is there: the workers are told. */
void queue_announce(Workers *workers);
void queue_on_announce(Timer *timer);

/* run-channel.c */
extern const ChannelKind run_channel;
