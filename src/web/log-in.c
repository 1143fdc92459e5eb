/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /users/log_in: e-mail and password become a session, or the first half of one (second-step.c).
 *
 * Whoever guesses learns nothing: a wrong e-mail and a wrong password cost the same and are answered the same, and each
 * guess is counted before it is looked at.
 */

#include <errno.h>

#include "domain/attempt.h"
#include "serve/service.h"
#include "web/accounts.h"
#include "web/cookie.h"
#include "web/json-api.h"
#include "web/origin.h"
#include "web/secret-body.h"

static LogIn *log_in_of(Call *call) {
        return container_of(call, LogIn, check.call);
}

/* -- what is asked ----------------------------------------------------------------------------- */

typedef struct LogInFields {
        Text email, password;
        bool remember;
} LogInFields;

static const Field fields[] = {
        { "email", FIELD_STRING, offsetof(LogInFields, email), FIELD_REQUIRED },
        { "password", FIELD_RAW, offsetof(LogInFields, password) },
        { "remember_me", FIELD_BOOL, offsetof(LogInFields, remember) },
        {}
};

static const Field outer_fields[] = {
        { "user", FIELD_OBJECT, 0, FIELD_REQUIRED },
        {}
};

static int read_fields(LogIn *log_in, Arena *arena) {
        Call *call = &log_in->check.call;
        LogInFields given = {};
        Text body, user = TEXT_NULL;
        int r;

        r = secret_body_read(call, arena, &body, &log_in->is_form);
        if (r >= 0)
                r = secret_body_fields(call, arena, body, outer_fields, &user);
        if (r >= 0)
                r = secret_body_fields(call, arena, user, fields, &given);
        if (r >= 0)
                r = secret_body_secret(call, arena, "password", given.password, &log_in->check.given);
        if (r < 0)
                return r;

        log_in->email = arena_text(&call->arena, given.email);
        log_in->remember = given.remember;
        return 0;
}

/* A page of somebody else could log its visitor in as its own maker, and hear what he then does. */
static int read_request(Call *call) {
        LogIn *log_in = log_in_of(call);
        Arena arena = ARENA_NULL;
        int r;

        if (origin_is_foreign(call))
                return -EACCES;
        r = password_check_begin(&log_in->check);
        if (r < 0)
                return r;

        log_in->address = origin_address(call);
        r = read_fields(log_in, &arena);
        secret_body_wipe(call, &arena);
        return r;
}

/* -- who it is --------------------------------------------------------------------------------- */

enum { BY_EMAIL, BY_ADDRESS, USER };

static int ask_user(Call *call) {
        LogIn *log_in = log_in_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        attempt_count(batch, ATTEMPT_EMAIL, log_in->email);
        attempt_count(batch, ATTEMPT_ADDRESS, log_in->address);
        user_find(batch, log_in->email);
        return db_commit(call, batch);
}

static int check_password(Call *call) {
        LogIn *log_in = log_in_of(call);
        Rows **rows = call->result.rows;
        uint64_t wait = MAX(attempt_wait_seconds(rows[BY_EMAIL]), attempt_wait_seconds(rows[BY_ADDRESS]));

        if (wait > 0)
                return refuse_guesses(call, wait);

        (void) user_read(rows[USER], &call->arena, &log_in->user);
        return password_check_wait(&log_in->check, log_in->user.hashed_password.data);
}

/* -- the session ------------------------------------------------------------------------------- */

/* Who has the password may hear why it is of no use. */
static int check_user(LogIn *log_in) {
        Call *call = &log_in->check.call;

        if (log_in->check.error < 0)
                return log_in->check.error;
        if (!log_in->check.matches) {
                call_log(call, LOG_INFO, NULL, "A log-in from %s was refused", log_in->address.data);
                return call_reply_error(call, 401, "Invalid email or password");
        }
        if (log_in->user.disabled)
                return call_reply_error(call, 403, "This account is disabled");
        return CALL_NEXT;
}

/* The one before, of this browser, ends. */
static void delete_previous(Call *call, Batch *batch) {
        Text secret;

        if (session_cookie_read(call, &secret) >= 0)
                session_delete(batch, secret);
}

/* Of who has a second factor it is only the beginning. */
static void add_session(LogIn *log_in, Batch *batch) {
        Call *call = &log_in->check.call;

        log_in->session = (NewSession) {
                .user_id = log_in->user.id,
                .secret = session_new_secret(call),
                .checked_hash = log_in->user.hashed_password,
                .remembered = log_in->remember,
        };
        if (log_in->user.mfa_enabled)
                two_factor_begin(batch, &log_in->session);
        else {
                session_insert(batch, &log_in->session);
                delete_previous(call, batch);
        }
}

static int store_session(Call *call) {
        LogIn *log_in = log_in_of(call);
        Batch *batch = batch_new(&call->arena, 0);
        const User *user = &log_in->user;
        int r;

        r = check_user(log_in);
        if (r != CALL_NEXT)
                return r;

        add_session(log_in, batch);
        if (*log_in->check.new_hash)
                user_rehash(batch, &user->id, user->hashed_password, text_of(log_in->check.new_hash));
        attempt_forget(batch, ATTEMPT_EMAIL, log_in->email);
        attempt_take_back(batch, ATTEMPT_ADDRESS, log_in->address);
        return db_commit(call, batch);
}

static int ask_second_factor(LogIn *log_in) {
        Call *call = &log_in->check.call;
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        secret_cookie_set(call, TWO_FACTOR_COOKIE, log_in->session.secret, TWO_FACTOR_SECONDS);
        if (log_in->is_form)
                return redirect(call, "/users/two-factor");
        json_begin(&w, NULL);
        json_bool(&w, "two_factor_required", true);
        json_end(&w);
        return reply_secret_json(call, 200, &body);
}

static int reply(Call *call) {
        LogIn *log_in = log_in_of(call);

        /* The password or the user changed just now: the next try knows. */
        if (rows_count(call->result.rows[0]) == 0)
                return -EAGAIN;

        call_log_uuid(call, "FULGUR_USER_ID", &log_in->user.id);
        if (log_in->user.mfa_enabled)
                return ask_second_factor(log_in);

        call_log(call, LOG_INFO, NULL, "Logged in from %s", log_in->address.data);
        return reply_logged_in(call, &log_in->user, &log_in->session, log_in->is_form);
}

const Stage post_log_in[] = { read_request, ask_user, check_password, store_session, reply, NULL };
