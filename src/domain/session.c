/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions.
 */

#include "domain/session.h"

#include "crypto/password.h"
#include "domain/sql.h"

static Text hash(Batch *batch, Text secret) {
        uint8_t *digest = arena_alloc(batch->arena, DIGEST_SIZE);

        digest_sha256(secret, digest);
        return text_make(digest, DIGEST_SIZE);
}

size_t session_insert(Batch *batch, const NewSession *session) {
        Uuid id = uuid_new();

        return batch_add(batch, &SQL_SESSION_INSERT, P_UUID(&id), P_UUID(&session->user_id),
                         P_BYTES(hash(batch, session->secret)), P_TEXT(session->checked_hash), P_BOOL(session->remembered));
}

size_t session_is_remembered(Batch *batch, const Uuid *id) {
        return batch_add(batch, &SQL_SESSION_IS_REMEMBERED, P_UUID(id));
}

void session_find_user(Batch *batch, Text secret) {
        batch_add(batch, &SQL_SESSION_FIND_USER, P_BYTES(hash(batch, secret)));
}

void session_delete(Batch *batch, Text secret) {
        batch_add(batch, &SQL_SESSION_DELETE, P_BYTES(hash(batch, secret)));
}

/* The table's digest must not be what pages know, nor the other way round. */
void session_csrf_token(Text secret, char token[static SESSION_CSRF_SIZE]) {
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
        uint8_t digest[DIGEST_SIZE];

        digest_keyed(secret, TEXT("csrf token"), digest);
        base64url_append(&text, text_make(digest, sizeof digest));
        memcpy(token, text.data, text.length);
        token[text.length] = '\0';
}
