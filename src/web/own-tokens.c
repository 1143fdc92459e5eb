/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /profile/tokens: the personal access tokens of who is logged in. A token is shown once, when it is made; a token cannot
 * make others.
 */

#include <errno.h>

#include "serve/session.h"
#include "web/accounts.h"
#include "web/json-api.h"
#include "web/web.h"

static OwnToken *own_of(Call *call) {
        return container_of(call, OwnToken, call);
}

/* -- the list ---------------------------------------------------------------------------------- */

static int ask_list(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        token_list(batch, &call->principal->user_id);
        return db_commit(call, batch);
}

static void write_row(JsonWriter *w, const Rows *rows, size_t i) {
        Uuid id = rows_uuid(rows, i, rows_column(rows, "id"));

        json_begin(w, NULL);
        json_uuid(w, "id", &id);
        json_time_usec(w, "inserted_at", rows_time(rows, i, rows_column(rows, "inserted_at")));
        json_time_usec(w, "last_used_at", rows_time(rows, i, rows_column(rows, "last_used_at")));
        json_end(w);
}

static int reply_list(Call *call) {
        const Rows *rows = call->result.rows[0];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin_array(&w, "tokens");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_row(&w, rows, i);
        json_end_array(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* -- a new one --------------------------------------------------------------------------------- */

static int store(Call *call) {
        const Web *web = call->service->state;
        OwnToken *own = own_of(call);
        Batch *batch = batch_new(&call->arena, 0);
        int r;

        own->token = (Token) {
                .id = uuid_new(),
                .user_id = call->principal->user_id,
                .made_usec = clock_now_usec(),
        };
        r = token_sign(web->key, &own->token, &call->arena, &own->jwt);
        if (r < 0)
                return r;

        user_acts(batch, &own->token.user_id);
        token_add(batch, &own->token, own->jwt);
        return db_commit(call, batch);
}

static int reply_token(Call *call) {
        const OwnToken *own = own_of(call);
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (rows_count(call->result.rows[1]) == 0) {
                call_invalid(call, "base", "You have as many tokens as one can have: delete some first");
                return -EINVAL;
        }

        json_begin(&w, NULL);
        json_uuid(&w, "id", &own->token.id);
        json_text(&w, "token", own->jwt);
        json_time_usec(&w, "inserted_at", own->token.made_usec / USEC_PER_SEC * USEC_PER_SEC);
        json_end(&w);
        return reply_secret_json(call, 201, &body);
}

/* -- one less ---------------------------------------------------------------------------------- */

static int delete(Call *call) {
        Batch *batch = batch_new(&call->arena, 0);
        Uuid id;

        if (uuid_parse(call_path_value(call, 0), &id) < 0)
                return -EBADMSG;
        user_acts(batch, &call->principal->user_id);
        token_delete(batch, &call->principal->user_id, &id);
        return db_commit(call, batch);
}

static int reply_deleted(Call *call) {
        return rows_count(call->result.rows[1]) == 0 ? -ENOENT : call_reply(call, 204, TEXT_NULL);
}

const Stage get_own_tokens[] = { ask_list, reply_list, NULL };
const Stage post_own_token[] = { store, reply_token, NULL };
const Stage delete_own_token[] = { delete, reply_deleted, NULL };
