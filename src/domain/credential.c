/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credentials for runs.
 */

#include <errno.h>

#include "db/array.h"
#include "domain/credential.h"
#include "domain/sql.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

void credential_fetch(Batch *batch, const Run *run, const Uuid *credential_id) {
        batch_add(batch, &SQL_CREDENTIAL_FETCH, P_UUID(&run->project_id), P_UUID(&run->id),
                  P_UUID(credential_id));
}

static CredentialState state_of(const Rows *rows, const FetchedCredential *fetched) {
        bool is_keychain = rows_bool(rows, 0, rows_column(rows, "is_keychain"));

        if (!rows_bool(rows, 0, rows_column(rows, "is_live")))
                return CREDENTIAL_RUN_ENDED;
        if (rows_is_null(rows, 0, rows_column(rows, "id")))
                return is_keychain ? CREDENTIAL_NONE : CREDENTIAL_UNKNOWN;
        if (!fetched->environment.data)
                return CREDENTIAL_NO_ENVIRONMENT;
        return fetched->sealed.data ? CREDENTIAL_FOUND : CREDENTIAL_OTHER_ENVIRONMENT;
}

void credential_read_fetched(const Rows *rows, FetchedCredential *ret_fetched) {
        FetchedCredential fetched = {
                .name = rows_text(rows, 0, rows_column(rows, "name")),
                .environment = rows_text(rows, 0, rows_column(rows, "env")),
                .body_id = rows_uuid(rows, 0, rows_column(rows, "body_id")),
                .sealed = rows_text(rows, 0, rows_column(rows, "body")),
        };

        fetched.state = state_of(rows, &fetched);
        *ret_fetched = fetched;
}

VaultPlace credential_place(const Uuid *body_id) {
        return (VaultPlace) { .table = "credential_bodies", .column = "body", .row = *body_id };
}

int credential_open(const Vault *vault, const Uuid *body_id, Text sealed, Secret **ret_body) {
        _cleanup_(secret_freep) Secret *body = NULL;
        VaultPlace place = credential_place(body_id);
        JsonKind kind;
        int r;

        r = vault_open(vault, &place, sealed, &body);
        if (r < 0)
                return r;

        r = json_check(secret_text(body), &kind, NULL);
        if (r < 0 || kind != JSON_OBJECT)
                return -EBADMSG;

        *ret_body = TAKE_PTR(body);
        return 0;
}

void credential_write(Text body, Buffer *json) {
        JsonWriter w = JSON_WRITER(json);
        size_t cursor = 0;
        Text key, value;

        json_begin(&w, NULL);
        while (json_next_member(body, &cursor, &key, &value)) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;

                if (text_is(value, "\"\""))
                        continue;
                json_key_text(&w, json_unescape_key(&arena, key));
                json_raw(&w, NULL, value);
        }
        json_end(&w);
}

void credential_ask_fetched(Batch *batch, const Run *run, const Uuid *credential_ids,
                            size_t n_credential_ids) {
        Array ids;

        if (run->is_live) {
                batch_add(batch, &SQL_CREDENTIAL_FETCHED_BODIES, P_UUID(&run->project_id), P_UUID(&run->id));
                return;
        }

        array_init(&ids, ARRAY_UUID);
        for (size_t i = 0; i < n_credential_ids; i++)
                array_add_uuid(&ids, &credential_ids[i]);
        batch_add(batch, &SQL_CREDENTIAL_POSSIBLE_BODIES, P_UUID(&run->project_id),
                  array_move(&ids, batch->arena));
}
