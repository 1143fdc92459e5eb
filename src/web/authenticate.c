/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who asks. A token's signature is checked first, which costs no database; its row, or the session's, is looked up
 * with every request, so that revoking it, or the end of the run, works at once.
 *
 * A browser sends the cookie by itself, whoever made it send the request. A change by session therefore needs what only
 * our own pages can read and send: the token of session_csrf_token().
 */

#include "web/authenticate.h"

#include "crypto/secret.h"
#include "domain/session.h"
#include "domain/token.h"
#include "serve/session.h"
#include "web/cookie.h"
#include "web/origin.h"
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

static bool is_change(const Call *call) {
        return strcmp(call->route->method, "GET") != 0;
}

static int read_session(Call *call, Batch *batch) {
        Text secret;

        if (is_change(call) && origin_is_foreign(call))
                return -EACCES;
        if (session_cookie_read(call, &secret) < 0)
                return -EKEYREJECTED;
        session_find_user(batch, secret);
        return 0;
}

static bool is_by_session(const Call *call) {
        Auth auth = call->route->auth;

        return auth == AUTH_SESSION || (auth == AUTH_SESSION_OR_TOKEN &&
                                        http_header_count(call_request(call), "authorization") == 0);
}

static int look_up(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);
        Text jwt;
        int r;

        if (is_by_session(call))
                r = read_session(call, batch);
        else {
                r = session_bearer(call, &jwt);
                if (r >= 0)
                        r = read_token(call, jwt, batch);
        }
        return r < 0 ? r : db_commit(call, batch);
}

static bool has_csrf_token(Call *call) {
        char expected[SESSION_CSRF_SIZE];
        Text secret;

        if (session_cookie_read(call, &secret) < 0)
                return false;
        session_csrf_token(secret, expected);
        return http_header_count(call_request(call), "x-csrf-token") == 1 &&
               secret_equal(http_header(call_request(call), "x-csrf-token"), text_of(expected));
}

static int admit(Call *call) {
        TokenOwner owner;

        if (token_owner_read(call->result.rows[0], &owner) < 0)
                return -EKEYREJECTED;
        if (!uuid_is_null(&owner.session_id) && is_change(call) && !has_csrf_token(call))
                return call_reply_error(call, 403, "The x-csrf-token header is missing or not that of the session");

        session_set_principal(call, &(Principal) {
                                            .kind = uuid_is_null(&owner.run_id) ? PRINCIPAL_USER : PRINCIPAL_RUN,
                                            .user_id = owner.user_id,
                                            .run_id = owner.run_id,
                                            .project_id = owner.project_id,
                                            .session_id = owner.session_id,
                                            .superuser = owner.superuser,
                                    });
        return CALL_NEXT;
}

const Stage authenticate[] = { look_up, admit, NULL };
