/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who asks: a personal access token. Its signature is checked first, which costs no database; its row is
 * looked up with every request, so that revoking it works at once.
 */

#include "domain/token.h"
#include "serve/session.h"
#include "web/web.h"

static int check_token(Call *call) {
        const Web *web = call->service->state;
        Batch *batch;
        Uuid user_id;
        Text jwt;
        int r;

        r = session_bearer(call, &jwt);
        if (r < 0)
                return r;

        r = token_read(web->key, jwt, clock_now_usec(), &call->arena, &user_id);
        if (r < 0)
                return r;

        batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        token_find_user(batch, jwt);
        return db_commit(call, batch);
}

static int admit_user(Call *call) {
        Principal principal = { .kind = PRINCIPAL_USER };
        TokenUser user;

        if (token_user_read(call->result.rows[0], &user) < 0)
                return -EKEYREJECTED;

        principal.user_id = user.id;
        principal.superuser = user.superuser;
        session_set_principal(call, &principal);
        return CALL_NEXT;
}

const Stage require_token[] = { check_token, admit_user, NULL };
