/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Second factors.
 */

#include "domain/two-factor.h"

#include <errno.h>

#include "crypto/password.h"
#include "crypto/totp.h"
#include "db/array.h"
#include "domain/sql.h"

static Text hash(Batch *batch, Text secret) {
        uint8_t *digest = arena_alloc(batch->arena, DIGEST_SIZE);

        digest_sha256(secret, digest);
        return text_make(digest, DIGEST_SIZE);
}

/* -- backup codes ------------------------------------------------------------------------------ */

#define CODE_BYTES 10
#define CODE_LETTERS 16

/* In groups of four, small letters. */
static void format_code(Text letters, char code[static BACKUP_CODE_SIZE]) {
        size_t n = 0;

        for (size_t i = 0; i < letters.length; i++) {
                char c = letters.data[i];

                if (i > 0 && i % 4 == 0)
                        code[n++] = '-';
                code[n++] = c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
        }
        code[n] = '\0';
}

void backup_codes_make(char codes[static BACKUP_CODES][BACKUP_CODE_SIZE]) {
        for (size_t i = 0; i < BACKUP_CODES; i++) {
                _cleanup_(secret_freep) Secret *random = secret_random(CODE_BYTES);
                Buffer letters = BUFFER_NULL;

                base32_append(&letters, secret_text(random));
                format_code(buffer_text(&letters), codes[i]);
                secret_wipe(letters.data, letters.length);
                buffer_deinit(&letters);
        }
}

/* People type it with blanks, capitals and without the strokes. What is no code has the hash of none. */
static Text code_hash(Batch *batch, Text code) {
        char letters[CODE_LETTERS];
        size_t n = 0;

        for (size_t i = 0; i < code.length; i++) {
                char c = code.data[i];

                if (c == '-' || c == ' ')
                        continue;
                if (n == sizeof letters)
                        return hash(batch, TEXT(""));
                letters[n++] = c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
        }
        return hash(batch, text_make(letters, n));
}

/* -- logging in -------------------------------------------------------------------------------- */

size_t two_factor_begin(Batch *batch, const NewSession *session) {
        Uuid id = uuid_new();

        return batch_add(batch, &SQL_TWO_FACTOR_BEGIN, P_UUID(&id), P_UUID(&session->user_id),
                         P_BYTES(hash(batch, session->secret)), P_TEXT(session->checked_hash), P_BOOL(session->remembered));
}

size_t two_factor_find(Batch *batch, Text begun_secret) {
        Text begun = hash(batch, begun_secret);
        size_t first = batch_add(batch, &SQL_TWO_FACTOR_FIND, P_BYTES(begun));

        batch_add(batch, &SQL_TWO_FACTOR_SECRET_OF, P_BYTES(begun));
        return first;
}

size_t two_factor_pass(Batch *batch, const TwoFactorPass *pass) {
        Text begun = hash(batch, pass->begun_secret), session = hash(batch, pass->session_secret);
        Uuid id = uuid_new();

        batch_add(batch, &SQL_TWO_FACTOR_LOCK, P_UUID(&pass->user_id));
        if (pass->step > 0)
                return batch_add(batch, &SQL_TWO_FACTOR_PASS_CODE, P_UUID(&id), P_BYTES(session), P_BYTES(begun),
                                 P_UUID(&pass->user_id), P_INT((int64_t) pass->step));
        return batch_add(batch, &SQL_TWO_FACTOR_PASS_BACKUP, P_UUID(&id), P_BYTES(session), P_BYTES(begun),
                         P_UUID(&pass->user_id), P_BYTES(code_hash(batch, pass->backup_code)));
}

/* -- the secret -------------------------------------------------------------------------------- */

static const Column columns[] = {
        { "id",        COLUMN_UUID, offsetof(Totp, id)        },
        { "secret",    COLUMN_TEXT, offsetof(Totp, sealed)    },
        { "last_step", COLUMN_INT,  offsetof(Totp, last_step) },
        { "confirmed", COLUMN_BOOL, offsetof(Totp, confirmed) },
        {}
};

int totp_read(const Rows *rows, Arena *arena, Totp *ret_totp) {
        if (rows_count(rows) == 0)
                return -ENOENT;

        row_read(rows, 0, columns, arena, ret_totp);
        return 0;
}

static VaultPlace place(const Uuid *id) {
        return (VaultPlace) { .table = "user_totps", .column = "secret", .row = *id };
}

int totp_check_code(const Totp *totp, const Vault *vault, Text code, uint64_t now_usec, uint64_t *ret_step) {
        _cleanup_(secret_freep) Secret *secret = NULL;
        VaultPlace where = place(&totp->id);
        int r;

        r = vault_open(vault, &where, totp->sealed, &secret);
        if (r < 0)
                return r;

        return totp_check(secret_text(secret), code, now_usec, (uint64_t) totp->last_step, ret_step);
}

/* -- one's own --------------------------------------------------------------------------------- */

size_t two_factor_state(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_TWO_FACTOR_STATE, P_UUID(user_id));
}

size_t two_factor_store_secret(Batch *batch, const Vault *vault, const Uuid *user_id, Text secret) {
        Buffer sealed = BUFFER_NULL;
        Uuid id = uuid_new();
        VaultPlace where = place(&id);
        Text copy;

        vault_seal(vault, &where, secret, &sealed);
        copy = arena_text(batch->arena, buffer_text(&sealed));
        buffer_deinit(&sealed);
        return batch_add(batch, &SQL_TWO_FACTOR_STORE_SECRET, P_UUID(&id), P_UUID(user_id), P_BYTES(copy));
}

size_t two_factor_own_secret(Batch *batch, const Uuid *user_id) {
        return batch_add(batch, &SQL_TWO_FACTOR_OWN_SECRET, P_UUID(user_id));
}

size_t two_factor_confirm(Batch *batch, const Uuid *user_id, const Uuid *totp_id, uint64_t step) {
        return batch_add(batch, &SQL_TWO_FACTOR_CONFIRM, P_UUID(user_id), P_UUID(totp_id), P_INT((int64_t) step));
}

size_t two_factor_store_backup_codes(Batch *batch, const Uuid *user_id, char codes[][BACKUP_CODE_SIZE]) {
        Array hashes;

        array_init(&hashes, ARRAY_BYTES);
        for (size_t i = 0; i < BACKUP_CODES; i++)
                array_add_text(&hashes, code_hash(batch, text_of(codes[i])));
        batch_add(batch, &SQL_TWO_FACTOR_FORGET_BACKUP_CODES, P_UUID(user_id));
        return batch_add(batch, &SQL_TWO_FACTOR_STORE_BACKUP_CODES, P_UUID(user_id), array_move(&hashes, batch->arena));
}

void two_factor_end(Batch *batch, const Uuid *user_id) {
        batch_add(batch, &SQL_TWO_FACTOR_END, P_UUID(user_id));
}
