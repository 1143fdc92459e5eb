/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /profile/password: another password for who is logged in and knows the present one.
 *
 * All sessions end with the old one, this one too, whose cookie somebody may have copied: the reply begins a new one.
 */

#include <errno.h>

#include "domain/attempt.h"
#include "serve/session.h"
#include "web/accounts.h"
#include "web/cookie.h"
#include "web/secret-body.h"

static OwnPassword *own_of(Call *call) {
        return container_of(call, OwnPassword, check.call);
}

static Text user_id_text(Call *call) {
        char *text = arena_alloc(&call->arena, UUID_STRING_SIZE);

        return text_of(uuid_format(&call->principal->user_id, text));
}

/* -- what is asked ----------------------------------------------------------------------------- */

typedef struct PasswordFields {
        Text current, wanted;
} PasswordFields;

static const Field fields[] = {
        { "current_password", FIELD_RAW, offsetof(PasswordFields, current) },
        { "password", FIELD_RAW, offsetof(PasswordFields, wanted) },
        {}
};

static int check_wanted(OwnPassword *own) {
        const char *problem = user_password_problem(secret_text(own->check.wanted));

        if (!problem)
                return 0;
        call_invalid(&own->check.call, "password", problem);
        return -EINVAL;
}

static int read_fields(OwnPassword *own, Arena *arena) {
        Call *call = &own->check.call;
        PasswordFields given = {};
        bool is_form;
        Text body;
        int r;

        r = secret_body_read(call, arena, &body, &is_form);
        if (r >= 0)
                r = secret_body_fields(call, arena, body, fields, &given);
        if (r >= 0)
                r = secret_body_secret(call, arena, "current_password", given.current, &own->check.given);
        if (r >= 0)
                r = secret_body_secret(call, arena, "password", given.wanted, &own->check.wanted);
        return r < 0 ? r : check_wanted(own);
}

static int read_request(Call *call) {
        OwnPassword *own = own_of(call);
        Arena arena = ARENA_NULL;
        int r;

        r = password_check_begin(&own->check);
        if (r < 0)
                return r;

        r = read_fields(own, &arena);
        arena_wipe(&arena);
        return r;
}

/* -- is it the present one? -------------------------------------------------------------------- */

enum { GUESSES, USER, SESSION };

/* Who finds a browser open may guess, too. */
static int ask_user(Call *call) {
        const Principal *principal = call->principal;
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        attempt_count(batch, ATTEMPT_PASSWORD, user_id_text(call));
        user_get(batch, &principal->user_id);
        session_is_remembered(batch, &principal->session_id);
        return db_commit(call, batch);
}

static int check_password(Call *call) {
        OwnPassword *own = own_of(call);
        Rows **rows = call->result.rows;
        uint64_t wait = attempt_wait_seconds(rows[GUESSES]);

        if (wait > 0)
                return refuse_guesses(call, wait);
        if (rows_count(rows[SESSION]) == 0 || user_read(rows[USER], &call->arena, &own->user) < 0)
                return -EKEYREJECTED;

        own->session.remembered = rows_bool(rows[SESSION], 0, 0);
        return password_check_wait(&own->check, own->user.hashed_password.data);
}

/* -- the new one ------------------------------------------------------------------------------- */

static int store(Call *call) {
        OwnPassword *own = own_of(call);
        Batch *batch = batch_new(&call->arena, 0);
        Text new_hash = text_of(own->check.new_hash);

        if (own->check.error < 0)
                return own->check.error;
        if (!own->check.matches) {
                call_invalid(call, "current_password", "is not valid");
                return -EINVAL;
        }

        own->session.user_id = own->user.id;
        own->session.secret = session_new_secret(call);
        own->session.checked_hash = new_hash;
        user_acts(batch, &own->user.id);
        attempt_forget(batch, ATTEMPT_PASSWORD, user_id_text(call));
        user_password_store(batch, &own->user.id, own->user.hashed_password, new_hash);
        session_insert(batch, &own->session);
        return db_commit(call, batch);
}

static int reply(Call *call) {
        OwnPassword *own = own_of(call);

        /* It has been changed elsewhere, just now. */
        if (rows_count(call->result.rows[3]) == 0)
                return -EAGAIN;

        call_log(call, LOG_INFO, NULL, "Password changed; other sessions have ended");
        session_cookie_set(call, &own->session);
        return reply_session(call, &own->user, own->session.secret);
}

const Stage post_own_password[] = { read_request, ask_user, check_password, store, reply, NULL };
