/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Webhooks: what a caller sends becomes a dataclip, a work order and its first run.
 *
 * The caller is answered once PostgreSQL has committed: an answer means the work is safe. A trigger that
 * replies after completion holds its caller until the run has ended.
 *
 * What of the request is needed later is copied while the caller is certainly there: whether or not it waits
 * for the answer, a webhook that reached us is stored.
 */

#include <errno.h>

#include "webhooks/body.h"
#include "webhooks/request.h"
#include "webhooks/webhooks.h"

#define MAX_STORE_TRIES 3

typedef struct Webhook {
        Call call;
        size_t n_bytes;                 /* what it counts for in memory; 0: not admitted */
        TriggerAddress address;
        bool has_address;
        RequestCredentials credentials;
        int body_result;                /* of body_read() */
        Buffer body;                    /* when it is not what was sent */
        Buffer request;                 /* JSON, not yet ended */
        int found;                      /* result of the look-up */
        Trigger *trigger;
        TriggerWait lookup;
        CommitItem item;
        int stored;                     /* result of the commit */
        unsigned n_store_tries;
        RunWait run;
        bool timed_out;
        unsigned answer_status;
        Buffer answer;                  /* of the run */
} Webhook;

static int receive(Call *call);
static int receive_body(Call *call);
static int find_trigger(Call *call);
static int check_caller(Call *call);
static int check_trigger(Call *call);
static int store(Call *call);
static int answer_stored(Call *call);
static int answer_run(Call *call);
static int say_hello(Call *call);
static int no_such_route(Call *call);

static const Stage post_webhook[] = {
        receive, receive_body, find_trigger, check_caller, check_trigger, store, answer_stored, answer_run,
        NULL,
};
/* Again from where the trigger is looked up. */
static const Stage *const store_again = post_webhook + 2;

static const Stage get_webhook[] = { receive, find_trigger, check_caller, say_hello, NULL };
static const Stage other_webhook[] = {
        receive, receive_body, find_trigger, check_caller, no_such_route, NULL,
};

/* The body's limit is a setting, so the server and receive_body() hold it, which also unpacks. */
#define WEBHOOK(method, stages)                                                                    \
        { method, "/i/{path...}", stages, sizeof(Webhook), AUTH_NONE, RIGHT_PUBLIC, SIZE_MAX, .keeps_packed = true }

const Route webhook_routes[] = {
        WEBHOOK("GET", get_webhook),
        WEBHOOK("POST", post_webhook),
        WEBHOOK("PUT", other_webhook),
        WEBHOOK("PATCH", other_webhook),
        WEBHOOK("DELETE", other_webhook),
        {}
};

static Webhook *webhook_of(Call *call) {
        return container_of(call, Webhook, call);
}

/* -- receiving ---------------------------------------------------------------------------------------- */

static void on_finished(Call *call) {
        Webhook *webhook = webhook_of(call);
        Webhooks *webhooks = webhooks_of(call);

        run_wait_cancel(&webhook->run);
        webhook->trigger = trigger_unref(webhook->trigger);
        buffer_deinit(&webhook->body);
        buffer_deinit(&webhook->request);
        buffer_deinit(&webhook->answer);
        if (webhook->n_bytes > 0) {
                webhooks->n_held--;
                webhooks->n_bytes -= webhook->n_bytes;
        }
}

/* However large the bodies that are allowed: a few of them fit. */
static size_t max_bytes(const Settings *settings) {
        return MAX((size_t) WEBHOOKS_MAX_BYTES, 4 * settings->max_dataclip_size_mb * 1000000);
}

static bool admit(Webhook *webhook) {
        Webhooks *webhooks = webhooks_of(&webhook->call);
        size_t n_bytes = sizeof *webhook + http_body(call_request(&webhook->call)).length;

        if (webhooks->n_held >= WEBHOOKS_MAX_HELD ||
            webhooks->n_bytes + n_bytes > max_bytes(webhook->call.service->settings))
                return false;

        webhook->n_bytes = n_bytes;
        webhooks->n_held++;
        webhooks->n_bytes += n_bytes;
        return true;
}

static int bad_request(Call *call, const char *message) {
        return refuse_message(call, 400, "Bad Request", message);
}

/* The address is needed after the request may have gone. */
static void read_address(Webhook *webhook, const RequestPath *path) {
        Arena *arena = &webhook->call.arena;
        Text first = path->n_segments > 1 ? path->segments[1] : TEXT_NULL;
        Text second = path->n_segments > 2 ? path->segments[2] : TEXT_NULL;

        webhook->has_address = first.data && trigger_address_read(first, second, &webhook->address) >= 0;
        if (!webhook->has_address)
                return;
        webhook->address.custom_path = arena_text(arena, webhook->address.custom_path);
        webhook->address.bare_path = arena_text(arena, webhook->address.bare_path);
}

static int receive(Call *call) {
        Webhook *webhook = webhook_of(call);
        const char *problem = NULL;
        RequestPath path;

        call->finished = on_finished;
        call->keep_going = true;
        call_set_deadline(call, 0);     /* each wait has its own end */
        if (!admit(webhook))
                return refuse_storing(call);

        if (request_read_path(call_request(call), &call->arena, &path) < 0)
                return bad_request(call, "The path cannot be read: an escape is broken or it is not UTF-8.");
        if (request_begin(call_request(call), &path, &call->arena, &webhook->request, &problem) < 0)
                return bad_request(call, problem);

        request_read_credentials(call_request(call), &call->arena, &webhook->credentials);
        read_address(webhook, &path);
        return CALL_NEXT;
}

static int too_large(Call *call, size_t max) {
        return refuse_message(call, 413, "Request Entity Too Large",
                              arena_printf(&call->arena, "The body is larger than %zu bytes.", max));
}

static int receive_body(Call *call) {
        Webhook *webhook = webhook_of(call);
        const HttpRequest *request = call_request(call);
        const BodySource source = {
                .content_type = http_header(request, "content-type"),
                .content_encoding = http_header(request, "content-encoding"),
                .bytes = http_body(request),
                .max = call->service->settings->max_dataclip_size_mb * 1000000,
        };
        const char *problem = "The body cannot be read.";
        Text json = TEXT_NULL;
        int r;

        r = body_read(&source, &call->arena, &webhook->body, &json, &problem);
        if (r == -EMSGSIZE)
                return too_large(call, source.max);
        if (r < 0)
                return bad_request(call, problem);

        webhook->body_result = r;
        webhook->item.order.body = webhook->body.length > 0 ? json : arena_text(&call->arena, json);
        return CALL_NEXT;
}

/* -- the trigger -------------------------------------------------------------------------------------- */

static int no_such_webhook(Call *call) {
        return call_reply_error(call, 404, "Webhook not found");
}

static void set_trigger(Webhook *webhook, Trigger *trigger) {
        (void) trigger_unref(webhook->trigger);
        webhook->trigger = trigger ? trigger_ref(trigger) : NULL;
}

static void on_trigger(TriggerWait *lookup, int r, Trigger *trigger) {
        Webhook *webhook = container_of(lookup, Webhook, lookup);

        webhook->found = r;
        set_trigger(webhook, trigger);
        call_resume(&webhook->call, CALL_NEXT);
}

static int find_trigger(Call *call) {
        Webhook *webhook = webhook_of(call);
        Trigger *trigger = NULL;

        if (!webhook->has_address)
                return no_such_webhook(call);

        webhook->found = trigger_cache_get(webhooks_of(call)->triggers, &webhook->address, &trigger);
        if (webhook->found == TRIGGER_E_UNKNOWN) {
                webhook->lookup.done = on_trigger;
                trigger_cache_ask(webhooks_of(call)->triggers, &webhook->address, &webhook->lookup);
                return call_wait(call);
        }

        set_trigger(webhook, trigger);
        return CALL_NEXT;
}

/* Wrong credentials look like a wrong address; missing ones ask for them (http-api 1.2). */
static int check_caller(Call *call) {
        Webhook *webhook = webhook_of(call);
        WebhookCaller caller = request_caller(&webhook->credentials);

        if (webhook->found == -ENOENT)
                return no_such_webhook(call);
        if (webhook->found == -EHOSTDOWN || webhook->found == -ECANCELED)
                return refuse_lookup(call);
        if (webhook->found < 0)
                return call_reply_error(call, 500, "Internal Server Error");     /* the journal knows why */

        switch (webhook_auth_check(&webhook->trigger->auth, &caller)) {
        case 0:
                return CALL_NEXT;
        case WEBHOOK_AUTH_E_MISSING:
                return call_reply_error(call, 401, "Unauthorized");
        default:
                return no_such_webhook(call);
        }
}

static int say_hello(Call *call) {
        return call_reply(call, 200,
                          TEXT("{\"message\":\"OpenFn webhook trigger found. "
                               "Make a POST request to execute this workflow.\"}"));
}

static int no_such_route(Call *call) {
        return call_reply_error(call, 404, "Not Found");
}

static int check_trigger(Call *call) {
        Webhook *webhook = webhook_of(call);

        if (webhook->body_result == BODY_E_UNSUPPORTED)
                return call_reply_error(call, 415, "Unsupported Media Type");
        if (!webhook->trigger->enabled)
                return refuse_message(call, 403, "trigger_disabled",
                                      "Unable to process request, trigger is disabled. "
                                      "Enable it on OpenFn to allow requests to this endpoint.");
        return CALL_NEXT;
}

/* -- storing ------------------------------------------------------------------------------------------ */

static void on_stored(CommitItem *item, int r) {
        Webhook *webhook = container_of(item, Webhook, item);

        webhook->stored = r;
        call_resume(&webhook->call, CALL_NEXT);
}

static void on_run_done(RunWait *wait, int r, const WebhookAnswer *answer);

static void end_request(Webhook *webhook) {
        if (webhook->n_store_tries == 0)
                request_end(&webhook->credentials, &webhook->trigger->auth, &webhook->request);
        webhook->item.order.request = buffer_text(&webhook->request);
}

static int store(Call *call) {
        Webhook *webhook = webhook_of(call);
        Webhooks *webhooks = webhooks_of(call);
        const Trigger *trigger = webhook->trigger;
        NewWorkOrder *order = &webhook->item.order;

        end_request(webhook);
        /* Once: whatever became of an earlier try, this is the same order. */
        if (webhook->n_store_tries++ == 0) {
                order->work_order_id = uuid_new();
                order->run_id = uuid_new();
                order->dataclip_id = uuid_new();
        }
        order->project_id = trigger->project_id;
        order->trigger_id = trigger->id;
        order->dataclip_type = "http_request";
        order->priority = RUN_PRIORITY_NORMAL;
        order->reply_after_completion = trigger->reply_after_completion;
        order->queue = trigger->reply_after_completion ? RUN_QUEUE_FAST_LANE : RUN_QUEUE_DEFAULT;

        if (trigger->reply_after_completion) {
                webhook->run.run_id = order->run_id;
                webhook->run.project_id = order->project_id;
                webhook->run.done = on_run_done;
                run_wait_register(webhooks->runs, &webhook->run);
        }

        webhook->item.done = on_stored;
        group_commit_add(webhooks->commit, &webhook->item);
        return call_wait(call);
}

/* The trigger was another one than we knew: what it is now decides what the caller is told. */
static int refused(Call *call) {
        Webhook *webhook = webhook_of(call);

        if (webhook->n_store_tries >= MAX_STORE_TRIES)
                return refuse_storing(call);

        trigger_cache_forget(webhooks_of(call)->triggers, &webhook->address);
        call->next = store_again;
        return CALL_NEXT;
}

static int not_stored(Call *call, int r) {
        Buffer body = BUFFER_NULL;

        run_wait_cancel(&webhook_of(call)->run);
        if (r == COMMIT_E_REFUSED)
                return refused(call);
        if (r == -EHOSTDOWN || r == -ECANCELED)
                return refuse_storing(call);
        if (r != -EINVAL)
                return call_reply_error(call, 500, "Internal Server Error");     /* the journal knows why */

        buffer_append_string(&body, "{\"error\":\"invalid_request\","
                                    "\"details\":{\"dataclip\":[\"is invalid\"]}}");
        return call_reply_buffer(call, 422, &body);
}

static void add_ids(Call *call) {
        const NewWorkOrder *order = &webhook_of(call)->item.order;
        char id[UUID_STRING_SIZE];

        call_header(call, "x-meta-work-order-id", text_of(uuid_format(&order->work_order_id, id)));
        call_header(call, "x-meta-run-id", text_of(uuid_format(&order->run_id, id)));
        call_log_uuid(call, "FULGUR_WORK_ORDER_ID", &order->work_order_id);
        call_log_uuid(call, "FULGUR_RUN_ID", &order->run_id);
}

static int wait_for_run(Webhook *webhook);

static int answer_stored(Call *call) {
        Webhook *webhook = webhook_of(call);
        char id[UUID_STRING_SIZE], body[sizeof "{\"work_order_id\":\"\"}" + UUID_TEXT_LENGTH];
        int length;

        if (webhook->stored != 0)
                return not_stored(call, webhook->stored);

        add_ids(call);
        if (webhook->item.order.reply_after_completion)
                return wait_for_run(webhook);

        length = snprintf(body, sizeof body, "{\"work_order_id\":\"%s\"}",
                          uuid_format(&webhook->item.order.work_order_id, id));
        return call_reply(call, 200, text_make(body, (size_t) length));
}

/* -- the run's own answer -------------------------------------------------------------------------------- */

static void on_run_done(RunWait *wait, int r, const WebhookAnswer *answer) {
        Webhook *webhook = container_of(wait, Webhook, run);

        webhook->timed_out = r == RUN_WAIT_E_TIMEOUT;
        if (answer) {
                webhook->answer_status = answer->status;
                webhook_answer_write(answer, &webhook->item.order.work_order_id, &webhook->item.order.run_id,
                                     &webhook->answer);
        }
        call_resume(&webhook->call, CALL_NEXT);
}

/* Stored it is: only the waiting ends. */
static void on_gone(void *userdata) {
        Webhook *webhook = userdata;

        if (!webhook->run.waits)
                return;

        run_wait_cancel(&webhook->run);
        webhook->timed_out = true;
        call_resume(&webhook->call, CALL_NEXT);
}

static int wait_for_run(Webhook *webhook) {
        Call *call = &webhook->call;
        int r = call_wait(call);

        run_wait_start(&webhook->run, call->service->settings->webhook_response_timeout_msec * USEC_PER_MSEC);
        if (http_request_is_gone(call_request(call)))
                on_gone(webhook);
        else
                http_request_on_gone(call_request(call), on_gone, webhook);
        return r;
}

static int answer_run(Call *call) {
        Webhook *webhook = webhook_of(call);
        char id[UUID_STRING_SIZE];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        if (!webhook->timed_out)
                return call_reply(call, webhook->answer_status,
                                  webhook->answer_status == 204 || webhook->answer_status == 304 ?
                                          TEXT_NULL :
                                          buffer_text(&webhook->answer));

        json_begin(&w, NULL);
        json_string(&w, "error", "timeout");
        json_string(&w, "message", "Workflow did not complete within timeout period");
        json_string(&w, "work_order_id", uuid_format(&webhook->item.order.work_order_id, id));
        json_end(&w);
        return call_reply_buffer(call, 504, &body);
}
