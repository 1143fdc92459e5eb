/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /profile/two-factor: the second factor of who is logged in. A secret is made and shown (POST), and asked for from the
 * moment its first code has been given (PUT), when backup codes are shown, once. To begin, to end and for new backup
 * codes the password is wanted again: who finds a browser open must not lock its owner out.
 */

#include <errno.h>

#include "crypto/totp.h"
#include "domain/attempt.h"
#include "serve/service.h"
#include "serve/session.h"
#include "web/accounts.h"
#include "web/json-api.h"
#include "web/secret-body.h"
#include "web/web.h"

static OwnTwoFactor *own_of(Call *call) {
        return container_of(call, OwnTwoFactor, confirmed.check.call);
}

static int read_password(Call *call) {
        return confirm_read(&own_of(call)->confirmed, false);
}

/* Of a change. */
static Batch *begin(Call *call) {
        Batch *batch = batch_new(&call->arena, 0);

        user_acts(batch, &call->principal->user_id);
        return batch;
}

/* -- what there is ----------------------------------------------------------------------------- */

static int ask_state(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        two_factor_state(batch, &call->principal->user_id);
        return db_commit(call, batch);
}

static int reply_state(Call *call) {
        const Rows *rows = call->result.rows[0];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (rows_count(rows) == 0)
                return -EKEYREJECTED;
        json_begin(&w, NULL);
        json_bool(&w, "enabled", rows_bool(rows, 0, rows_column(rows, "mfa_enabled")));
        json_int(&w, "backup_codes_left", rows_int(rows, 0, rows_column(rows, "n_backup_codes")));
        json_end(&w);
        return reply_json(call, 200, &body);
}

/* -- a secret ---------------------------------------------------------------------------------- */

static int store_secret(Call *call) {
        const Web *web = call->service->state;
        OwnTwoFactor *own = own_of(call);
        _cleanup_(secret_freep) Secret *secret = secret_random(TOTP_SECRET_SIZE);
        Batch *batch;
        int r;

        r = confirm_result(&own->confirmed);
        if (r != CALL_NEXT)
                return r;

        own->secret = arena_text(&call->arena, secret_text(secret));
        batch = begin(call);
        confirm_forget_guesses(&own->confirmed, batch);
        own->stored = two_factor_store_secret(batch, web->vault, &call->principal->user_id, secret_text(secret));
        return db_commit(call, batch);
}

/* RFC 3986's unreserved characters stay. */
static void append_escaped(Buffer *buffer, Text text) {
        for (size_t i = 0; i < text.length; i++) {
                unsigned char c = (unsigned char) text.data[i];

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-._~", c)))
                        buffer_append_byte(buffer, (char) c);
                else
                        buffer_printf(buffer, "%%%02X", c);
        }
}

/* What apps read from a picture. People have accounts with several servers: the host tells them apart. */
static void append_uri(Buffer *uri, const OwnTwoFactor *own, Text secret) {
        Text host = text_of(own->confirmed.check.call.service->settings->url_host);

        buffer_append_string(uri, "otpauth://totp/");
        append_escaped(uri, host);
        buffer_append_byte(uri, ':');
        append_escaped(uri, own->confirmed.user.email);
        buffer_append_string(uri, "?secret=");
        buffer_append_text(uri, secret);
        buffer_append_string(uri, "&issuer=");
        append_escaped(uri, host);
}

static int reply_secret(Call *call) {
        OwnTwoFactor *own = own_of(call);
        _cleanup_(buffer_deinit) Buffer secret = BUFFER_NULL, uri = BUFFER_NULL;
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (rows_count(call->result.rows[own->stored]) == 0)
                return call_reply_error(call, 409, "There is a second factor already");

        base32_append(&secret, own->secret);
        append_uri(&uri, own, buffer_text(&secret));
        json_begin(&w, NULL);
        json_text(&w, "secret", buffer_text(&secret));
        json_text(&w, "uri", buffer_text(&uri));
        json_end(&w);
        return reply_secret_json(call, 201, &body);
}

/* -- its first code ---------------------------------------------------------------------------- */

static const Field fields[] = {
        { "code", FIELD_STRING, offsetof(OwnTwoFactor, code), FIELD_REQUIRED },
        {}
};

static int read_code(Call *call) {
        OwnTwoFactor *own = own_of(call);
        bool is_form;
        Text body;
        int r;

        r = secret_body_read(call, &call->arena, &body, &is_form);
        return r < 0 ? r : secret_body_fields(call, &call->arena, body, fields, own);
}

static Text user_id_text(Call *call) {
        return text_of(uuid_format(&call->principal->user_id, arena_alloc(&call->arena, UUID_STRING_SIZE)));
}

static int ask_secret(Call *call) {
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        attempt_count(batch, ATTEMPT_CODE, user_id_text(call));
        two_factor_own_secret(batch, &call->principal->user_id);
        return db_commit(call, batch);
}

/* 0 and its step, or what a stage returns. */
static int check_code(Call *call, const Totp *totp, uint64_t *ret_step) {
        const Web *web = call->service->state;
        int r;

        if (totp->confirmed)
                return call_reply_error(call, 409, "There is a second factor already");
        r = totp_check_code(totp, web->vault, text_trim(own_of(call)->code), clock_now_usec(), ret_step);
        if (r != -EKEYREJECTED)
                return r;
        call_invalid(call, "code", "is not valid");
        return -EINVAL;
}

static int store_confirmed(Call *call) {
        OwnTwoFactor *own = own_of(call);
        const Uuid *user_id = &call->principal->user_id;
        uint64_t wait = attempt_wait_seconds(call->result.rows[0]), step;
        Batch *batch;
        Totp totp;
        int r;

        if (wait > 0)
                return refuse_guesses(call, wait);
        r = totp_read(call->result.rows[1], &call->arena, &totp);
        if (r >= 0)
                r = check_code(call, &totp, &step);
        if (r != 0)
                return r;

        backup_codes_make(own->codes);
        batch = begin(call);
        attempt_forget(batch, ATTEMPT_CODE, user_id_text(call));
        two_factor_confirm(batch, user_id, &totp.id, step);
        own->stored = two_factor_store_backup_codes(batch, user_id, own->codes);
        return db_commit(call, batch);
}

/* -- backup codes ------------------------------------------------------------------------------ */

static int store_codes(Call *call) {
        OwnTwoFactor *own = own_of(call);
        Batch *batch;
        int r;

        r = confirm_result(&own->confirmed);
        if (r != CALL_NEXT)
                return r;

        backup_codes_make(own->codes);
        batch = begin(call);
        confirm_forget_guesses(&own->confirmed, batch);
        own->stored = two_factor_store_backup_codes(batch, &call->principal->user_id, own->codes);
        return db_commit(call, batch);
}

static int reply_codes(Call *call) {
        OwnTwoFactor *own = own_of(call);
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        /* There is no second factor they could stand for. */
        if (rows_count(call->result.rows[own->stored]) == 0)
                return -ENOENT;

        json_begin(&w, NULL);
        json_begin_array(&w, "backup_codes");
        for (size_t i = 0; i < BACKUP_CODES; i++)
                json_string(&w, NULL, own->codes[i]);
        json_end_array(&w);
        json_end(&w);
        return reply_secret_json(call, 200, &body);
}

/* -- none any more ----------------------------------------------------------------------------- */

static int delete(Call *call) {
        OwnTwoFactor *own = own_of(call);
        Batch *batch;
        int r;

        r = confirm_result(&own->confirmed);
        if (r != CALL_NEXT)
                return r;

        batch = begin(call);
        confirm_forget_guesses(&own->confirmed, batch);
        two_factor_end(batch, &call->principal->user_id);
        return db_commit(call, batch);
}

static int reply_deleted(Call *call) {
        return call_reply(call, 204, TEXT_NULL);
}

const Stage get_own_two_factor[] = { ask_state, reply_state, NULL };
const Stage post_own_two_factor[] = { read_password, confirm_ask, confirm_check, store_secret, reply_secret, NULL };
const Stage put_own_two_factor[] = { read_code, ask_secret, store_confirmed, reply_codes, NULL };
const Stage delete_own_two_factor[] = { read_password, confirm_ask, confirm_check, delete, reply_deleted, NULL };
const Stage post_own_backup_codes[] = { read_password, confirm_ask, confirm_check, store_codes, reply_codes, NULL };
