/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Provisioning (http-api 3): a project read, and replaced, as one document. Storing is optimistic: what was read is
 * what is changed, and when somebody else was faster it is read again.
 */

#include "basic/parse.h"
#include "json/check.h"
#include "serve/session.h"
#include "web/json-api.h"
#include "web/page.h"
#include "web/provision.h"
#include "web/web.h"

#define MAX_SNAPSHOTS 1000

static ProvisionCall *provision_of(Call *call) {
        return container_of(call, ProvisionCall, call);
}

/* -- reading ---------------------------------------------------------------------------------------- */

/* All values of "snapshots[]". */
static int read_snapshots(ProvisionCall *asked) {
        Arena *arena = &asked->call.arena;
        Text rest = http_query(call_request(&asked->call)), part, name;

        asked->snapshot_ids = arena_new(arena, Uuid, MAX_SNAPSHOTS);
        while (text_split(&rest, '&', &part)) {
                Text value;

                (void) text_split(&part, '=', &name);
                if (parse_percent(name, true, arena, &name) < 0 || !text_is(name, "snapshots[]"))
                        continue;
                if (asked->n_snapshot_ids == MAX_SNAPSHOTS || parse_percent(part, true, arena, &value) < 0 ||
                    uuid_parse(value, &asked->snapshot_ids[asked->n_snapshot_ids++]) < 0)
                        return -EBADMSG;
        }
        return 0;
}

static int read_request(Call *call) {
        ProvisionCall *asked = provision_of(call);
        Text id = asked->is_yaml ? call_query(call, "id") : call_path_value(call, 0);
        int r;

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        asked->user_id = call->principal->user_id;
        r = page_check_query(call);
        if (r == 0)
                r = read_snapshots(asked);
        if (r < 0)
                return r;
        return uuid_parse(id, &asked->project_id) < 0 ? -EBADMSG : CALL_NEXT;
}

static int read_yaml_request(Call *call) {
        provision_of(call)->is_yaml = true;
        return read_request(call);
}

static int ask(Call *call) {
        ProvisionCall *asked = provision_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        document_ask(batch, &asked->user_id, &asked->project_id, asked->snapshot_ids, asked->n_snapshot_ids);
        return db_commit(call, batch);
}

/* Workflows that were saved before versions were kept get one now. */
static int complete(Call *call) {
        ProvisionCall *asked = provision_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_IDEMPOTENT);

        document_read(&call->result, &call->arena, &asked->document);
        if (!asked->document.access.known)
                return -ENOENT;
        if (!asked->document.access.may_read)
                return -EACCES;
        if (asked->n_snapshot_ids > 0 || !document_complete_versions(batch, &asked->document))
                return CALL_NEXT;
        return db_commit(call, batch);
}

static int reply_json_document(Call *call) {
        Buffer body = BUFFER_NULL;

        provision_write_json(&provision_of(call)->document, &body);
        return reply_json(call, 200, &body);
}

static int reply_yaml_document(Call *call) {
        Buffer body = BUFFER_NULL;
        const char *message = "the project has a text that YAML cannot hold";
        int r;

        r = provision_write_yaml(&provision_of(call)->document, &call->arena, &body, &message);
        if (r < 0) {
                buffer_deinit(&body);
                return call_reply_error(call, 422, message);
        }
        call->content_type = "text/yaml; charset=utf-8";
        return reply_json(call, 200, &body);
}

/* -- changing --------------------------------------------------------------------------------------- */

static int reply_errors(Call *call, const ErrorTree *errors) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        error_tree_write(errors, &w, "errors");
        json_end(&w);
        return reply_json(call, 422, &body);
}

static int read_document(Call *call) {
        ProvisionCall *asked = provision_of(call);
        ErrorTree *errors = error_tree_new(&call->arena);
        Text type = call_request_header(call, "content-type");
        JsonKind kind;

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        asked->user_id = call->principal->user_id;
        asked->body = call_body(call);
        if (!text_contains(type, "json") || text_trim(asked->body).length == 0)
                asked->body = TEXT("{}");
        if (json_check(asked->body, &kind, NULL) < 0)
                return -EBADMSG;
        if (kind != JSON_OBJECT)
                asked->body = TEXT("{}");
        return document_change_read_id(&call->arena, asked->body, &asked->project_id, errors) < 0
                       ? reply_errors(call, errors)
                       : CALL_NEXT;
}

/* Once more, or for the first time. */
static int ask_unless_stored(Call *call) {
        return provision_of(call)->is_stored ? CALL_NEXT : ask(call);
}

static int store(Call *call) {
        ProvisionCall *asked = provision_of(call);
        ErrorTree *errors = error_tree_new(&call->arena);
        Batch *batch;

        if (asked->is_stored)
                return CALL_NEXT;
        document_read(&call->result, &call->arena, &asked->document);
        if (asked->document.access.known ? !asked->document.access.may_write : !asked->document.access.superuser)
                return -EACCES;
        if (document_change_read(&call->arena, asked->body, &asked->document, &asked->user_id, &asked->change, errors) < 0)
                return reply_errors(call, errors);
        batch = batch_new(&call->arena, 0);
        document_change_store(batch, &asked->change);
        return db_try(call, batch);
}

/* Somebody else was faster: with the project, or with a name or a path in it. */
static bool was_overtaken(int error) {
        return error == -ESTALE || error == -EEXIST || error == -EAGAIN;
}

static int look(Call *call) {
        ProvisionCall *asked = provision_of(call);
        ErrorTree *errors;

        if (asked->is_stored || was_overtaken(call->result.error))
                return CALL_NEXT;
        if (call->result.error == -EINVAL) {
                errors = error_tree_new(&call->arena);
                error_tree_add(errors, "base", "has an id that belongs to something else");
                return reply_errors(call, errors);
        }
        asked->is_stored = call->result.error == 0;
        return asked->is_stored ? CALL_NEXT : call->result.error;
}

static int insist(Call *call) {
        return provision_of(call)->is_stored ? CALL_NEXT
                                             : call_reply_error(call, 409, "The project is being changed by others. Try again.");
}

static int reply_stored(Call *call) {
        ProvisionCall *asked = provision_of(call);
        Buffer body = BUFFER_NULL;
        char id[UUID_STRING_SIZE];

        document_read(&call->result, &call->arena, &asked->document);
        provision_write_json(&asked->document, &body);
        call_header(call, "location",
                    text_of(arena_printf(&call->arena, "/api/provision/%s", uuid_format(&asked->project_id, id))));
        return reply_json(call, 201, &body);
}

const Stage get_provision[] = { read_request, ask, complete, reply_json_document, NULL };
const Stage get_provision_yaml[] = { read_yaml_request, ask, complete, reply_yaml_document, NULL };
const Stage post_provision[] = { read_document,
                                 ask_unless_stored, store, look,
                                 ask_unless_stored, store, look,
                                 ask_unless_stored, store, look,
                                 insist, ask, reply_stored, NULL };
