/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /profile/password: another password for who is logged in and knows the present one.
 *
 * All sessions end with the old one, this one too, whose cookie somebody may have copied: the reply begins a new one.
 */

#include <errno.h>

#include "web/accounts.h"
#include "web/cookie.h"

static OwnPassword *own_of(Call *call) {
        return container_of(call, OwnPassword, confirmed.check.call);
}

static int read_request(Call *call) {
        return confirm_read(&own_of(call)->confirmed, true);
}

static int store(Call *call) {
        OwnPassword *own = own_of(call);
        const User *user = &own->confirmed.user;
        Batch *batch = batch_new(&call->arena, 0);
        int r;

        r = confirm_result(&own->confirmed);
        if (r != CALL_NEXT)
                return r;

        own->session = (NewSession) {
                .user_id = user->id,
                .secret = session_new_secret(call),
                .checked_hash = text_of(own->confirmed.check.new_hash),
                .remembered = own->confirmed.remembered,
        };
        user_acts(batch, &user->id);
        confirm_forget_guesses(&own->confirmed, batch);
        user_password_store(batch, &user->id, user->hashed_password, own->session.checked_hash);
        own->stored = session_insert(batch, &own->session);
        return db_commit(call, batch);
}

static int reply(Call *call) {
        OwnPassword *own = own_of(call);

        /* It has been changed elsewhere, just now. */
        if (rows_count(call->result.rows[own->stored]) == 0)
                return -EAGAIN;

        call_log(call, LOG_INFO, NULL, "Password changed; other sessions have ended");
        session_cookie_set(call, &own->session);
        return reply_session(call, &own->confirmed.user, own->session.secret);
}

const Stage post_own_password[] = { read_request, confirm_ask, confirm_check, store, reply, NULL };
