/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a worker needs before it starts: the plan, the input, the credentials (worker-channel 5.3 to 5.5).
 * Error texts end up in the run's log, in front of people.
 */

#include <errno.h>

#include "domain/credential.h"
#include "domain/dataclip.h"
#include "json/check.h"
#include "json/read.h"
#include "workers/run-channel.h"

/* -- fetch:plan ------------------------------------------------------------------------------------ */

static int reply_plan(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);

        return channel_reply_ok(call, buffer_text(&run_of(call)->plan));
}

const Stage fetch_plan_stages[] = { reply_plan, NULL };

/* -- fetch:dataclip -------------------------------------------------------------------------------- */

/* The run's own input, whatever id is asked for. */
static int take_input(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        const Run *run = &run_of(call)->run;
        /* An input that is wiped as it is taken is not there a second time. */
        Batch *batch = batch_new(&base->arena, run->save_dataclips ? BATCH_IDEMPOTENT : 0);

        if (uuid_is_null(&run->dataclip_id))
                return channel_reply_binary(call, TEXT("null"));

        dataclip_take_input(batch, &run->project_id, &run->id);
        return db_commit(base, batch);
}

static int reply_input(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        _cleanup_(buffer_deinit) Buffer state = BUFFER_NULL;

        if (rows_count(base->result.rows[0]) == 0)
                return channel_reply_error_string(call, "The input of this run has been deleted.");

        dataclip_write_state(base->result.rows[0], &state);
        return channel_reply_binary(call, buffer_text(&state));
}

const Stage fetch_dataclip_stages[] = { take_input, reply_input, NULL };

/* -- fetch:credential ------------------------------------------------------------------------------ */

static const char not_found[] = "Credential not found!";

/* An id that is no id belongs to no credential either. */
static int read_credential_id(ChannelCall *call, Uuid *ret_id) {
        Text raw = json_member(call->payload, "id"), text;

        if (!raw.data || json_kind(raw) == JSON_NULL || text_is(raw, "\"\"")) {
                call_invalid(&call->call, "id", "This field can't be blank.");
                return -EINVAL;
        }
        if (json_unescape(&call->call.arena, raw, &text) < 0 || uuid_parse(text, ret_id) < 0) {
                call_invalid(&call->call, "id", not_found);
                return -EINVAL;
        }
        return 0;
}

static int ask_credential(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        LiveRun *live = run_of(call);
        Batch *batch = batch_new(&base->arena, BATCH_IDEMPOTENT);
        Uuid id;
        int r;

        r = read_credential_id(call, &id);
        if (r < 0)
                return r;
        if (!snapshot_has_credential(&live->index, &id))
                return channel_reply_field(call, "id", not_found);

        credential_fetch(batch, &live->run, &id);
        return db_commit(base, batch);
}

/* Open, note for the scrubber, hand over: in this order, so that no line can be logged that shows it. */
static int hand_over(ChannelCall *call, const FetchedCredential *fetched) {
        _cleanup_(secret_freep) Secret *body = NULL;
        Buffer json = BUFFER_NULL;
        int r;

        r = credential_open(workers_of(call->call.service)->vault, &fetched->body_id, fetched->sealed, &body);
        if (r < 0) {
                call_log_errno(&call->call, LOG_ERR, r, NULL,
                               "A credential cannot be opened with the keys at hand: %m");
                return channel_reply_error_string(
                        call, arena_printf(&call->call.arena,
                                           "Credential '%s' could not be decrypted. Please ask your "
                                           "administrator to check the "
                                           "server's encryption key, or save the credential again.",
                                           fetched->name.data));
        }

        scrubber_add_credential(run_of(call)->scrubber, secret_text(body));
        buffer_reserve(&json, body->length + 16);
        credential_write(secret_text(body), &json);
        (void) channel_reply_ok(call, buffer_text(&json));
        explicit_bzero(json.data, json.length);
        buffer_deinit(&json);
        return CALL_DONE;
}

static int reply_credential(Call *base) {
        ChannelCall *call = container_of(base, ChannelCall, call);
        FetchedCredential fetched;

        credential_read_fetched(base->result.rows[0], &fetched);
        switch (fetched.state) {
        case CREDENTIAL_FOUND:
                return hand_over(call, &fetched);
        case CREDENTIAL_NONE:
                return channel_reply_ok(call, TEXT("null"));
        case CREDENTIAL_RUN_ENDED:
                return channel_reply_error_string(
                        call, "This run has ended: its credentials are no longer handed out.");
        case CREDENTIAL_NO_ENVIRONMENT:
                return channel_reply_error_string(call, "This project has no environment, so it is not known "
                                                        "which values of its credentials to use. Please "
                                                        "set one in the project's settings.");
        case CREDENTIAL_OTHER_ENVIRONMENT:
                return channel_reply_error_string(
                        call, arena_printf(&base->arena,
                                           "Credential environment mismatch. This project is using '%s' but "
                                           "credential '%s' does "
                                           "not have a matching environment.",
                                           fetched.environment.data, fetched.name.data));
        case CREDENTIAL_UNKNOWN:
                break;
        }
        return channel_reply_field(call, "id", not_found);
}

const Stage fetch_credential_stages[] = { ask_credential, reply_credential, NULL };
