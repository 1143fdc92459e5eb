/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sealed with another key.
 */

#include "domain/reseal.h"

#include "domain/sql.h"

/* In the order of reseal.sql. */
static const struct {
        const char *table, *column;
        const Query *update;
} places[] = {
        { "credential_bodies", "body", &SQL_RESEAL_CREDENTIAL_BODY },
        { "webhook_auth_methods", "username", &SQL_RESEAL_AUTH_USERNAME },
        { "webhook_auth_methods", "password", &SQL_RESEAL_AUTH_PASSWORD },
        { "webhook_auth_methods", "api_key", &SQL_RESEAL_AUTH_API_KEY },
        { "user_totps", "secret", &SQL_RESEAL_TOTP_SECRET },
};

void reseal_list(Batch *batch, const Vault *vault, bool everything, const Uuid *after) {
        Buffer head = BUFFER_NULL;

        vault_head(vault, &head);
        batch_add(batch, &SQL_RESEAL_LIST,
                  P_BYTES(everything ? TEXT_NULL : arena_text(batch->arena, buffer_text(&head))),
                  P_UUID(after ? after : &UUID_NULL));
        buffer_deinit(&head);
}

static int open_row(const Vault *vault, const Rows *rows, size_t i, VaultPlace *ret_place,
                    Secret **ret_plain) {
        size_t place = (size_t) rows_int(rows, i, 0);

        *ret_place = (VaultPlace){
                .table = places[place].table,
                .column = places[place].column,
                .row = rows_uuid(rows, i, 1),
                .project = rows_uuid(rows, i, 2),
        };
        return vault_open(vault, ret_place, rows_text(rows, i, 3), ret_plain);
}

static void note_unopened(Resealed *resealed, const VaultPlace *place, int error) {
        if (resealed->n_unopened++ > 0)
                return;
        resealed->table = place->table;
        resealed->column = place->column;
        resealed->unopened = place->row;
        resealed->error = error;
}

void reseal_rows(const Vault *vault, const Rows *rows, Batch *updates, Resealed *ret_resealed) {
        Resealed resealed = { .n = rows_count(rows) };

        for (size_t i = 0; i < resealed.n; i++) {
                _cleanup_(buffer_deinit) Buffer sealed = BUFFER_NULL;
                _cleanup_(secret_freep) Secret *plain = NULL;
                VaultPlace place;
                int r = open_row(vault, rows, i, &place, &plain);

                resealed.last = place.row;
                if (r < 0)
                        note_unopened(&resealed, &place, r);
                if (r < 0 || !updates)
                        continue;

                vault_seal(vault, &place, secret_text(plain), &sealed);
                batch_add(updates, places[rows_int(rows, i, 0)].update, P_UUID(&place.row),
                          P_BYTES(rows_text(rows, i, 3)),
                          P_BYTES(arena_text(updates->arena, buffer_text(&sealed))));
        }
        *ret_resealed = resealed;
}
