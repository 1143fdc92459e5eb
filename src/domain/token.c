/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Personal access tokens: written, stored as a hash, read back. See token.h.
 */

#include "domain/token.h"

#include <errno.h>

#include "basic/clock.h"

#include "domain/sql.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

#define CLOCK_TOLERANCE_USEC (60 * USEC_PER_SEC)

static const char subject_prefix[] = "user:";

int token_sign(const RunKey *key, const Token *token, Arena *arena, Text *ret_jwt) {
        _cleanup_(buffer_deinit) Buffer claims = BUFFER_NULL, jwt = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&claims);
        char user[UUID_STRING_SIZE];
        int r;

        json_begin(&w, NULL);
        json_string(&w, "iss", "Lightning");
        json_uuid(&w, "jti", &token->id);
        json_string(&w, "sub",
                    arena_printf(arena, "%s%s", subject_prefix, uuid_format(&token->user_id, user)));
        json_int(&w, "iat", (int64_t) (token->made_usec / USEC_PER_SEC));
        json_end(&w);

        r = jwt_sign_rs256(key, buffer_text(&claims), &jwt);
        if (r < 0)
                return r;

        *ret_jwt = arena_text(arena, buffer_text(&jwt));
        return 0;
}

static Text hash(Batch *batch, Text jwt) {
        uint8_t *digest = arena_alloc(batch->arena, DIGEST_SIZE);

        digest_sha256(jwt, digest);
        return text_make(digest, DIGEST_SIZE);
}

static uint64_t whole_seconds(uint64_t usec) {
        return usec / USEC_PER_SEC * USEC_PER_SEC;
}

void token_insert(Batch *batch, const Token *token, Text jwt) {
        batch_add(batch, &SQL_TOKEN_INSERT, P_UUID(&token->id), P_UUID(&token->user_id), P_BYTES(hash(batch, jwt)),
                  P_TIME(whole_seconds(token->made_usec)));
}

size_t token_add(Batch *batch, const Token *token, Text jwt) {
        return batch_add(batch, &SQL_TOKEN_ADD, P_UUID(&token->id), P_UUID(&token->user_id), P_BYTES(hash(batch, jwt)),
                         P_TIME(whole_seconds(token->made_usec)), P_INT(TOKENS_MAX));
}

size_t token_list(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_TOKEN_LIST, P_UUID(user_id), P_INT(TOKENS_MAX));
}

size_t token_delete(Batch *batch, const Uuid *user_id, const Uuid *id) {
        return batch_add(batch, &SQL_TOKEN_DELETE, P_UUID(user_id), P_UUID(id));
}

typedef struct TokenClaims {
        Text issuer, subject;
        int64_t issued_at;
} TokenClaims;

static const Field claim_fields[] = {
        { "iss", FIELD_STRING, offsetof(TokenClaims, issuer), FIELD_REQUIRED },
        { "sub", FIELD_STRING, offsetof(TokenClaims, subject), FIELD_REQUIRED },
        { "iat", FIELD_INT, offsetof(TokenClaims, issued_at), FIELD_REQUIRED },
        {}
};

int token_read(const RunKey *key, Text jwt, uint64_t now_usec, Arena *arena, Uuid *ret_user_id) {
        FieldErrors errors = {};
        TokenClaims claims = {};
        Text document, user;

        if (jwt_verify_rs256(key, jwt, arena, &document) < 0)
                return -EKEYREJECTED;
        if (json_read(arena, document, claim_fields, &claims, &errors) < 0)
                return -EKEYREJECTED;
        if (!text_is(claims.issuer, "Lightning") || !text_starts_with(claims.subject, subject_prefix))
                return -EKEYREJECTED;
        if (claims.issued_at < 0 ||
            (uint64_t) claims.issued_at > (now_usec + CLOCK_TOLERANCE_USEC) / USEC_PER_SEC)
                return -EKEYREJECTED;

        user = text_make(claims.subject.data + sizeof subject_prefix - 1,
                         claims.subject.length - (sizeof subject_prefix - 1));
        return uuid_parse(user, ret_user_id) < 0 ? -EKEYREJECTED : 0;
}

typedef struct RunClaims {
        Text issuer, subject;
        int64_t not_before, expires_at;
        RunToken token;
} RunClaims;

static const Field run_claim_fields[] = {
        { "iss", FIELD_STRING, offsetof(RunClaims, issuer), FIELD_REQUIRED },
        { "sub", FIELD_STRING, offsetof(RunClaims, subject), FIELD_REQUIRED },
        { "nbf", FIELD_INT, offsetof(RunClaims, not_before), FIELD_REQUIRED },
        { "exp", FIELD_INT, offsetof(RunClaims, expires_at), FIELD_REQUIRED },
        { "id", FIELD_UUID, offsetof(RunClaims, token.run_id), FIELD_REQUIRED },
        { "claim", FIELD_UUID, offsetof(RunClaims, token.nonce) },
        { "project_id", FIELD_UUID, offsetof(RunClaims, token.project_id) },
        {}
};

static bool is_of_run(Text subject, const Uuid *run_id) {
        char id[UUID_STRING_SIZE];

        return text_starts_with(subject, "run:") &&
               text_is(text_make(subject.data + strlen("run:"), subject.length - strlen("run:")),
                       uuid_format(run_id, id));
}

int token_read_run(const RunKey *key, Text jwt, uint64_t now_usec, Arena *arena, RunToken *ret_token) {
        const int64_t now = (int64_t) (now_usec / USEC_PER_SEC);
        FieldErrors errors = {};
        RunClaims claims = {};
        Text document;

        if (jwt_verify_rs256(key, jwt, arena, &document) < 0 ||
            json_read(arena, document, run_claim_fields, &claims, &errors) < 0)
                return -EKEYREJECTED;
        if (!text_is(claims.issuer, "Lightning") || !is_of_run(claims.subject, &claims.token.run_id) ||
            claims.not_before > now || claims.expires_at <= now)
                return -EKEYREJECTED;

        *ret_token = claims.token;
        return 0;
}

void token_find_run(Batch *batch, const RunToken *token) {
        batch_add(batch, &SQL_TOKEN_RUN, P_UUID(&token->run_id), P_UUID(&token->project_id),
                  P_UUID(&token->nonce));
}

void token_find_user(Batch *batch, Text jwt) {
        batch_add(batch, &SQL_TOKEN_USER, P_BYTES(hash(batch, jwt)));
}

static const Column owner_columns[] = {
        { "user_id",    COLUMN_UUID, offsetof(TokenOwner, user_id)    },
        { "run_id",     COLUMN_UUID, offsetof(TokenOwner, run_id)     },
        { "project_id", COLUMN_UUID, offsetof(TokenOwner, project_id) },
        { "superuser",  COLUMN_BOOL, offsetof(TokenOwner, superuser)  },
        { "session_id", COLUMN_UUID, offsetof(TokenOwner, session_id) },
        {}
};

int token_owner_read(const Rows *rows, TokenOwner *ret_owner) {
        if (rows_count(rows) == 0)
                return -ENOENT;

        row_read(rows, 0, owner_columns, NULL, ret_owner);
        return 0;
}
