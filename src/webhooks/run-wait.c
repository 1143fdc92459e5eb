/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each wait stands in one list: `waiting`, `rung` (its run has ended, as far as we have heard) or, while a
 * query is under way, in that query. Runs are found by their id in a table of buckets.
 */

#include <assert.h>

#include "basic/arena.h"
#include "basic/clock.h"
#include "log/log.h"
#include "webhooks/run-wait.h"

#define N_BUCKETS 1024                  /* a power of two */
#define QUESTION_MAX 64                 /* runs asked about at once: each may have an answer of megabytes */
#define N_QUESTIONS 2

/* How often all runs are looked at: with a bell that listens, and without. */
#define LOOK_USEC (5 * USEC_PER_SEC)
#define LOOK_DEAF_USEC (500 * USEC_PER_MSEC)

struct RunWaits {
        Loop *loop;
        Pool *pool;
        const Bell *bell;
        List waiting, rung;
        List buckets[N_BUCKETS];
        size_t n;
        List questions;         /* under way */
        size_t n_questions;
        Soon ask;
        Timer look;
        bool stopping;
};

/* Those that were asked about together. */
typedef struct Question {
        RunWaits *waits;                /* NULL: freed meanwhile */
        List link;
        Arena arena;
        Array run_ids, project_ids;
        RunWait *asked[QUESTION_MAX];   /* NULL: cancelled meanwhile */
        size_t n_asked;
} Question;

/* -- life of a wait ------------------------------------------------------------------------------------ */

static List *bucket_of(RunWaits *waits, const Uuid *run_id) {
        uint32_t random;

        /* The end of a version 7 id is random. */
        memcpy(&random, run_id->bytes + 12, sizeof random);
        return &waits->buckets[random % N_BUCKETS];
}

static void wait_unlink(RunWait *wait) {
        if (wait->asked)
                *wait->asked = NULL;
        wait->asked = NULL;
        timer_stop(&wait->timeout);
        list_unlink(&wait->link);
        list_unlink(&wait->bucket);
        wait->waits->n--;
        wait->waits = NULL;
}

static void wait_end(RunWait *wait, int r, const WebhookAnswer *answer) {
        wait_unlink(wait);
        wait->done(wait, r, answer);
}

static void wait_ring(RunWait *wait) {
        RunWaits *waits = wait->waits;

        wait->has_rung = true;
        if (!wait->is_started || wait->asked)
                return;

        list_unlink(&wait->link);
        list_append(&waits->rung, &wait->link);
        soon_call(&waits->ask);
}

static void on_timeout(Timer *timer) {
        wait_end(container_of(timer, RunWait, timeout), RUN_WAIT_E_TIMEOUT, NULL);
}

static void look_later(RunWaits *waits) {
        timer_start(&waits->look, waits->bell && bell_is_listening(waits->bell) ? LOOK_USEC : LOOK_DEAF_USEC);
}

void run_wait_register(RunWaits *waits, RunWait *wait) {
        wait->waits = waits;
        wait->asked = NULL;
        wait->is_started = wait->has_rung = false;
        timer_init(&wait->timeout, waits->loop, on_timeout);
        waits->n++;
        list_append(&waits->waiting, &wait->link);
        list_append(bucket_of(waits, &wait->run_id), &wait->bucket);
        if (!timer_is_running(&waits->look))
                look_later(waits);
}

void run_wait_start(RunWait *wait, uint64_t timeout_usec) {
        wait->is_started = true;
        timer_start(&wait->timeout, wait->waits->stopping ? 0 : timeout_usec);
        if (wait->has_rung)
                wait_ring(wait);
}

void run_wait_cancel(RunWait *wait) {
        if (wait->waits)
                wait_unlink(wait);
}

/* -- asking ------------------------------------------------------------------------------------------- */

static Question *question_free(Question *question) {
        list_unlink(&question->link);
        array_deinit(&question->run_ids);
        array_deinit(&question->project_ids);
        arena_deinit(&question->arena);
        free(question);
        return NULL;
}

static Question *question_new(RunWaits *waits) {
        Question *question = xnew(Question, 1);

        question->waits = waits;
        list_init(&question->link);
        array_init(&question->run_ids, ARRAY_UUID);
        array_init(&question->project_ids, ARRAY_UUID);
        return question;
}

static void on_deleted(void *userdata, BatchResult *result) {
        if (result->error < 0)
                log_debug("Answers that were given stay in the database for the janitor: %s",
                          result->message ? result->message : "no reason given");
        (void) question_free(userdata);
}

/* After the callers have been answered: an answer that is lost on its way to us must still be there. */
static void delete_answers(Question *answered) {
        Batch *batch;

        if (answered->run_ids.n == 0) {
                (void) question_free(answered);
                return;
        }

        batch = batch_new(&answered->arena, BATCH_IDEMPOTENT);
        webhook_answer_delete(batch, &answered->run_ids, &answered->project_ids);
        pool_submit(answered->waits->pool, batch, on_deleted, answered);
}

static void hand_out(Question *question, const Rows *rows) {
        Question *answered = question_new(question->waits);
        size_t n = rows_count(rows);

        for (size_t i = 0; i < n; i++) {
                WebhookAnswer answer;
                RunWait *wait;

                webhook_answer_read(rows, i, &answer);
                wait = answer.place < question->n_asked ? question->asked[answer.place] : NULL;
                if (!wait)
                        continue;

                array_add_uuid(&answered->run_ids, &wait->run_id);
                array_add_uuid(&answered->project_ids, &wait->project_id);
                wait_end(wait, 0, &answer);
        }
        delete_answers(answered);
}

/* Those that have not ended wait on; a bell that rang meanwhile counts. */
static void put_back(Question *question, bool again) {
        RunWaits *waits = question->waits;

        for (size_t i = 0; i < question->n_asked; i++) {
                RunWait *wait = question->asked[i];

                if (!wait)
                        continue;
                wait->asked = NULL;
                list_append(&waits->waiting, &wait->link);
                if (waits->stopping)
                        wait_end(wait, RUN_WAIT_E_TIMEOUT, NULL);
                else if (wait->has_rung && again)
                        wait_ring(wait);
        }
}

static void on_asked(void *userdata, BatchResult *result) {
        Question *question = userdata;
        RunWaits *waits = question->waits;

        if (!waits) {
                (void) question_free(question);
                return;
        }

        waits->n_questions--;
        if (result->error >= 0)
                hand_out(question, result->rows[0]);
        /* After an error the next look asks again, not the next turn. */
        put_back(question, result->error >= 0);
        (void) question_free(question);
        soon_call(&waits->ask);
}

static void ask(RunWaits *waits) {
        Question *question = question_new(waits);
        Batch *batch = batch_new(&question->arena, BATCH_READ);
        List *link;

        while (question->n_asked < QUESTION_MAX && (link = list_pop(&waits->rung))) {
                RunWait *wait = list_entry(link, RunWait, link);

                question->asked[question->n_asked] = wait;
                wait->asked = &question->asked[question->n_asked++];
                wait->has_rung = false;
                array_add_uuid(&question->run_ids, &wait->run_id);
                array_add_uuid(&question->project_ids, &wait->project_id);
        }

        webhook_answer_find(batch, &question->run_ids, &question->project_ids);
        list_append(&waits->questions, &question->link);
        waits->n_questions++;
        pool_submit(waits->pool, batch, on_asked, question);
}

static void on_ask(Soon *soon) {
        RunWaits *waits = container_of(soon, RunWaits, ask);

        while (!list_is_empty(&waits->rung) && waits->n_questions < N_QUESTIONS)
                ask(waits);
}

/* -- ringing ------------------------------------------------------------------------------------------ */

static void ring_all(RunWaits *waits) {
        list_for_each(link, &waits->waiting)
                wait_ring(list_entry(link, RunWait, link));
}

void run_waits_ring(RunWaits *waits, const char *run_id) {
        Uuid id;

        if (!run_id || uuid_parse(text_of(run_id), &id) < 0)
                return ring_all(waits);

        list_for_each(link, bucket_of(waits, &id)) {
                RunWait *wait = list_entry(link, RunWait, bucket);

                if (uuid_equal(&wait->run_id, &id))
                        wait_ring(wait);
        }
}

static void on_look(Timer *timer) {
        RunWaits *waits = container_of(timer, RunWaits, look);

        if (waits->n == 0)
                return;

        ring_all(waits);
        look_later(waits);
}

/* -- all of them -------------------------------------------------------------------------------------- */

RunWaits *run_waits_new(Loop *loop, Pool *pool, const Bell *bell) {
        RunWaits *waits = xnew(RunWaits, 1);

        waits->loop = loop;
        waits->pool = pool;
        waits->bell = bell;
        list_init(&waits->waiting);
        list_init(&waits->rung);
        list_init(&waits->questions);
        for (size_t i = 0; i < N_BUCKETS; i++)
                list_init(&waits->buckets[i]);
        soon_init(&waits->ask, loop, on_ask);
        timer_init(&waits->look, loop, on_look);
        return waits;
}

RunWaits *run_waits_free(RunWaits *waits) {
        if (!waits)
                return NULL;

        assert(waits->n == 0);
        list_for_each(link, &waits->questions) {
                list_unlink(link);
                list_entry(link, Question, link)->waits = NULL;
        }
        soon_cancel(&waits->ask);
        timer_stop(&waits->look);
        free(waits);
        return NULL;
}

static void end_started(List *waits) {
        list_for_each(link, waits) {
                RunWait *wait = list_entry(link, RunWait, link);

                if (wait->is_started)
                        wait_end(wait, RUN_WAIT_E_TIMEOUT, NULL);
        }
}

void run_waits_stop(RunWaits *waits) {
        waits->stopping = true;
        end_started(&waits->waiting);
        end_started(&waits->rung);
}

size_t run_waits_n(const RunWaits *waits) {
        return waits->n;
}
