/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A call is one request from outside and all that is done for it: an HTTP request or a channel message. It
 * owns an arena, a deadline, journal fields and an array of stages. A stage starts at most one wait and
 * returns; the next stage finds the answer in the call. Completions arrive from the loop, never inside the
 * stage that asked.
 *
 * A call ends once: it has been answered, it failed, its peer has left or its deadline has passed. Its
 * memory goes later, when nobody holds it any more: a batch under way reads parameters out of the call's
 * arena.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/clock.h"
#include "basic/uuid.h"
#include "db/batch.h"
#include "json/read.h"
#include "json/writer.h"
#include "log/log.h"
#include "loop/loop.h"
#include "net/http.h"

typedef struct Call Call;
typedef struct Service Service;

/* What a stage says. A negative errno ends the call: one table (call.c) turns it into a status or an error
 * reply. */
enum {
        CALL_NEXT = 0,          /* go on with the next stage */
        CALL_WAIT = 1,          /* one wait was started */
        CALL_DONE = 2,          /* it has been answered */
};

typedef int (*Stage)(Call *call);

/* How a call is answered: serve/http-source.c for requests, serve/channel.c for channel messages. */
typedef struct CallSource {
        /* JSON (or content_type's). Called exactly once per call, also when nobody waits for it any more. */
        void (*reply)(Call *call, unsigned status, Text body);
        bool (*is_gone)(const Call *call);
        /* Answers an error of a stage in the source's own shape, by call_reply(); NULL: {"error":"…"}. */
        void (*fail)(Call *call, int error);
        /* The call has ended, after finished(); may be NULL. */
        void (*ended)(Call *call);
} CallSource;

#define CALL_MAX_HEADERS 8
#define CALL_MAX_PATH_VALUES 4

struct Call {
        Service *service;
        const CallSource *source;
        void *peer;                     /* HttpRequest *, … : the source's; NULL once answered */
        const Stage *next, *then;       /* what comes now, and what comes after that list */
        Arena arena;
        LogContext log;                 /* values must live as long as the call: arena */
        BatchResult result;             /* of the last db_ask() or db_commit(); freed at the next wait */
        Rows *rows;                     /* result.rows[0] of a db_ask(), else NULL */
        Timer deadline;
        Soon resume;
        int resume_with;
        unsigned n_holds;               /* the engine's own and one per wait */
        bool keep_going;                /* stages go on when the peer has left: what reached us is stored */
        bool waiting, resuming, answered;
        bool orphaned;                  /* has ended, and somebody holds it still */
        void (*finished)(Call *call);   /* told once that the call has ended; may be NULL; see call_wait() */
        /* HTTP replies */
        const char *content_type;       /* default "application/json; charset=utf-8" */
        HttpHeader reply_headers[CALL_MAX_HEADERS];
        size_t n_reply_headers;
        FieldErrors invalid;            /* what call_invalid() gathered */
        List link;                      /* service->calls */
        const struct Route *route;
        Text path_values[CALL_MAX_PATH_VALUES];         /* of {…} segments, decoded, in order */
        const struct Principal *principal;      /* who asks: serve/session.h; NULL without authentication */
        Text body;                      /* call_body()'s copy */
        const char *request_id;         /* x-request-id; NULL for channel messages */
};

/* `size` >= sizeof(Call): the handler's own struct begins with a Call and is zeroed. The stages end with
 * NULL. `deadline_usec` from now; 0: none. */
Call *call_new(Service *service, const CallSource *source, void *peer, size_t size, const Stage *stages,
               uint64_t deadline_usec);
/* Runs the stages until the first wait. The call may be gone when this returns. */
void call_start(Call *call);
/* Moves the deadline: from now; 0: none. For stages that wait longer than most. */
void call_set_deadline(Call *call, uint64_t deadline_usec);
/* Runs these stages before those that are left. Once per call. */
void call_run_first(Call *call, const Stage *stages);

/* -- waiting ------------------------------------------------------------------------------------- */

/* One read statement; the next stage finds call->rows. Returns CALL_WAIT. What parameters point to must
 * live as long as the call: arena, call_body(), call_path_value(), call_query(), call_request_header();
 * never what http_…() returned, which goes with the peer. */
int db_ask_params(Call *call, const Query *query, const Param *params, size_t n_params);
#define db_ask(call, query, ...)                                                                   \
        ({                                                                                         \
                const Param _params[] = { __VA_ARGS__ };                                           \
                db_ask_params((call), (query), _params, ELEMENTSOF(_params));                      \
        })
/* A batch (on the call's arena); the next stage finds call->result. An error of the batch ends the call: see
 * db_try(). Returns CALL_WAIT. */
int db_commit(Call *call, Batch *batch);
/* The same, but the next stage runs whatever came of it and looks at call->result.error itself. */
int db_try(Call *call, Batch *batch);

/* For waits of other kinds (group commit, a finished run, a job of loop/offload.h): the call waits until
 * call_resume(). Returns CALL_WAIT.
 * 
 * Each call_wait() is ended by exactly one call_resume(), even when the call has ended meanwhile
 * (deadline): then it only lets the call's memory go. Who may never come to resume it sets call->finished,
 * takes the call off its list there and calls call_resume() itself. */
int call_wait(Call *call);
/* Goes on with the next stage (r = CALL_NEXT) or ends with an error, from the loop. */
void call_resume(Call *call, int r);

/* Keeps the call's memory beyond its end, for others who read it. Each hold is released once. */
void call_hold(Call *call);
void call_release(Call *call);

/* -- answering: each returns CALL_DONE ------------------------------------------------------------- */

/* The first answer counts. A stage may answer, ignore CALL_DONE and return CALL_NEXT: the rest is done
 * unwatched. */
int call_reply(Call *call, unsigned status, Text body);
int call_reply_buffer(Call *call, unsigned status, Buffer *body);               /* frees the buffer */
int call_reply_error(Call *call, unsigned status, const char *message);         /* {"error":"…"} */
/* Gathers a validation message (kept as it is: static or in the arena); `return -EINVAL` afterwards
 * answers 422 {"errors":{…}}. */
void call_invalid(Call *call, const char *field, const char *message);
void call_header(Call *call, const char *name, Text value);     /* value copied to the arena; HTTP only */

/* What call_reply_error() and sources write: {"error":"…"}; and {"errors":{"field":["…"]}} of what was
 * gathered. */
void call_write_error(Buffer *buffer, const char *message);
void call_write_invalid(const Call *call, Buffer *buffer);

/* -- reading --------------------------------------------------------------------------------------- */

/* NULL once it has been answered. */
static inline HttpRequest *call_request(const Call *call) {
        return call->peer;
}
/* The request's body, copied to the arena the first time. */
Text call_body(Call *call);
/* The decoded value of the route's {name}, in order of appearance. */
Text call_path_value(const Call *call, size_t i);
/* Decoded query parameter, in the arena; TEXT_NULL without it or when it cannot be decoded. */
Text call_query(Call *call, const char *name);
/* The header, copied to the arena; TEXT_NULL without it. */
Text call_request_header(Call *call, const char *name);

/* Journal fields. `value` is copied to the arena. */
void call_log_field(Call *call, const char *name, Text value);
void call_log_uuid(Call *call, const char *name, const Uuid *value);
#define call_log(call, level, id, ...) log_full((level), 0, &(call)->log, (id), __VA_ARGS__)
#define call_log_errno(call, level, error, id, ...)                                                \
        log_full((level), (error), &(call)->log, (id), __VA_ARGS__)
