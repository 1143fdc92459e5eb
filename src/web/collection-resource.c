/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET and PUT /api/projects/{project_id}/collections/{id}: a collection itself, made or renamed. Its items stay.
 */

#include "domain/names.h"
#include "domain/project.h"
#include "json/check.h"
#include "json/read.h"
#include "serve/session.h"
#include "web/collections.h"
#include "web/json-api.h"
#include "web/web.h"

static CollectionResource *resource_of(Call *call) {
        return container_of(call, CollectionResource, call);
}

static int read_ids(Call *call) {
        CollectionResource *resource = resource_of(call);

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        resource->user_id = call->principal->user_id;
        if (uuid_parse(call_path_value(call, 0), &resource->project_id) < 0 ||
            uuid_parse(call_path_value(call, 1), &resource->id) < 0)
                return -EBADMSG;
        return CALL_NEXT;
}

static int reply_collection(CollectionResource *resource, unsigned status, Text name) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin(&w, "data");
        json_uuid(&w, "id", &resource->id);
        json_uuid(&w, "project_id", &resource->project_id);
        json_text(&w, "name", name);
        json_end(&w);
        json_end(&w);
        return reply_json(&resource->call, status, &body);
}

/* -- reading ------------------------------------------------------------------------------------------ */

static int ask(Call *call) {
        CollectionResource *resource = resource_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        collection_access(batch, &resource->user_id, &resource->project_id);
        collection_find(batch, &resource->user_id, &resource->project_id, &resource->id);
        return db_commit(call, batch);
}

static int reply_found(Call *call) {
        const Rows *rows = call->result.rows[1];
        int access = access_read(call->result.rows[0]);

        if (access == ACCESS_E_REFUSED)
                return -EACCES;
        if (access == ACCESS_E_UNKNOWN || rows_count(rows) == 0)
                return -ENOENT;
        return reply_collection(resource_of(call), 200, rows_text(rows, 0, rows_column(rows, "name")));
}

/* -- putting ------------------------------------------------------------------------------------------ */

typedef struct CollectionBody {
        Uuid id;
        Text name;
} CollectionBody;

static const Field body_fields[] = {
        { "id", FIELD_UUID, offsetof(CollectionBody, id) },
        { "name", FIELD_STRING, offsetof(CollectionBody, name), FIELD_REQUIRED },
        {}
};

static int read_body(Call *call) {
        CollectionResource *resource = resource_of(call);
        CollectionBody fields = {};
        FieldErrors wrong = {};
        Text body = call_body(call);
        JsonKind kind;

        if (json_check(body, &kind, NULL) < 0)
                return -EBADMSG;
        if (json_read(&call->arena, body, body_fields, &fields, &wrong) == -EBADMSG)
                call_invalid(call, "body", "must be a JSON object");
        for (size_t i = 0; i < wrong.n_errors; i++)
                call_invalid(call, wrong.errors[i].field, wrong.errors[i].message);
        if (!uuid_is_null(&fields.id) && !uuid_equal(&fields.id, &resource->id))
                call_invalid(call, "id", "does not match the id in the path");
        if (fields.name.length > 0 && !name_is_collection(fields.name))
                call_invalid(call, "name", "Collection name must be URL safe");
        resource->name = fields.name;
        return call->invalid.n_errors > 0 ? -EINVAL : CALL_NEXT;
}

static int put(Call *call) {
        CollectionResource *resource = resource_of(call);
        Batch *batch = batch_new(&call->arena, 0);

        resource->outcome = collection_put(batch, &resource->user_id, &resource->project_id, &resource->id, resource->name);
        return db_try(call, batch);
}

static int reply_put(Call *call) {
        CollectionResource *resource = resource_of(call);
        const Rows *rows;
        Text outcome;

        if (call->result.error == -EEXIST)
                return call_reply_error(call, 409, "name_taken");
        if (call->result.error < 0)
                return call->result.error;
        rows = call->result.rows[resource->outcome];
        outcome = rows_text(rows, 0, rows_column(rows, "outcome"));
        if (text_is(outcome, "id_taken"))
                return call_reply_error(call, 409, "id_taken");
        return reply_collection(resource, text_is(outcome, "created") ? 201 : 200, resource->name);
}

const Stage get_collection[] = { read_ids, ask, reply_found, NULL };
const Stage put_collection[] = { read_ids, read_body, put, reply_put, NULL };
