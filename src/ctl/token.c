/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl token: API tokens for people. The token is printed once; the database keeps its hash.
 */

#include "basic/clock.h"
#include "ctl/ctl.h"
#include "domain/sql.h"
#include "domain/token.h"

static int make_token(Ctl *ctl, const Uuid *user_id, Text *ret_jwt) {
        _cleanup_(run_key_freep) RunKey *key = NULL;
        Token token = { .id = uuid_new(), .user_id = *user_id, .made_usec = clock_now_usec() };
        Batch *batch = batch_new(&ctl->arena, 0);
        BatchResult result;
        int r;

        r = run_key_new(secret_text(ctl->settings->run_token_key), &key);
        if (r >= 0)
                r = token_sign(key, &token, &ctl->arena, ret_jwt);
        if (r < 0)
                return ctl_fail(EXIT_CONFIG, "the key in WORKER_RUNS_PRIVATE_KEY cannot sign");

        token_insert(batch, &token, *ret_jwt);
        conn_run(ctl->conn, batch, &result);
        r = ctl_report(ctl, &result);
        batch_result_deinit(&result);
        return r;
}

int verb_token_create(Ctl *ctl, int argc, char *argv[]) {
        BatchResult result;
        Uuid user_id;
        Text jwt;
        int r;

        if (argc != 2)
                return EXIT_USAGE;

        r = ctl_query(ctl, &result, &SQL_PROVISION_USER_FIND, P_STRING(argv[1]));
        if (r != EXIT_OK)
                return r;
        user_id = rows_count(result.rows[0]) > 0 ? rows_uuid(result.rows[0], 0, 0) : UUID_NULL;
        batch_result_deinit(&result);
        if (uuid_is_null(&user_id))
                return ctl_fail(EXIT_NOT_FOUND, "no user has the e-mail address \"%s\"", argv[1]);

        r = make_token(ctl, &user_id, &jwt);
        if (r != EXIT_OK)
                return r;
        printf(ctl->json ? "{\"api_token\":\"%.*s\"}\n" : "%.*s\n", (int) jwt.length, jwt.data);
        return EXIT_OK;
}
