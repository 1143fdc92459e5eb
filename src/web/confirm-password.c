/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The password again.
 */

#include "web/confirm-password.h"

#include <errno.h>

#include "domain/attempt.h"
#include "domain/session.h"
#include "serve/session.h"
#include "web/accounts.h"
#include "web/secret-body.h"

static ConfirmedCall *confirmed_of(Call *call) {
        return container_of(call, ConfirmedCall, check.call);
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

static int read_wanted(ConfirmedCall *confirmed, Arena *arena, Text raw) {
        Call *call = &confirmed->check.call;
        const char *problem;
        int r;

        r = secret_body_secret(call, arena, "password", raw, &confirmed->check.wanted);
        if (r < 0)
                return r;
        problem = user_password_problem(secret_text(confirmed->check.wanted));
        if (!problem)
                return 0;
        call_invalid(call, "password", problem);
        return -EINVAL;
}

static int read_fields(ConfirmedCall *confirmed, Arena *arena, bool wanted) {
        Call *call = &confirmed->check.call;
        PasswordFields given = {};
        bool is_form;
        Text body;
        int r;

        r = secret_body_read(call, arena, &body, &is_form);
        if (r >= 0)
                r = secret_body_fields(call, arena, body, fields, &given);
        if (r >= 0)
                r = secret_body_secret(call, arena, "current_password", given.current, &confirmed->check.given);
        return r < 0 || !wanted ? r : read_wanted(confirmed, arena, given.wanted);
}

int confirm_read(ConfirmedCall *confirmed, bool wanted) {
        Arena arena = ARENA_NULL;
        int r;

        r = password_check_begin(&confirmed->check);
        if (r < 0)
                return r;

        r = read_fields(confirmed, &arena, wanted);
        secret_body_wipe(&confirmed->check.call, &arena);
        return r;
}

/* -- is it the one? ---------------------------------------------------------------------------- */

static Text user_id_text(const Principal *principal, Arena *arena) {
        return text_of(uuid_format(&principal->user_id, arena_alloc(arena, UUID_STRING_SIZE)));
}

enum { GUESSES, USER, SESSION };

int confirm_ask(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        attempt_count(batch, ATTEMPT_PASSWORD, user_id_text(call->principal, &call->arena));
        user_get(batch, &call->principal->user_id);
        session_is_remembered(batch, &call->principal->session_id);
        return db_commit(call, batch);
}

int confirm_check(Call *call) {
        ConfirmedCall *confirmed = confirmed_of(call);
        Rows **rows = call->result.rows;
        uint64_t wait = attempt_wait_seconds(rows[GUESSES]);

        if (wait > 0)
                return refuse_guesses(call, wait);
        if (rows_count(rows[SESSION]) == 0 || user_read(rows[USER], &call->arena, &confirmed->user) < 0)
                return -EKEYREJECTED;

        confirmed->remembered = rows_bool(rows[SESSION], 0, 0);
        return password_check_wait(&confirmed->check, confirmed->user.hashed_password.data);
}

int confirm_result(ConfirmedCall *confirmed) {
        if (confirmed->check.error < 0)
                return confirmed->check.error;
        if (confirmed->check.matches)
                return CALL_NEXT;
        call_invalid(&confirmed->check.call, "current_password", "is not valid");
        return -EINVAL;
}

void confirm_forget_guesses(ConfirmedCall *confirmed, Batch *batch) {
        attempt_forget(batch, ATTEMPT_PASSWORD, user_id_text(confirmed->check.call.principal, batch->arena));
}
