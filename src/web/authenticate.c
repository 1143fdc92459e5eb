/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who asks: a personal access token, or on some routes a run's. Its signature is checked first, which costs no
 * database; its row is looked up with every request, so that revoking it, or the end of the run, works at once.
 */

#include "domain/token.h"
#include "serve/session.h"
#include "web/web.h"

/* Adds the question whose it is. */
static int read_token(Call *call, Text jwt, Batch *batch) {
        const Web *web = call->service->state;
        uint64_t now = clock_now_usec();
        Uuid user_id;
        RunToken run;

        if (token_read(web->key, jwt, now, &call->arena, &user_id) >= 0) {
                token_find_user(batch, jwt);
                return 0;
        }
        if (call->route->auth != AUTH_TOKEN_OR_RUN ||
            token_read_run(web->key, jwt, now, &call->arena, &run) < 0)
                return -EKEYREJECTED;
        token_find_run(batch, &run);
        return 0;
}

static int check_token(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        Text jwt;
        int r;

        r = session_bearer(call, &jwt);
        if (r >= 0)
                r = read_token(call, jwt, batch);
        return r < 0 ? r : db_commit(call, batch);
}

static int admit(Call *call) {
        TokenOwner owner;

        if (token_owner_read(call->result.rows[0], &owner) < 0)
                return -EKEYREJECTED;

        session_set_principal(call, &(Principal) {
                                            .kind = uuid_is_null(&owner.run_id) ? PRINCIPAL_USER : PRINCIPAL_RUN,
                                            .user_id = owner.user_id,
                                            .run_id = owner.run_id,
                                            .project_id = owner.project_id,
                                            .superuser = owner.superuser,
                                    });
        return CALL_NEXT;
}

const Stage require_token[] = { check_token, admit, NULL };
