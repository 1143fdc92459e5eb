/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /users/session: who is logged in here. GET and DELETE /users/log_out: nobody, from now on.
 */

#include <errno.h>

#include "domain/session.h"
#include "serve/session.h"
#include "web/accounts.h"
#include "web/cookie.h"
#include "web/json-api.h"
#include "web/origin.h"

/* -- replies ----------------------------------------------------------------------------------- */

int reply_session(Call *call, const User *user, Text secret) {
        char csrf_token[SESSION_CSRF_SIZE];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        session_csrf_token(secret, csrf_token);
        json_begin(&w, NULL);
        user_write(&w, "user", user);
        json_string(&w, "csrf_token", csrf_token);
        json_end(&w);
        return reply_secret_json(call, 200, &body);
}

int redirect(Call *call, const char *target) {
        call_header(call, "location", text_of(target));
        return call_reply(call, 302, TEXT_NULL);
}

int reply_logged_in(Call *call, const User *user, const NewSession *session, bool is_form) {
        session_cookie_set(call, session);
        return is_form ? redirect(call, "/projects") : reply_session(call, user, session->secret);
}

int refuse_guesses(Call *call, uint64_t seconds) {
        const char *text = arena_printf(&call->arena, "%llu", (unsigned long long) seconds);

        call_header(call, "retry-after", text_of(text));
        return call_reply_error(call, 429,
                                arena_printf(&call->arena, "Too many attempts: try again in %s seconds", text));
}

/* -- who is logged in -------------------------------------------------------------------------- */

static int ask_user(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        user_get(batch, &call->principal->user_id);
        return db_commit(call, batch);
}

static int reply_user(Call *call) {
        Text secret;
        User user;

        if (session_cookie_read(call, &secret) < 0 || user_read(call->result.rows[0], &call->arena, &user) < 0)
                return -EKEYREJECTED;
        return reply_session(call, &user, secret);
}

/* -- out --------------------------------------------------------------------------------------- */

/* A link or an image of somebody else's page logs nobody out. */
static int check_page(Call *call) {
        return origin_is_foreign(call) ? -EACCES : CALL_NEXT;
}

static int end_session(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        Text secret;

        if (session_cookie_read(call, &secret) < 0)
                return CALL_NEXT;
        session_delete(batch, secret);
        return db_commit(call, batch);
}

static int reply_out(Call *call) {
        cookie_clear(call, SESSION_COOKIE);
        return call_reply(call, 204, TEXT_NULL);
}

static int redirect_out(Call *call) {
        cookie_clear(call, SESSION_COOKIE);
        return redirect(call, "/users/log_in");
}

const Stage get_session[] = { ask_user, reply_user, NULL };
const Stage get_log_out[] = { check_page, end_session, redirect_out, NULL };
const Stage delete_log_out[] = { end_session, reply_out, NULL };
