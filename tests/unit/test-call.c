/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The call engine: stages in order, waits that end from the loop, one answer and one end for each call,
 * whatever comes first: result, deadline or the peer's leaving. Run under AddressSanitizer this is also
 * the test that calls are freed, and not too early.
 *
 * The pool's place is taken by a list of what was submitted, so that a test can say when a batch comes
 * back.
 */

#include <errno.h>

#include "check.h"
#include "db/pool.h"
#include "serve/call.h"
#include "serve/service.h"

static Service service;

/* -- what happened ------------------------------------------------------------------------------- */

static struct {
        char trace[64];
        unsigned n_replies, n_finished, n_ended, status;
        char body[512];
        bool is_gone;
} seen;

static void note(char c) {
        size_t length = strlen(seen.trace);

        CHECK(length + 1 < sizeof seen.trace);
        seen.trace[length] = c;
}

static void source_reply(Call *call, unsigned status, Text body) {
        seen.n_replies++;
        seen.status = status;
        snprintf(seen.body, sizeof seen.body, "%.*s", (int) body.length, body.data ? body.data : "");
}

static bool source_is_gone(const Call *call) {
        return seen.is_gone;
}

static void source_ended(Call *call) {
        seen.n_ended++;
}

static const CallSource source = { .reply = source_reply, .is_gone = source_is_gone, .ended = source_ended };

static void on_finished(Call *call) {
        seen.n_finished++;
}

/* -- the pool's place ------------------------------------------------------------------------------ */

static struct {
        Batch *batch;
        PoolDone done;
        void *userdata;
} submitted[4];
static size_t n_submitted;
static bool database_is_away;

void pool_submit(Pool *pool, Batch *batch, PoolDone done, void *userdata) {
        CHECK(n_submitted < ELEMENTSOF(submitted));
        submitted[n_submitted].batch = batch;
        submitted[n_submitted].done = done;
        submitted[n_submitted].userdata = userdata;
        n_submitted++;
}

bool pool_is_up(const Pool *pool) {
        return !database_is_away;
}

/* The first one comes back. Its parameters are read, as the real pool does when it sends late. */
static void deliver(int error) {
        BatchResult result = { .error = error };
        size_t n = 0;

        CHECK(n_submitted > 0);
        for (size_t i = 0; i < submitted[0].batch->n_statements; i++)
                for (size_t p = 0; p < submitted[0].batch->statements[i].n_params; p++)
                        n += submitted[0].batch->statements[i].params[p].text.length;
        CHECK_INT(n, 5);

        submitted[0].done(submitted[0].userdata, &result);
        batch_result_deinit(&result);
        memmove(submitted, submitted + 1, --n_submitted * sizeof submitted[0]);
}

/* -- turning the loop ------------------------------------------------------------------------------ */

static void on_turn_end(Timer *timer) {
        loop_exit(timer->loop, 0);
}

/* Long enough for what is due, without waiting for anything that is not. */
static void turn(uint64_t usec) {
        Timer timer;

        timer_init(&timer, service.loop, on_turn_end);
        timer_start(&timer, usec);
        CHECK_INT(loop_run(service.loop), 0);
}

static void until_ended(void) {
        while (seen.n_ended == 0)
                turn(0);
}

static Call *begin(const Stage *stages, uint64_t deadline_usec) {
        Call *call;

        memset(&seen, 0, sizeof seen);
        call = call_new(&service, &source, NULL, sizeof(Call), stages, deadline_usec);
        call->finished = on_finished;
        return call;
}

static void check_end(const char *trace, unsigned status) {
        CHECK_STRING(seen.trace, trace);
        CHECK_INT(seen.n_replies, 1);
        CHECK_INT(seen.n_finished, 1);
        CHECK_INT(seen.n_ended, 1);
        CHECK_INT(seen.status, status);
}

static void check_all_gone(void) {
        CHECK_INT(service.n_calls, 0);
        CHECK(list_is_empty(&service.calls));
        CHECK_INT(n_submitted, 0);
}

/* -- stages ---------------------------------------------------------------------------------------- */

static Call *waiting;
static const Query query = { "test", "SELECT $1::text", 1 };

static int next_a(Call *call) {
        note('a');
        return CALL_NEXT;
}

static int next_b(Call *call) {
        note('b');
        return CALL_NEXT;
}

static int wait_w(Call *call) {
        note('w');
        waiting = call;
        return call_wait(call);
}

/* The answer is there before the stage has returned: the next one is still not entered from inside it. */
static int wait_resumed(Call *call) {
        int r = call_wait(call);

        note('(');
        call_resume(call, CALL_NEXT);
        note(')');
        return r;
}

static int ask(Call *call) {
        note('?');
        return db_ask(call, &query, P_TEXT(arena_text(&call->arena, TEXT("12345"))));
}

static int commit(Call *call) {
        Batch *batch = batch_new(&call->arena, 0);

        note('!');
        batch_add(batch, &query, P_TEXT(arena_text(&call->arena, TEXT("12345"))));
        return db_commit(call, batch);
}

static int try(Call *call) {
        Batch *batch = batch_new(&call->arena, 0);

        note('t');
        batch_add(batch, &query, P_TEXT(arena_text(&call->arena, TEXT("12345"))));
        return db_try(call, batch);
}

static int see_error(Call *call) {
        note(call->result.error == -EEXIST ? 'x' : '-');
        return CALL_NEXT;
}

static int done(Call *call) {
        note('.');
        return call_reply(call, 200, TEXT("{}"));
}

static int answer_early(Call *call) {
        note('e');
        (void) call_reply(call, 202, TEXT("early"));
        return CALL_NEXT;
}

static int error_to_return;

static int give_error(Call *call) {
        note('E');
        return error_to_return;
}

static int leave(Call *call) {
        note('l');
        seen.is_gone = true;
        return CALL_NEXT;
}

/* -- tests ----------------------------------------------------------------------------------------- */

static void test_order(void) {
        static const Stage stages[] = { next_a, next_b, done, next_a, NULL };

        call_start(begin(stages, 0));
        check_end("ab.", 200);
        CHECK_STRING(seen.body, "{}");
        check_all_gone();
}

static void test_waits(void) {
        static const Stage stages[] = { next_a, wait_resumed, next_b, wait_w, next_a, done, NULL };

        call_start(begin(stages, 0));
        CHECK_STRING(seen.trace, "a()");
        turn(0);
        CHECK_STRING(seen.trace, "a()bw");
        turn(0);
        CHECK_STRING(seen.trace, "a()bw");

        call_resume(waiting, CALL_NEXT);
        CHECK_STRING(seen.trace, "a()bw");      /* not from inside whoever resumes */
        until_ended();
        check_end("a()bwa.", 200);
        check_all_gone();
}

static void test_resumed_with_error(void) {
        static const Stage stages[] = { wait_w, done, NULL };

        call_start(begin(stages, 0));
        call_resume(waiting, -EACCES);
        until_ended();
        check_end("w", 403);
        check_all_gone();
}

static void test_errors(void) {
        static const Stage stages[] = { give_error, done, NULL };
        static const struct {
                int error;
                unsigned status;
                const char *body;
        } cases[] = {
                { -ENOENT,          404, "{\"error\":\"Not Found\"}"                },
                { -EACCES,          403, "{\"error\":\"Forbidden\"}"                },
                { -EKEYREJECTED,    401, "{\"error\":\"Unauthorized\"}"             },
                { -EBADMSG,         400, "{\"error\":\"Bad Request\"}"              },
                { -EINVAL,          422, "{\"errors\":{\"base\":[\"is invalid\"]}}" },
                { -EEXIST,          409, "{\"error\":\"Conflict\"}"                 },
                { -EMSGSIZE,        413, "{\"error\":\"Request Entity Too Large\"}" },
                { -EBUSY,           503, "{\"error\":\"Service Unavailable\"}"      },
                { -ENOTCONN,        503, "{\"error\":\"Service Unavailable\"}"      },
                { -ENOTRECOVERABLE, 503, "{\"error\":\"Service Unavailable\"}"      },
                { -ETIMEDOUT,       504, "{\"error\":\"Gateway Timeout\"}"          },
                { -EIO,             500, "{\"error\":\"Internal Server Error\"}"    },
                { -ENOSPC,          500, "{\"error\":\"Internal Server Error\"}"    },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                error_to_return = cases[i].error;
                call_start(begin(stages, 0));
                check_end("E", cases[i].status);
                CHECK_STRING(seen.body, cases[i].body);
        }
        CHECK(service.migration_noted);
        check_all_gone();
}

/* The same wait means something else when the database is away. */
static void test_database_away(void) {
        static const Stage stages[] = { give_error, done, NULL };

        database_is_away = true;
        error_to_return = -ETIMEDOUT;
        call_start(begin(stages, 0));
        check_end("E", 503);
        database_is_away = false;
        check_all_gone();
}

static int give_fields(Call *call) {
        call_invalid(call, "name", "This field can't be blank.");
        call_invalid(call, "adaptor", "is unknown");
        return -EINVAL;
}

static void test_invalid(void) {
        static const Stage stages[] = { give_fields, NULL };

        call_start(begin(stages, 0));
        check_end("", 422);
        CHECK_STRING(seen.body,
                     "{\"errors\":{\"name\":[\"This field can't be blank.\"],\"adaptor\":[\"is unknown\"]}}");
        check_all_gone();
}

/* A programming error is answered, not left hanging. */
static void test_no_answer(void) {
        static const Stage stages[] = { next_a, NULL };

        call_start(begin(stages, 0));
        check_end("a", 500);
        check_all_gone();
}

static void test_answer_and_go_on(void) {
        static const Stage stages[] = { answer_early, leave, next_a, done, NULL };

        call_start(begin(stages, 0));
        check_end("ela.", 202);
        CHECK_STRING(seen.body, "early");
        check_all_gone();
}

static void test_run_first(void) {
        static const Stage stages[] = { next_b, done, NULL }, first[] = { next_a, wait_resumed, NULL };
        static const Stage refuse[] = { give_error, NULL };
        Call *call = begin(stages, 0);

        call_run_first(call, first);
        call_start(call);
        until_ended();
        check_end("a()b.", 200);

        error_to_return = -EKEYREJECTED;
        call = begin(stages, 0);
        call_run_first(call, refuse);
        call_start(call);
        check_end("E", 401);
        check_all_gone();
}

static void test_deadline(void) {
        static const Stage stages[] = { wait_w, done, NULL };

        call_start(begin(stages, USEC_PER_MSEC));
        until_ended();
        check_end("w", 504);

        /* Whoever was to resume it does so late: that lets it go and nothing else. */
        CHECK_INT(service.n_calls, 1);
        call_resume(waiting, CALL_NEXT);
        turn(0);
        check_end("w", 504);
        check_all_gone();
}

static void take_back(Call *call) {
        seen.n_finished++;
        call_resume(call, CALL_NEXT);
}

static void test_deadline_taken_back(void) {
        static const Stage stages[] = { wait_w, done, NULL };
        Call *call = begin(stages, USEC_PER_MSEC);

        call->finished = take_back;
        call_start(call);
        until_ended();
        turn(0);
        check_end("w", 504);
        check_all_gone();
}

/* The result and the deadline meet in one turn: the result is heard. */
static void test_deadline_meets_result(void) {
        static const Stage stages[] = { wait_w, done, NULL };
        Call *call = begin(stages, 0);

        call_start(call);
        call_resume(call, CALL_NEXT);
        call->deadline.handler(&call->deadline);
        until_ended();
        check_end("w.", 200);
        check_all_gone();
}

static void test_deadline_moved(void) {
        static const Stage stages[] = { wait_w, done, NULL };
        Call *call = begin(stages, 1);

        call_set_deadline(call, 0);
        call_start(call);
        turn(2 * USEC_PER_MSEC);
        CHECK_INT(seen.n_ended, 0);
        call_resume(call, CALL_NEXT);
        until_ended();
        check_end("w.", 200);
        check_all_gone();
}

static void test_batches(void) {
        static const Stage stages[] = { ask, next_a, commit, next_b, done, NULL };

        call_start(begin(stages, 0));
        CHECK_STRING(seen.trace, "?");
        deliver(0);
        CHECK_STRING(seen.trace, "?");  /* not from inside the pool */
        turn(0);
        CHECK_STRING(seen.trace, "?a!");
        deliver(0);
        until_ended();
        check_end("?a!b.", 200);
        check_all_gone();
}

static void test_batch_errors(void) {
        static const Stage asking[] = { ask, done, NULL }, committing[] = { commit, done, NULL },
                           trying[] = { try, see_error, done, NULL };

        call_start(begin(asking, 0));
        deliver(-ENOTCONN);
        until_ended();
        check_end("?", 503);

        call_start(begin(committing, 0));
        deliver(-EEXIST);
        until_ended();
        check_end("!", 409);

        call_start(begin(trying, 0));
        deliver(-EEXIST);
        until_ended();
        check_end("tx.", 200);
        check_all_gone();
}

/* The batch reads the call's arena long after the caller was told 504. */
static void test_deadline_with_batch(void) {
        static const Stage stages[] = { commit, done, NULL };

        call_start(begin(stages, USEC_PER_MSEC));
        until_ended();
        check_end("!", 504);
        CHECK_INT(service.n_calls, 1);

        turn(0);
        deliver(0);
        turn(0);
        check_end("!", 504);
        check_all_gone();
}

static void test_gone(void) {
        static const Stage stages[] = { next_a, commit, next_b, done, NULL };
        Call *call;

        /* Its write is finished, what comes after is not begun. */
        call_start(begin(stages, 0));
        seen.is_gone = true;
        deliver(0);
        until_ended();
        CHECK_STRING(seen.trace, "a!");
        CHECK_INT(seen.n_replies, 1);   /* the source lets go of its own */
        CHECK_INT(seen.n_finished, 1);
        check_all_gone();

        call = begin(stages, 0);
        call->keep_going = true;
        call_start(call);
        seen.is_gone = true;
        deliver(0);
        until_ended();
        check_end("a!b.", 200);
        check_all_gone();

        /* Before the first stage. */
        call = begin(stages, 0);
        seen.is_gone = true;
        call_start(call);
        CHECK_STRING(seen.trace, "");
        CHECK_INT(seen.n_ended, 1);
        check_all_gone();
}

static void test_hold(void) {
        static const Stage stages[] = { done, NULL };
        Call *call = begin(stages, 0);

        call_hold(call);
        call_start(call);
        check_end(".", 200);
        CHECK(call->orphaned);
        CHECK_INT(service.n_calls, 1);
        call_release(call);
        check_all_gone();
}

/* Calls side by side do not disturb each other. */
static void test_side_by_side(void) {
        static const Stage stages[] = { ask, done, NULL };
        Call *calls[3];

        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                calls[i] = begin(stages, 0);
                call_start(calls[i]);
        }
        memset(&seen, 0, sizeof seen);

        CHECK_INT(service.n_calls, 3);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                deliver(i == 1 ? -ENOTCONN : 0);
        while (seen.n_ended < 3)
                turn(0);
        CHECK_STRING(seen.trace, "..");
        CHECK_INT(seen.n_replies, 3);
        check_all_gone();
}

int main(void) {
        CHECK_INT(loop_new(&service.loop), 0);
        list_init(&service.calls);

        test_order();
        test_waits();
        test_resumed_with_error();
        test_errors();
        test_database_away();
        test_invalid();
        test_no_answer();
        test_answer_and_go_on();
        test_run_first();
        test_deadline();
        test_deadline_taken_back();
        test_deadline_meets_result();
        test_deadline_moved();
        test_batches();
        test_batch_errors();
        test_deadline_with_batch();
        test_gone();
        test_hold();
        test_side_by_side();

        service.loop = loop_free(service.loop);
        return 0;
}
