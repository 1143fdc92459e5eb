/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What people do with runs. Each request is one transaction that begins with the question whether the user may, so
 * nothing happens to a run of a project that has been closed to them meanwhile.
 */

#include "domain/project.h"
#include "domain/rerun.h"
#include "json/check.h"
#include "serve/service.h"
#include "serve/session.h"
#include "web/json-api.h"
#include "web/run-control.h"
#include "web/web.h"

static RunControl *control_of(Call *call) {
        return container_of(call, RunControl, call);
}

/* -- what all of them share ------------------------------------------------------------------------------ */

static int read_ids(Call *call) {
        RunControl *control = control_of(call);
        Text id = call_path_value(call, 1);

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        control->user_id = call->principal->user_id;
        if (uuid_parse(call_path_value(call, 0), &control->project_id) < 0 ||
            (id.data && uuid_parse(id, &control->id) < 0))
                return -EBADMSG;
        return CALL_NEXT;
}

/* Nothing counts as {}. -EBADMSG: it is no JSON object. */
static int read_body(Call *call, const Field *fields, void *target) {
        Text body = call_body(call);
        FieldErrors wrong = {};
        JsonKind kind;

        if (text_trim(body).length == 0)
                body = TEXT("{}");
        if (!text_contains(call_request_header(call, "content-type"), "json") && !text_is(body, "{}"))
                return -EBADMSG;
        if (json_check(body, &kind, NULL) < 0 || kind != JSON_OBJECT)
                return -EBADMSG;
        if (json_read(&call->arena, body, fields, target, &wrong) >= 0)
                return 0;
        for (size_t i = 0; i < wrong.n_errors; i++)
                call_invalid(call, wrong.errors[i].field, wrong.errors[i].message);
        return -EINVAL;
}

static RetryOptions retry_options(const Call *call) {
        const Settings *settings = call->service->settings;

        return (RetryOptions) { settings->max_run_duration_seconds * 1000, settings->max_run_memory_mb };
}

static Batch *begin(RunControl *control) {
        Batch *batch = batch_new(&control->call.arena, 0);

        run_demand_right(batch, &control->user_id, &control->project_id);
        return batch;
}

static Text outcome_of(const RunControl *control, size_t statement) {
        const Rows *rows = control->call.result.rows[statement];

        return rows_text(rows, 0, rows_column(rows, "outcome"));
}

/* One table of what a retry or a cancellation can come to. 0: it is done. */
static int check_outcome(RunControl *control) {
        Text outcome = outcome_of(control, control->outcome);

        if (text_is(outcome, "not_found"))
                return -ENOENT;
        if (text_is(outcome, "wiped"))
                return call_reply_error(&control->call, 422, "cannot retry run using a wiped dataclip");
        if (text_is(outcome, "not_available"))
                return call_reply_error(&control->call, 409, "The run has been claimed by a worker or has ended.");
        return 0;
}

static void ring_runs(Call *call) {
        ringer_ring(call->service->ringer, "runs", NULL);
}

/* -- a run by hand ----------------------------------------------------------------------------------------- */

typedef struct StartFields {
        Uuid job_id, trigger_id, dataclip_id;
        Text custom_body;
} StartFields;

static const Field start_fields[] = {
        { "job_id", FIELD_UUID, offsetof(StartFields, job_id) },
        { "trigger_id", FIELD_UUID, offsetof(StartFields, trigger_id) },
        { "dataclip_id", FIELD_UUID, offsetof(StartFields, dataclip_id) },
        { "custom_body", FIELD_STRING, offsetof(StartFields, custom_body) },
        {}
};

/* The input: one that is there, one that is sent along, or none: {}. */
static int read_input(RunControl *control, const StartFields *fields) {
        NewWorkOrder *order = &control->order;
        JsonKind kind;

        if (!uuid_is_null(&fields->dataclip_id)) {
                order->dataclip_id = fields->dataclip_id;
                return 0;
        }
        order->dataclip_id = uuid_new();
        order->dataclip_type = "saved_input";
        order->body = text_trim(fields->custom_body).length > 0 ? fields->custom_body : TEXT("{}");
        if (json_check(order->body, &kind, NULL) >= 0 && kind == JSON_OBJECT)
                return 0;
        call_invalid(&control->call, "custom_body", "must be a JSON object");
        return -EINVAL;
}

static int read_start(Call *call) {
        RunControl *control = control_of(call);
        StartFields fields = {};
        int r;

        r = read_body(call, start_fields, &fields);
        if (r < 0)
                return r;
        if (uuid_is_null(&fields.job_id) == uuid_is_null(&fields.trigger_id))
                return call_reply_error(call, 400, "Either a job_id or a trigger_id is needed.");
        r = read_input(control, &fields);
        if (r < 0)
                return r;
        control->order.work_order_id = uuid_new();
        control->order.run_id = uuid_new();
        control->order.project_id = control->project_id;
        control->order.trigger_id = fields.trigger_id;
        control->order.job_id = fields.job_id;
        control->order.created_by_id = control->user_id;
        control->order.queue = RUN_QUEUE_MANUAL;
        control->order.priority = RUN_PRIORITY_IMMEDIATE;
        return CALL_NEXT;
}

static int start(Call *call) {
        RunControl *control = control_of(call);
        const NewWorkOrder *order = &control->order;
        RetryOptions options = retry_options(call);
        const WorkOrderTerms terms = { NULL, options.run_timeout_msec, options.run_memory_limit_mb };
        Batch *batch = begin(control);

        run_demand_start(batch, &control->project_id, &control->id, &order->trigger_id, &order->job_id,
                         order->dataclip_type ? &UUID_NULL : &order->dataclip_id);
        control->outcome = work_order_enqueue_one(batch, order, &terms);
        return db_try(call, batch);
}

static void write_dataclip(JsonWriter *w, const NewWorkOrder *order) {
        json_begin(w, "dataclip");
        json_uuid(w, "id", &order->dataclip_id);
        if (order->dataclip_type)
                json_string(w, "type", order->dataclip_type);
        json_end(w);
}

static int reply_started(Call *call) {
        RunControl *control = control_of(call);
        const NewWorkOrder *order = &control->order;
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        bool stored = false;

        if (call->result.error == -EINVAL)
                return call_reply_error(call, 422, "The dataclip has been wiped.");
        if (call->result.error < 0)
                return call->result.error;
        work_order_read_stored(call->result.rows[control->outcome], &stored, 1);
        if (!stored)
                return -ENOENT;

        ring_runs(call);
        json_begin(&w, NULL);
        json_begin(&w, "data");
        json_uuid(&w, "workorder_id", &order->work_order_id);
        json_uuid(&w, "run_id", &order->run_id);
        write_dataclip(&w, order);
        json_end(&w);
        json_end(&w);
        return reply_json(call, 201, &body);
}

/* -- one run again, or no more ------------------------------------------------------------------------------- */

static const Field retry_fields[] = { { "step_id", FIELD_UUID, 0 }, {} };

static int retry(Call *call) {
        RunControl *control = control_of(call);
        RetryOptions options = retry_options(call);
        Uuid step_id = UUID_NULL;
        Batch *batch;
        int r;

        r = read_body(call, retry_fields, &step_id);
        if (r < 0)
                return r;
        control->run_id = uuid_new();
        batch = begin(control);
        control->outcome = uuid_is_null(&step_id) ? run_retry(batch, &control->project_id, &control->id, &control->run_id, &options)
                                                  : run_retry_step(batch, &control->project_id, &control->id, &step_id,
                                                                   &control->run_id, &options);
        return db_commit(call, batch);
}

static int reply_run(RunControl *control, unsigned status, const Uuid *run_id, const char *state) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin(&w, "data");
        json_uuid(&w, "run_id", run_id);
        json_string(&w, "state", state);
        json_end(&w);
        json_end(&w);
        return reply_json(&control->call, status, &body);
}

static int reply_retried(Call *call) {
        RunControl *control = control_of(call);
        int r = check_outcome(control);

        if (r != 0)
                return r;
        ring_runs(call);
        return reply_run(control, 201, &control->run_id, "available");
}

static int cancel(Call *call) {
        RunControl *control = control_of(call);
        Batch *batch = begin(control);

        control->outcome = run_cancel(batch, &control->project_id, &control->id);
        return db_commit(call, batch);
}

/* A webhook's caller may wait for it. */
static void ring_done(Call *call, const Uuid *run_id) {
        char id[UUID_STRING_SIZE];

        ringer_ring(call->service->ringer, "run_done", uuid_format(run_id, id));
}

static int reply_cancelled(Call *call) {
        RunControl *control = control_of(call);
        int r = check_outcome(control);

        if (r != 0)
                return r;
        ring_done(call, &control->id);
        return reply_run(control, 200, &control->id, "cancelled");
}

/* -- many at once ----------------------------------------------------------------------------------------------- */

typedef struct BulkFields {
        Text work_order_ids;
} BulkFields;

static const Field bulk_fields[] = { { "work_order_ids", FIELD_ARRAY, offsetof(BulkFields, work_order_ids), FIELD_REQUIRED }, {} };

static int invalid(Call *call, const char *message) {
        call_invalid(call, "work_order_ids", message);
        return -EINVAL;
}

static int read_work_orders(Call *call) {
        RunControl *control = control_of(call);
        BulkFields fields = {};
        size_t cursor = 0;
        Text element, id;
        int r;

        r = read_body(call, bulk_fields, &fields);
        if (r < 0)
                return r;
        control->work_order_ids = arena_new(&call->arena, Uuid, MAX_BULK);
        while (json_next_element(fields.work_order_ids, &cursor, &element)) {
                if (control->n_work_orders == MAX_BULK)
                        return invalid(call, "should have at most 100 item(s)");
                if (json_unescape(&call->arena, element, &id) < 0 ||
                    uuid_parse(id, &control->work_order_ids[control->n_work_orders++]) < 0)
                        return invalid(call, "is invalid");
        }
        return CALL_NEXT;
}

/* Also asks for the right, so that nobody learns what is not theirs by an empty answer. */
static int find_runs(Call *call) {
        RunControl *control = control_of(call);
        Batch *batch = begin(control);

        control->outcome = run_find_newest(batch, &control->user_id, &control->project_id, control->work_order_ids,
                                           control->n_work_orders);
        return db_commit(call, batch);
}

static size_t take_runs(RunControl *control) {
        const Rows *rows = control->call.result.rows[control->outcome];
        size_t n = rows_count(rows);

        control->run_ids = arena_new(&control->call.arena, Uuid, n + 1);
        for (size_t i = 0; i < n; i++) {
                control->run_ids[i] = rows_uuid(rows, i, rows_column(rows, "run_id"));
                control->work_order_ids[i] = rows_uuid(rows, i, rows_column(rows, "work_order_id"));
        }
        control->n_work_orders = n;
        return n;
}

static int retry_all(Call *call) {
        RunControl *control = control_of(call);
        RetryOptions options = retry_options(call);
        size_t n = take_runs(control);
        Batch *batch = begin(control);

        for (size_t i = 0; i < n; i++) {
                Uuid new_id = uuid_new();

                run_retry(batch, &control->project_id, &control->run_ids[i], &new_id, &options);
                control->run_ids[i] = new_id;
        }
        control->outcome = 1;
        return db_commit(call, batch);
}

static int cancel_all(Call *call) {
        RunControl *control = control_of(call);
        size_t n = take_runs(control);
        Batch *batch = begin(control);

        for (size_t i = 0; i < n; i++)
                run_cancel(batch, &control->project_id, &control->run_ids[i]);
        control->outcome = 1;
        return db_commit(call, batch);
}

/* What came of each: work orders that the project does not have are not there. */
static int reply_all(RunControl *control, unsigned status) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin_array(&w, "data");
        for (size_t i = 0; i < control->n_work_orders; i++) {
                Text outcome = outcome_of(control, control->outcome + i);

                json_begin(&w, NULL);
                json_uuid(&w, "work_order_id", &control->work_order_ids[i]);
                json_uuid(&w, "run_id", text_is(outcome, "ok") ? &control->run_ids[i] : NULL);
                json_text(&w, "outcome", outcome);
                json_end(&w);
        }
        json_end_array(&w);
        json_end(&w);
        return reply_json(&control->call, status, &body);
}

static int reply_all_retried(Call *call) {
        ring_runs(call);
        return reply_all(control_of(call), 201);
}

static int reply_all_cancelled(Call *call) {
        RunControl *control = control_of(call);

        for (size_t i = 0; i < control->n_work_orders; i++)
                if (text_is(outcome_of(control, control->outcome + i), "ok"))
                        ring_done(call, &control->run_ids[i]);
        return reply_all(control, 200);
}

/* -- steps --------------------------------------------------------------------------------------------------------- */

static int ask_steps(Call *call) {
        RunControl *control = control_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        run_access(batch, &control->user_id, &control->project_id, &control->id);
        run_steps(batch, &control->user_id, &control->project_id, &control->id);
        return db_commit(call, batch);
}

static void write_step(JsonWriter *w, const Rows *rows, size_t i) {
        static const char *const ids[] = { "id", "job_id", "input_dataclip_id", "output_dataclip_id", "executed_by_run_id" };
        static const char *const texts[] = { "exit_reason", "error_type", "error_message" };

        json_begin(w, NULL);
        for (size_t c = 0; c < ELEMENTSOF(ids); c++) {
                Uuid id = rows_uuid(rows, i, rows_column(rows, ids[c]));

                json_uuid(w, ids[c], &id);
        }
        for (size_t c = 0; c < ELEMENTSOF(texts); c++)
                json_text(w, texts[c], rows_text(rows, i, rows_column(rows, texts[c])));
        json_bool(w, "output_too_large", rows_bool(rows, i, rows_column(rows, "output_too_large")));
        if (rows_is_null(rows, i, rows_column(rows, "duration_ms")))
                json_null(w, "duration_ms");
        else
                json_int(w, "duration_ms", rows_int(rows, i, rows_column(rows, "duration_ms")));
        json_time_usec(w, "started_at", rows_time(rows, i, rows_column(rows, "started_at")));
        json_time_usec(w, "finished_at", rows_time(rows, i, rows_column(rows, "finished_at")));
        json_end(w);
}

static int reply_steps(Call *call) {
        const Rows *rows = call->result.rows[1];
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        int access = access_read(call->result.rows[0]);

        if (access != 0)
                return access == ACCESS_E_UNKNOWN ? -ENOENT : -EACCES;
        json_begin(&w, NULL);
        json_begin_array(&w, "data");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_step(&w, rows, i);
        json_end_array(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

const Stage post_run[] = { read_ids, read_start, start, reply_started, NULL };
const Stage post_run_retry[] = { read_ids, retry, reply_retried, NULL };
const Stage post_run_cancel[] = { read_ids, cancel, reply_cancelled, NULL };
const Stage post_work_orders_retry[] = { read_ids, read_work_orders, find_runs, retry_all, reply_all_retried, NULL };
const Stage post_work_orders_cancel[] = { read_ids, read_work_orders, find_runs, cancel_all, reply_all_cancelled, NULL };
const Stage get_run_steps[] = { read_ids, ask_steps, reply_steps, NULL };
