/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The claim desk: claims that come in while the database works on others leave together in the next
 * statement. What is claimed and cannot be handed over is given back at once.
 */

#include "crypto/jwt.h"
#include "domain/claim.h"
#include "loop/offload.h"
#include "serve/channel.h"

typedef struct Workers Workers;

typedef enum ClaimState {
        CLAIM_WAITING,          /* for the statement under way to be over */
        CLAIM_ASKED,            /* is in it */
        CLAIM_SIGNING,          /* got runs, whose tokens are being signed */
        CLAIM_READY,
} ClaimState;

/* One worker's claim. */
typedef struct ClaimCall {
        ChannelCall base;
        int64_t demand;
        Text worker_name;
        Text *queues;
        size_t n_queues;
        ClaimState state;
        List link;              /* desk->waiting, or the question's claimers */
        Claim *claims;          /* what it got, and a token for each; in the call's arena */
        Text *tokens;
        size_t n_claims;
        bool is_delivered;
        Job job;                /* signing */
        const RunKey *run_key;
        uint64_t grace_seconds;
        Buffer signed_tokens;
        int sign_error;
} ClaimCall;

typedef struct ClaimDesk {
        Workers *workers;
        List waiting;           /* of ClaimCall */
        bool is_asking;
        Soon ask;
        Uuid after_project;     /* whose turn it was */
} ClaimDesk;

void claim_desk_init(ClaimDesk *desk, Workers *workers);
/* A stage's: the next one finds claims and tokens. Returns CALL_WAIT. */
int claim_desk_ask(ClaimDesk *desk, ClaimCall *call);
