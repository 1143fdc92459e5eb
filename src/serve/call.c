/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine that runs calls: from stage to stage, through waits, to exactly one answer and exactly one
 * free.
 *
 *     call_new → call_start → stage → … → CALL_WAIT … resume (from the loop) → stage → answer → ended → freed
 *
 * A call is held by the engine until it ends and by each wait until that is over. The two come in either
 * order: a deadline ends a call whose batch is still with the database ("orphaned"); its result is then
 * thrown away.
 */

#include "serve/call.h"

#include <assert.h>

#include "basic/parse.h"
#include "db/pool.h"
#include "log/message-id.h"
#include "serve/service.h"

/* What a stage's error means to the peer. The cause of those that are ours to mend goes to the journal. */
static const struct {
        int error;
        unsigned status;
        bool is_ours;
} error_statuses[] = {
        { -ENOENT,          404 },
        { -EACCES,          403 },
        { -EKEYREJECTED,    401 },
        { -EBADMSG,         400 },
        { -EINVAL,          422 },
        { -EEXIST,          409 },
        { -EMSGSIZE,        413 },
        { -EAGAIN,          503 },      /* lost a race with other writers, more than once */
        { -EBUSY,           503 },
        { -ECANCELED,       503 },      /* stopping */
        { -ENOTCONN,        503 },      /* the pool has said so in the journal */
        { -ENOTRECOVERABLE, 503 },      /* migrations missing: note_migration() */
        { -ETIMEDOUT,       504, true },
};

static void call_run(Call *call, int r);

/* -- life ---------------------------------------------------------------------------------------- */

static void call_free(Call *call) {
        list_unlink(&call->link);
        call->service->n_calls--;
        timer_stop(&call->deadline);
        soon_cancel(&call->resume);
        batch_result_deinit(&call->result);
        arena_deinit(&call->arena);
        free(call);
}

void call_hold(Call *call) {
        call->n_holds++;
}

void call_release(Call *call) {
        assert(call->n_holds > 0);

        if (--call->n_holds == 0)
                call_free(call);
}

static void on_resume(Soon *soon) {
        Call *call = container_of(soon, Call, resume);
        int r = call->resume_with;

        call->resuming = false;
        if (!call->orphaned)
                call_run(call, r);
        call_release(call);     /* the wait's */
}

static void on_deadline(Timer *timer) {
        Call *call = container_of(timer, Call, deadline);

        /* Its answer has come in this very turn: let it be heard. */
        if (call->waiting && !call->resuming)
                call_run(call, -ETIMEDOUT);
}

Call *call_new(Service *service, const CallSource *source, void *peer, size_t size, const Stage *stages,
               uint64_t deadline_usec) {
        Call *call;

        assert(size >= sizeof(Call));

        call = xcalloc(1, size);
        call->service = service;
        call->source = source;
        call->peer = peer;
        call->next = stages;
        call->n_holds = 1;
        timer_init(&call->deadline, service->loop, on_deadline);
        soon_init(&call->resume, service->loop, on_resume);
        call_set_deadline(call, deadline_usec);

        list_append(&service->calls, &call->link);
        service->n_calls++;
        return call;
}

void call_set_deadline(Call *call, uint64_t deadline_usec) {
        timer_stop(&call->deadline);
        if (deadline_usec > 0 && deadline_usec != USEC_INFINITY)
                timer_start(&call->deadline, deadline_usec);
}

void call_start(Call *call) {
        call_run(call, CALL_NEXT);
}

/* -- running ------------------------------------------------------------------------------------- */

void call_run_first(Call *call, const Stage *stages) {
        assert(!call->then);

        call->then = call->next;
        call->next = stages;
}

static Stage next_stage(Call *call) {
        if (call->next && !*call->next && call->then) {
                call->next = call->then;
                call->then = NULL;
        }

        return call->next && *call->next ? *call->next++ : NULL;
}

static bool peer_has_left(const Call *call) {
        return !call->answered && !call->keep_going && call->source->is_gone(call);
}

/* Told once, before the memory goes; until here the call may be found by others. */
static void end(Call *call) {
        timer_stop(&call->deadline);

        /* Nobody is there to hear it, but the source has something to let go of. */
        if (!call->answered)
                (void) call_reply(call, 503, TEXT_NULL);

        call->orphaned = true;
        if (call->finished)
                call->finished(call);
        if (call->source->ended)
                call->source->ended(call);

        call_release(call);     /* the engine's */
}

/* The administrator hears once what every call stumbles over. */
static void note_migration(Call *call) {
        if (call->service->migration_noted)
                return;

        call->service->migration_noted = true;
        call_log(call, LOG_ERR, MSG_MIGRATION_NEEDED,
                 "The database lacks tables or columns that this version needs: %s. Migrations are missing",
                 call->result.message ? call->result.message : "undefined");
}

static void log_failure(Call *call, int error) {
        if (call->result.error < 0 && call->result.sqlstate[0])
                call_log_field(call, "FULGUR_SQLSTATE", text_of(call->result.sqlstate));

        if (error == -ETIMEDOUT)
                call_log(call, LOG_WARNING, NULL, "Gave up: it took too long");
        else if (call->result.error == error && call->result.message)
                call_log_errno(call, LOG_ERR, error, NULL, "Failed in the database: %s",
                               call->result.message);
        else
                call_log_errno(call, LOG_ERR, error, NULL, "Failed: %m");
}

static unsigned status_of(int error, bool *ret_is_ours) {
        for (size_t i = 0; i < ELEMENTSOF(error_statuses); i++)
                if (error_statuses[i].error == error) {
                        *ret_is_ours = error_statuses[i].is_ours;
                        return error_statuses[i].status;
                }

        *ret_is_ours = true;
        return 500;
}

/* Whoever waited in vain for a database that is away was not slow: nothing is wrong with what he asked. */
static int cause_of(const Call *call, int error) {
        return error == -ETIMEDOUT && !pool_is_up(call->service->pool) ? -ENOTCONN : error;
}

static void fail(Call *call, int r) {
        Buffer body = BUFFER_NULL;
        int error = cause_of(call, r);
        unsigned status;
        bool is_ours;

        status = status_of(error, &is_ours);
        if (error == -ENOTRECOVERABLE)
                note_migration(call);
        else if (is_ours)
                log_failure(call, error);

        if (call->answered)
                return;
        if (call->source->fail) {
                call->source->fail(call, error);
                return;
        }

        if (status == 503)
                call_header(call, "retry-after", TEXT("1"));
        if (error == -EINVAL)
                call_write_invalid(call, &body);
        else
                call_write_error(&body, http_reason(status));
        (void) call_reply_buffer(call, status, &body);
}

static void call_run(Call *call, int r) {
        call->waiting = false;

        while (r == CALL_NEXT) {
                Stage stage;

                if (peer_has_left(call))
                        r = CALL_DONE;
                else if ((stage = next_stage(call)))
                        r = stage(call);
                else
                        r = call->answered ? CALL_DONE : -ENOTSUP;      /* a list without an answer */
        }

        if (r == CALL_WAIT) {
                assert(call->waiting);
                return;
        }

        if (r < 0)
                fail(call, r);
        end(call);
}

/* -- waiting ------------------------------------------------------------------------------------- */

int call_wait(Call *call) {
        assert(!call->waiting);

        batch_result_deinit(&call->result);
        call->result = (BatchResult) {};
        call->rows = NULL;

        call->waiting = true;
        call_hold(call);
        return CALL_WAIT;
}

void call_resume(Call *call, int r) {
        assert(call->waiting || call->orphaned);
        assert(!call->resuming);

        call->resuming = true;
        call->resume_with = r;
        soon_call(&call->resume);
}

/* The pool's result is ours from here on, so that the next stage can read it in the loop's own time. */
static void take_result(Call *call, BatchResult *result) {
        call->result = *result;
        *result = (BatchResult) {};
}

static void on_asked(void *userdata, BatchResult *result) {
        Call *call = userdata;

        take_result(call, result);
        if (call->result.n_rows > 0)
                call->rows = call->result.rows[0];
        call_resume(call, call->result.error);
}

static void on_committed(void *userdata, BatchResult *result) {
        Call *call = userdata;

        take_result(call, result);
        call_resume(call, call->result.error);
}

static void on_tried(void *userdata, BatchResult *result) {
        Call *call = userdata;

        take_result(call, result);
        call_resume(call, CALL_NEXT);
}

static int submit(Call *call, Batch *batch, PoolDone done) {
        int r = call_wait(call);

        pool_submit(call->service->pool, batch, done, call);
        return r;
}

int db_ask_params(Call *call, const Query *query, const Param *params, size_t n_params) {
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        batch_add_params(batch, query, params, n_params);
        return submit(call, batch, on_asked);
}

int db_commit(Call *call, Batch *batch) {
        return submit(call, batch, on_committed);
}

int db_try(Call *call, Batch *batch) {
        return submit(call, batch, on_tried);
}

/* -- answering ----------------------------------------------------------------------------------- */

int call_reply(Call *call, unsigned status, Text body) {
        if (call->answered)
                return CALL_DONE;

        call->answered = true;
        call_log(call, LOG_DEBUG, NULL, "Answered %u", status);
        call->source->reply(call, status, body);
        return CALL_DONE;
}

int call_reply_buffer(Call *call, unsigned status, Buffer *body) {
        (void) call_reply(call, status, buffer_text(body));
        buffer_deinit(body);
        *body = BUFFER_NULL;
        return CALL_DONE;
}

void call_write_error(Buffer *buffer, const char *message) {
        JsonWriter w = JSON_WRITER(buffer);

        json_begin(&w, NULL);
        json_string(&w, "error", message);
        json_end(&w);
}

int call_reply_error(Call *call, unsigned status, const char *message) {
        Buffer body = BUFFER_NULL;

        call_write_error(&body, message);
        return call_reply_buffer(call, status, &body);
}

void call_invalid(Call *call, const char *field, const char *message) {
        field_errors_add(&call->invalid, field, message);
}

void call_write_invalid(const Call *call, Buffer *buffer) {
        JsonWriter w = JSON_WRITER(buffer);
        FieldErrors errors = call->invalid;

        /* The database's own check was the first to notice: there is no field to name. */
        if (errors.n_errors == 0)
                field_errors_add(&errors, "base", "is invalid");

        json_begin(&w, NULL);
        field_errors_write(&errors, &w, "errors");
        json_end(&w);
}

void call_header(Call *call, const char *name, Text value) {
        assert(call->n_reply_headers < ELEMENTSOF(call->reply_headers));

        call->reply_headers[call->n_reply_headers++] = (HttpHeader) { name, arena_text(&call->arena, value) };
}

/* -- reading ------------------------------------------------------------------------------------- */

Text call_body(Call *call) {
        if (!call->body.data && call->peer)
                call->body = arena_text(&call->arena, http_body(call->peer));

        return call->body;
}

Text call_path_value(const Call *call, size_t i) {
        assert(i < ELEMENTSOF(call->path_values));

        return call->path_values[i];
}

Text call_query(Call *call, const char *name) {
        Text raw = call->peer ? query_get(http_query(call->peer), name) : TEXT_NULL, value;

        if (!raw.data || parse_percent(raw, true, &call->arena, &value) < 0)
                return TEXT_NULL;

        /* Without escapes it still points into the request. */
        return value.data == raw.data ? arena_text(&call->arena, value) : value;
}

Text call_request_header(Call *call, const char *name) {
        Text value = call->peer ? http_header(call->peer, name) : TEXT_NULL;

        return value.data ? arena_text(&call->arena, value) : TEXT_NULL;
}

void call_log_field(Call *call, const char *name, Text value) {
        log_context_set(&call->log, name, arena_text_string(&call->arena, value));
}

void call_log_uuid(Call *call, const char *name, const Uuid *value) {
        char *text = arena_alloc(&call->arena, UUID_STRING_SIZE);

        log_context_set(&call->log, name, uuid_format(value, text));
}
