/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From claims to runs with tokens:
 *
 *      waiting → asked (one statement for all with the same queues) → signing (a helper thread) → answered
 *
 * A claim may end at any point: its socket goes, its deadline passes. What it has got by then and cannot
 * hand over goes back into the queue, so that another worker has it at once instead of after the time a
 * worker gets to join.
 */

#include "log/message-id.h"
#include "workers/background.h"
#include "workers/claim-desk.h"
#include "workers/workers.h"

typedef struct Question {
        ClaimDesk *desk;
        Arena arena;
        ClaimRequest request;
        List claimers;          /* of ClaimCall, in the request's order */
} Question;

static void on_ask(Soon *soon);
static void on_claimed(void *userdata, BatchResult *result);
static void on_ended(Call *base);

void claim_desk_init(ClaimDesk *desk, Workers *workers) {
        desk->workers = workers;
        list_init(&desk->waiting);
        soon_init(&desk->ask, workers->service->loop, on_ask);
}

int claim_desk_ask(ClaimDesk *desk, ClaimCall *call) {
        call->state = CLAIM_WAITING;
        call->base.call.finished = on_ended;
        list_append(&desk->waiting, &call->link);
        if (!desk->is_asking)
                soon_call(&desk->ask);
        return call_wait(&call->base.call);
}

/* -- giving back ----------------------------------------------------------------------------------- */

typedef struct GiveBack {
        Call call;
        RunSet runs;
} GiveBack;

static int give_back(Call *call) {
        GiveBack *back = container_of(call, GiveBack, call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        claims_give_back(batch, &back->runs);
        return db_commit(call, batch);
}

static int note_given_back(Call *call) {
        size_t n = rows_count(call->result.rows[0]);

        leases_note_given_back(call, call->result.rows[0], "its worker has gone");
        if (n > 0)
                ringer_ring(call->service->ringer, "runs", NULL);
        return background_done(call);
}

static void on_give_back_finished(Call *call) {
        run_set_deinit(&container_of(call, GiveBack, call)->runs);
}

static const Stage give_back_stages[] = { give_back, note_given_back, NULL };

/* A failure leaves them to leases.c, which gives back what was not joined in time. */
static void give_claims_back(ClaimDesk *desk, ClaimCall *claimer) {
        Call *call = background_new(desk->workers->service, sizeof(GiveBack), give_back_stages, 0);
        GiveBack *back = container_of(call, GiveBack, call);

        call->finished = on_give_back_finished;
        run_set_init(&back->runs);
        for (size_t i = 0; i < claimer->n_claims; i++)
                run_set_add(&back->runs, &claimer->claims[i].run_id, &claimer->claims[i].project_id,
                            &claimer->claims[i].nonce);
        claimer->n_claims = 0;
        call_start(call);
}

static void on_ended(Call *base) {
        ClaimCall *claimer = container_of(base, ClaimCall, base.call);
        ClaimDesk *desk = &workers_of(base->service)->desk;

        switch (claimer->state) {
        case CLAIM_WAITING:
                list_unlink(&claimer->link);
                call_resume(base, CALL_NEXT);
                break;
        case CLAIM_ASKED:
        case CLAIM_SIGNING:     /* the answer finds that nobody waits for it */
                break;
        case CLAIM_READY:
                if (claimer->n_claims > 0 && !claimer->is_delivered)
                        give_claims_back(desk, claimer);
        }
}

/* -- asking ---------------------------------------------------------------------------------------- */

static bool same_queues(const ClaimCall *a, const ClaimCall *b) {
        if (a->n_queues != b->n_queues)
                return false;
        for (size_t i = 0; i < a->n_queues; i++)
                if (!text_equal(a->queues[i], b->queues[i]))
                        return false;
        return true;
}

static void move_claimers(ClaimDesk *desk, Question *question) {
        ClaimCall *first = list_entry(desk->waiting.next, ClaimCall, link);

        for (size_t i = 0; i < first->n_queues; i++)
                claim_request_add_queue(&question->request, first->queues[i]);

        list_for_each(link, &desk->waiting) {
                ClaimCall *claimer = list_entry(link, ClaimCall, link);

                if (claimer != first && !same_queues(claimer, first))
                        continue;
                list_unlink(&claimer->link);
                list_append(&question->claimers, &claimer->link);
                claimer->state = CLAIM_ASKED;
                claim_request_add(&question->request, claimer->demand, claimer->worker_name);
        }
}

static void on_ask(Soon *soon) {
        ClaimDesk *desk = container_of(soon, ClaimDesk, ask);
        const Settings *settings = desk->workers->service->settings;
        Question *question;
        Batch *batch;

        if (desk->is_asking || list_is_empty(&desk->waiting))
                return;

        question = xnew(Question, 1);
        question->desk = desk;
        list_init(&question->claimers);
        claim_request_init(&question->request);
        question->request.after_project = desk->after_project;
        question->request.workflow_limit = settings->per_workflow_claim_limit;
        question->request.join_within_usec = settings->claim_join_seconds * USEC_PER_SEC;
        move_claimers(desk, question);

        batch = batch_new(&question->arena, 0);
        claim_ask(batch, &question->request);
        desk->is_asking = true;
        pool_submit(desk->workers->service->pool, batch, on_claimed, question);
}

/* -- signing --------------------------------------------------------------------------------------- */

/* On a helper thread: touches this claim's own fields, and the key, which does not change. */
static void sign(Job *job) {
        ClaimCall *claimer = container_of(job, ClaimCall, job);
        uint64_t now = clock_now_usec();

        for (size_t i = 0; i < claimer->n_claims && claimer->sign_error == 0; i++) {
                _cleanup_(buffer_deinit) Buffer claims = BUFFER_NULL;

                claim_write_token(&claimer->claims[i], now, claimer->grace_seconds, &claims);
                claimer->sign_error =
                        jwt_sign_rs256(claimer->run_key, buffer_text(&claims), &claimer->signed_tokens);
                buffer_append_byte(&claimer->signed_tokens, ' ');
        }
}

static void on_signed(Job *job) {
        ClaimCall *claimer = container_of(job, ClaimCall, job);
        ClaimDesk *desk = &workers_of(claimer->base.call.service)->desk;
        Call *call = &claimer->base.call;
        Text rest = arena_text(&call->arena, buffer_text(&claimer->signed_tokens));

        buffer_deinit(&claimer->signed_tokens);
        claimer->state = CLAIM_READY;
        if (call->orphaned || claimer->sign_error < 0)
                give_claims_back(desk, claimer);

        claimer->tokens = arena_new(&call->arena, Text, claimer->n_claims);
        for (size_t i = 0; i < claimer->n_claims; i++)
                (void) text_split(&rest, ' ', &claimer->tokens[i]);
        call_resume(call, claimer->sign_error < 0 ? claimer->sign_error : CALL_NEXT);
}

static void hand_over(ClaimDesk *desk, ClaimCall *claimer, const Claim *claims, size_t n, int error) {
        Call *call = &claimer->base.call;

        claimer->claims = arena_memdup(&call->arena, claims, n * sizeof(Claim));
        claimer->n_claims = n;
        claimer->state = CLAIM_READY;

        if (n > 0 && (call->orphaned || !claimer->base.socket))
                give_claims_back(desk, claimer);
        if (claimer->n_claims == 0) {
                call_resume(call, error);
                return;
        }

        claimer->state = CLAIM_SIGNING;
        claimer->run_key = desk->workers->run_key;
        claimer->grace_seconds = call->service->settings->run_grace_period_seconds;
        claimer->job = (Job) { .work = sign, .done = on_signed };
        offload_submit(call->service->offload, &claimer->job);
}

static void on_claimed(void *userdata, BatchResult *result) {
        Question *question = userdata;
        ClaimDesk *desk = question->desk;
        Claim *claims = NULL;
        size_t n = 0, at = 0, claimer_number = 0;
        List *link;

        if (result->error == 0)
                n = claims_read(result->rows[0], &question->arena, &claims);
        if (n > 0)
                desk->after_project = claims[n - 1].project_id;

        while ((link = list_pop(&question->claimers))) {
                size_t first = at;

                while (at < n && claims[at].claimer == claimer_number)
                        at++;
                hand_over(desk, list_entry(link, ClaimCall, link), claims + first, at - first, result->error);
                claimer_number++;
        }

        claim_request_deinit(&question->request);
        arena_deinit(&question->arena);
        free(question);

        desk->is_asking = false;
        if (!list_is_empty(&desk->waiting))
                soon_call(&desk->ask);
}
