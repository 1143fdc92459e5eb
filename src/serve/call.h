/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A call is one request from outside and all that is done for it: an HTTP request or a channel message. It owns an arena, a
 * deadline, journal fields and an array of stages. A stage starts at most one wait and returns; the next stage finds the answer in
 * the call. Completions arrive from the loop, never inside the stage that asked.
 */

#include <stdbool.h>
#include <stdint.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/uuid.h"
#include "db/batch.h"
#include "json/read.h"
#include "json/writer.h"
#include "log/log.h"
#include "loop/loop.h"
#include "net/http.h"

typedef struct Call Call;
typedef struct Service Service;

/* What a stage says. A negative errno ends the call: one table (call.c) turns it into a status or an error reply. */
enum {
        CALL_NEXT = 0,          /* go on with the next stage */
        CALL_WAIT = 1,          /* one wait was started */
        CALL_DONE = 2,          /* it has been answered */
};

typedef int (*Stage)(Call *call);

/* How a call is answered; HTTP requests and channel messages each have one (serve/http-source.c, phx through serve/channel.c). */
typedef struct CallSource {
        void (*reply)(Call *call, unsigned status, Text body);          /* JSON (or content_type's); ends the source's part */
        bool (*is_gone)(const Call *call);
} CallSource;

struct Call {
        Service *service;
        const CallSource *source;
        void *peer;                     /* HttpRequest *, ChannelMessage * … : the source's */
        const Stage *next;
        Arena arena;
        LogContext log;
        BatchResult result;             /* of the last db_ask() or db_commit(); freed at the next wait */
        Rows *rows;                     /* result.rows[0] of a db_ask(), else NULL */
        Timer deadline;
        Soon resume;
        int resume_with;
        bool keep_going;                /* writes and waits go on when the peer has left */
        bool waiting, answered, orphaned;
        void (*finished)(Call *call);   /* last words before the call is freed; may be NULL */
        /* HTTP replies */
        const char *content_type;       /* default "application/json; charset=utf-8" */
        HttpHeader reply_headers[8];
        size_t n_reply_headers;
        FieldErrors invalid;            /* what call_invalid() gathered */
        List link;                      /* service->calls */
        const struct Route *route;
        Text path_values[4];            /* of {…} segments, decoded, in order */
        const struct Principal *principal;      /* who asks: serve/session.h; NULL without authentication */
};

/* `size` >= sizeof(Call): the handler's own struct begins with a Call. Starts it from the loop. */
Call *call_new(Service *service, const CallSource *source, void *peer, size_t size, const Stage *stages, uint64_t deadline_usec);
/* Runs the stages until the first wait. */
void call_start(Call *call);

/* -- waiting ------------------------------------------------------------------------------------- */

/* One read statement; the next stage finds call->rows. Returns CALL_WAIT. */
int db_ask_params(Call *call, const Query *query, const Param *params, size_t n_params);
#define db_ask(call, query, ...)                                                                   \
        ({                                                                                         \
                const Param _params[] = { __VA_ARGS__ };                                           \
                db_ask_params((call), (query), _params, ELEMENTSOF(_params));                      \
        })
/* A batch; the next stage finds call->result. An error of the batch ends the call unless `call->handle_errors`… see db_try(). Returns CALL_WAIT. */
int db_commit(Call *call, Batch *batch);
/* The same, but the next stage runs whatever came of it and looks at call->result.error itself. */
int db_try(Call *call, Batch *batch);

/* For waits of other kinds (group commit, a finished run): the call waits until call_resume(). Returns CALL_WAIT. */
int call_wait(Call *call);
/* Goes on with the next stage (r = CALL_NEXT) or ends with an error, from the loop. */
void call_resume(Call *call, int r);

/* -- answering: each returns CALL_DONE ------------------------------------------------------------- */

int call_reply(Call *call, unsigned status, Text body);
int call_reply_buffer(Call *call, unsigned status, Buffer *body);               /* frees the buffer */
int call_reply_error(Call *call, unsigned status, const char *message);         /* {"error":"…"} */
/* Gathers a validation message; `return -EINVAL` afterwards answers 422 {"errors":{…}}. */
void call_invalid(Call *call, const char *field, const char *message);
void call_header(Call *call, const char *name, Text value);     /* copied to the arena; HTTP only */

/* -- reading --------------------------------------------------------------------------------------- */

static inline HttpRequest *call_request(const Call *call) {
        return call->peer;
}
/* The decoded value of the route's {name}, in order of appearance. */
Text call_path_value(const Call *call, size_t i);
/* Decoded query parameter; TEXT_NULL without it. */
Text call_query(Call *call, const char *name);

#define call_log(call, level, id, ...) log_full((level), 0, &(call)->log, (id), __VA_ARGS__)
#define call_log_errno(call, level, error, id, ...) log_full((level), (error), &(call)->log, (id), __VA_ARGS__)
