/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The answer for a webhook's caller that waits until its run has ended (http-api 1.5): computed where the
 * run ends, stored with it, fetched by whoever holds the connection.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "db/batch.h"

/* Frozen with the run. Codes of 0: not configured. */
typedef struct WebhookReplyTerms {
        bool after_completion;
        int64_t success_code, error_code;
} WebhookReplyTerms;

typedef struct WebhookReply {
        int64_t status;
        Text data;              /* JSON */
} WebhookReply;

/* `response`: what a step of the run gave (raw JSON object), or TEXT_NULL; `final_state`: raw JSON, or
 * TEXT_NULL. What is made is in the arena, the rest points into these. */
void webhook_reply_compute(Arena *arena, const WebhookReplyTerms *terms, const char *run_state, Text response,
                           Text final_state, WebhookReply *ret_reply);

/* The response that the run's steps have given so far, and the stored body of a dataclip of its project,
 * for when the worker names that instead of sending its final state: columns `response` and `body`, in a
 * row that is always there. */
void webhook_reply_ask(Batch *batch, const Uuid *project_id, const Uuid *run_id, const Uuid *dataclip_id);
