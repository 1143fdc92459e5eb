/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /users/two-factor: who has shown the password shows a code from the app, or a backup code.
 */

#include <errno.h>

#include "domain/attempt.h"
#include "serve/service.h"
#include "web/accounts.h"
#include "web/cookie.h"
#include "web/origin.h"
#include "web/secret-body.h"
#include "web/web.h"

static SecondStep *step_of(Call *call) {
        return container_of(call, SecondStep, call);
}

/* -- what is asked ----------------------------------------------------------------------------- */

static const Field outer_fields[] = {
        { "user", FIELD_OBJECT, 0, FIELD_REQUIRED },
        {}
};

static const Field fields[] = {
        { "code", FIELD_STRING, 0, FIELD_REQUIRED, .max = 64 },
        {}
};

static int read_code(SecondStep *step, Arena *arena) {
        Text body, user = TEXT_NULL, code = TEXT_NULL;
        int r;

        r = secret_body_read(&step->call, arena, &body, &step->is_form);
        if (r >= 0)
                r = secret_body_fields(&step->call, arena, body, outer_fields, &user);
        if (r >= 0)
                r = secret_body_fields(&step->call, arena, user, fields, &code);
        if (r < 0)
                return r;

        step->code = arena_text(&step->call.arena, text_trim(code));
        return 0;
}

static int read_request(Call *call) {
        SecondStep *step = step_of(call);
        Arena arena = ARENA_NULL;
        int r;

        if (origin_is_foreign(call))
                return -EACCES;
        if (secret_cookie_read(call, TWO_FACTOR_COOKIE, &step->pass.begun_secret) < 0)
                return -EKEYREJECTED;

        step->address = origin_address(call);
        r = read_code(step, &arena);
        secret_body_wipe(call, &arena);
        return r;
}

/* -- who it is --------------------------------------------------------------------------------- */

static int ask_user(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        two_factor_find(batch, step_of(call)->pass.begun_secret);
        return db_commit(call, batch);
}

static Text user_id_text(SecondStep *step) {
        return text_of(uuid_format(&step->user.id, arena_alloc(&step->call.arena, UUID_STRING_SIZE)));
}

static int count_guess(Call *call) {
        SecondStep *step = step_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        if (user_read(call->result.rows[0], &call->arena, &step->user) < 0)
                return -EKEYREJECTED;
        (void) totp_read(call->result.rows[1], &call->arena, &step->totp);

        attempt_count(batch, ATTEMPT_ADDRESS, step->address);
        attempt_count(batch, ATTEMPT_CODE, user_id_text(step));
        return db_commit(call, batch);
}

/* -- the code ---------------------------------------------------------------------------------- */

static int refuse(SecondStep *step) {
        call_log(&step->call, LOG_INFO, NULL, "A second factor from %s was refused", step->address.data);
        return call_reply_error(&step->call, 401, "Invalid code");
}

/* Six digits are the app's. */
static bool is_of_app(Text code) {
        for (size_t i = 0; i < code.length; i++)
                if (code.data[i] < '0' || code.data[i] > '9')
                        return false;

        return code.length == 6;
}

static int check_code(SecondStep *step) {
        const Web *web = step->call.service->state;

        if (!is_of_app(step->code))
                return 0;
        if (!step->totp.confirmed)
                return -EKEYREJECTED;
        return totp_check_code(&step->totp, web->vault, step->code, clock_now_usec(), &step->pass.step);
}

static int pass(Call *call) {
        SecondStep *step = step_of(call);
        Rows **rows = call->result.rows;
        uint64_t wait = MAX(attempt_wait_seconds(rows[0]), attempt_wait_seconds(rows[1]));
        Batch *batch = batch_new(&call->arena, 0);
        int r;

        if (wait > 0)
                return refuse_guesses(call, wait);
        r = check_code(step);
        if (r < 0)
                return r == -EKEYREJECTED ? refuse(step) : r;

        step->pass.user_id = step->user.id;
        step->pass.session_secret = step->session.secret = session_new_secret(call);
        step->pass.backup_code = step->code;
        step->passed = two_factor_pass(batch, &step->pass);
        return db_commit(call, batch);
}

/* -- the session ------------------------------------------------------------------------------- */

/* No row: a backup code that is none, or a code that was used. */
static int forget_guesses(Call *call) {
        SecondStep *step = step_of(call);
        const Rows *rows = call->result.rows[step->passed];
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        Text previous;

        if (rows_count(rows) == 0)
                return refuse(step);

        step->session.remembered = rows_bool(rows, 0, 0);
        attempt_take_back(batch, ATTEMPT_ADDRESS, step->address);
        attempt_forget(batch, ATTEMPT_CODE, user_id_text(step));
        if (session_cookie_read(call, &previous) >= 0)
                session_delete(batch, previous);
        return db_commit(call, batch);
}

static int reply(Call *call) {
        SecondStep *step = step_of(call);

        call_log_uuid(call, "FULGUR_USER_ID", &step->user.id);
        call_log(call, LOG_INFO, NULL, "Logged in from %s with %s", step->address.data,
                 step->pass.step > 0 ? "a second factor" : "a backup code");
        cookie_clear(call, TWO_FACTOR_COOKIE);
        return reply_logged_in(call, &step->user, &step->session, step->is_form);
}

const Stage post_second_step[] = { read_request, ask_user, count_guess, pass, forget_guesses, reply, NULL };
