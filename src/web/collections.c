/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collections (http-api 4): what workflows and people keep under keys. A page of a list is cut where it becomes large;
 * the cursor leads on, and clients follow it anyway.
 */

#include "basic/parse.h"
#include "crypto/password.h"
#include "json/check.h"
#include "json/read.h"
#include "serve/session.h"
#include "web/collections.h"
#include "web/json-api.h"
#include "web/web.h"

#define DEFAULT_LIMIT 1000

static CollectionCall *collection_of(Call *call) {
        return container_of(call, CollectionCall, call);
}

/* -- what all of them share -------------------------------------------------------------------- */

static int read_ref(Call *call) {
        CollectionCall *asked = collection_of(call);
        Text project = call_query(call, "project_id");
        int r;

        r = page_check_query(call);
        if (r < 0)
                return r;
        asked->ref.user_id = call->principal->user_id;
        asked->ref.run_project_id = call->principal->project_id;
        asked->ref.name = call_path_value(call, 0);
        /* What is no id is no project that exists. */
        return project.data && uuid_parse(project, &asked->ref.project_id) < 0 ? -ENOENT : CALL_NEXT;
}

/* One table of what can go wrong before anything is done. 0: nothing did. */
static int check_answer(Call *call) {
        switch (call->result.error) {
        case -EACCES:
                return -EKEYREJECTED;
        case -EEXIST:
                return call_reply_error(call, 409, "Multiple collections found with this name. Add ?project_id=<uuid> to "
                                                   "disambiguate.");
        default:
                return call->result.error;
        }
}

static int reply(Call *call, unsigned status, Buffer *body) {
        return reply_json(call, status, body);
}

static void write_item(JsonWriter *w, const Rows *rows, size_t i) {
        json_begin(w, NULL);
        json_text(w, "key", rows_text(rows, i, rows_column(rows, "key")));
        json_text(w, "value", rows_text(rows, i, rows_column(rows, "value")));
        json_time_usec(w, "created", rows_time(rows, i, rows_column(rows, "inserted_at")));
        json_time_usec(w, "updated", rows_time(rows, i, rows_column(rows, "updated_at")));
        json_end(w);
}

/* -- one item ---------------------------------------------------------------------------------- */

static int ask_item(Call *call) {
        CollectionCall *asked = collection_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        collection_get_item(batch, &asked->ref, call_path_value(call, 1));
        return db_try(call, batch);
}

static int reply_item(Call *call) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        int r = check_answer(call);

        if (r != 0)
                return r;
        if (rows_count(call->result.rows[0]) == 0)
                return call_reply(call, 204, TEXT(""));
        write_item(&w, call->result.rows[0], 0);
        return reply(call, 200, &body);
}

/* -- a list ------------------------------------------------------------------------------------ */

static int read_number(Call *call, const char *name, int64_t *ret_number) {
        Text text = call_query(call, name);

        return text.data && (parse_i64(text, ret_number) < 0 || *ret_number < 0) ? -EBADMSG : 0;
}

/* Base64 of a number. */
static int read_cursor(Call *call, int64_t *ret_after) {
        _cleanup_(buffer_deinit) Buffer decoded = BUFFER_NULL;
        Text text = call_query(call, "cursor");

        if (!text.data || text.length == 0)
                return 0;
        if (base64_decode(text, &decoded) < 0 || parse_i64(buffer_text(&decoded), ret_after) < 0 || *ret_after < 0)
                return -EBADMSG;
        return 0;
}

/* What is not meant for us is a mistake of whoever asks: nothing is filtered by accident. */
static int check_names(Call *call) {
        static const char *const known[] = { "key", "limit", "cursor", "created_after", "created_before", "updated_after",
                                             "updated_before", "project_id" };
        Text rest = http_query(call_request(call)), part, name;

        while (text_split(&rest, '&', &part)) {
                size_t i = 0;

                (void) text_split(&part, '=', &name);
                while (i < ELEMENTSOF(known) && !text_is(name, known[i]))
                        i++;
                if (name.length > 0 && i == ELEMENTSOF(known))
                        return -EBADMSG;
        }
        return 0;
}

static int read_list(Call *call) {
        CollectionCall *asked = collection_of(call);
        const struct {
                const char *name;
                uint64_t *usec;
        } times[] = {
                { "created_after", &asked->query.created_after },
                { "created_before", &asked->query.created_before },
                { "updated_after", &asked->query.updated_after },
                { "updated_before", &asked->query.updated_before },
        };
        Text key = call_query(call, "key");

        asked->query.limit = DEFAULT_LIMIT;
        if (check_names(call) < 0 || read_number(call, "limit", &asked->query.limit) < 0 ||
            read_cursor(call, &asked->query.after) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                Text text = call_query(call, times[i].name);

                /* A day is no time. */
                if (text.data && (text.length <= strlen("2026-01-01") || clock_parse_iso(text, times[i].usec) < 0))
                        return -EBADMSG;
        }
        if (key.length > 0)
                asked->query.pattern = collection_pattern(&call->arena, key, false);
        return CALL_NEXT;
}

static int ask_list(Call *call) {
        CollectionCall *asked = collection_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        collection_list_items(batch, &asked->ref, &asked->query);
        return db_try(call, batch);
}

static void write_cursor(JsonWriter *w, const Rows *rows) {
        size_t n = rows_count(rows);
        Buffer cursor = BUFFER_NULL;
        char number[32];

        if (n == 0 || rows_int(rows, 0, rows_column(rows, "n_page")) == (int64_t) n) {
                json_null(w, "cursor");
                return;
        }
        snprintf(number, sizeof number, "%lld", (long long) rows_int(rows, n - 1, rows_column(rows, "id")));
        base64_append(&cursor, text_of(number));
        json_text(w, "cursor", buffer_text(&cursor));
        buffer_deinit(&cursor);
}

static int reply_list(Call *call) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        const Rows *rows;
        int r = check_answer(call);

        if (r != 0)
                return r;
        rows = call->result.rows[0];
        json_begin(&w, NULL);
        json_begin_array(&w, "items");
        for (size_t i = 0; i < rows_count(rows); i++)
                write_item(&w, rows, i);
        json_end_array(&w);
        write_cursor(&w, rows);
        json_end(&w);
        return reply(call, 200, &body);
}

/* -- storing ----------------------------------------------------------------------------------- */

static int reply_count(Call *call, unsigned status, const char *what, int64_t n, const char *error) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_int(&w, what, n);
        json_string(&w, "error", error);
        json_end(&w);
        return reply(call, status, &body);
}

/* A body without a JSON type counts as none; what is no object has no fields. -EBADMSG: it is not JSON. */
static int read_body(Call *call, Text *ret_object) {
        Text type = call_request_header(call, "content-type"), body = call_body(call);
        JsonKind kind;

        *ret_object = TEXT("{}");
        if (!text_contains(type, "json") || text_trim(body).length == 0)
                return 0;
        if (json_check(body, &kind, NULL) < 0)
                return -EBADMSG;
        if (kind == JSON_OBJECT)
                *ret_object = body;
        return 0;
}

/* NULL, or what is wrong with it. */
static const char *add_item(CollectionCall *asked, Text key, Text raw_value) {
        Text value;

        if (json_unescape(&asked->call.arena, raw_value, &value) < 0 || !collection_item_is_valid(key, value))
                return "Format error";
        array_add_text(&asked->keys, key);
        array_add_text(&asked->items, value);
        return NULL;
}

static int put(Call *call) {
        CollectionCall *asked = collection_of(call);
        Batch *batch = batch_new(&call->arena, 0);

        collection_put_items(batch, &asked->ref, &asked->keys, &asked->items);
        return db_try(call, batch);
}

static void begin_items(CollectionCall *asked) {
        array_init(&asked->keys, ARRAY_TEXT);
        array_init(&asked->items, ARRAY_TEXT);
}

/* What was gathered and is not sent. */
static int drop_items(CollectionCall *asked, int r) {
        array_deinit(&asked->keys);
        array_deinit(&asked->items);
        return r;
}

static int put_item(Call *call) {
        CollectionCall *asked = collection_of(call);
        const char *wrong;
        Text object, value;

        if (read_body(call, &object) < 0)
                return -EBADMSG;
        value = json_member(object, "value");
        if (!value.data)
                return call_reply_error(call, 422, "Missing required field: value");
        if (json_kind(value) != JSON_STRING)
                return reply_count(call, 422, "upserted", 0, "Format error");

        begin_items(asked);
        wrong = add_item(asked, call_path_value(call, 1), value);
        return wrong ? drop_items(asked, reply_count(call, 200, "upserted", 0, wrong)) : put(call);
}

static int compare_keys(const void *a, const void *b) {
        const Text *one = a, *other = b;
        int order = memcmp(one->data, other->data, MIN(one->length, other->length));

        return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

static bool has_twice(Text *keys, size_t n) {
        qsort(keys, n, sizeof *keys, compare_keys);
        for (size_t i = 1; i < n; i++)
                if (text_equal(keys[i - 1], keys[i]))
                        return true;
        return false;
}

static const char *add_items(CollectionCall *asked, Text list) {
        Arena *arena = &asked->call.arena;
        size_t cursor = 0, n = 0, room = 0;
        Text element, *keys;

        for (size_t count = 0; json_next_element(list, &count, &element);)
                room++;
        keys = arena_new(arena, Text, MAX(room, (size_t) 1));
        while (json_next_element(list, &cursor, &element)) {
                Text raw = json_kind(element) == JSON_OBJECT ? json_member(element, "key") : TEXT_NULL;
                const char *wrong;

                if (!raw.data || json_unescape(arena, raw, &keys[n]) < 0)
                        return "Format error";
                raw = json_member(element, "value");
                wrong = raw.data ? add_item(asked, keys[n], raw) : "Format error";
                if (wrong)
                        return wrong;
                n++;
        }
        return has_twice(keys, n) ? "Duplicate key found" : NULL;
}

/* The query's key and limit, which the command line sends along, mean nothing here. */
static int put_items(Call *call) {
        CollectionCall *asked = collection_of(call);
        const char *wrong;
        Text object, list;

        if (read_body(call, &object) < 0)
                return -EBADMSG;
        list = json_member(object, "items");
        if (!list.data)
                return call_reply_error(call, 422, "Missing required field: items");
        if (json_kind(list) != JSON_ARRAY)
                return reply_count(call, 422, "upserted", 0, "Format error");

        begin_items(asked);
        wrong = add_items(asked, list);
        return wrong ? drop_items(asked, reply_count(call, 422, "upserted", 0, wrong)) : put(call);
}

static int reply_stored(Call *call) {
        int r = check_answer(call);

        return r != 0 ? r : reply_count(call, 200, "upserted", rows_int(call->result.rows[0], 0, 0), NULL);
}

/* -- deleting ---------------------------------------------------------------------------------- */

static int delete(Call *call, Text key, bool exact) {
        CollectionCall *asked = collection_of(call);
        Batch *batch = batch_new(&call->arena, 0);

        asked->key = key;
        collection_delete_items(batch, &asked->ref,
                                key.data ? collection_pattern(&call->arena, key, exact) : TEXT_NULL);
        return db_try(call, batch);
}

static int delete_item(Call *call) {
        return delete(call, call_path_value(call, 1), true);
}

/* The pattern stands in the query or in a body; an empty one is none. */
static int delete_items(Call *call) {
        Text key = call_query(call, "key"), object, raw;

        if (!key.data) {
                if (read_body(call, &object) < 0)
                        return -EBADMSG;
                raw = json_member(object, "key");
                if (raw.data && json_kind(raw) != JSON_NULL && json_unescape(&call->arena, raw, &key) < 0)
                        return -EBADMSG;
        }
        return delete(call, key.length > 0 ? key : TEXT_NULL, false);
}

static int reply_deleted(Call *call, bool one) {
        CollectionCall *asked = collection_of(call);
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);
        int r = check_answer(call);
        int64_t n;

        if (r != 0)
                return r;
        n = rows_int(call->result.rows[0], 0, 0);
        json_begin(&w, NULL);
        json_text(&w, "key", asked->key);
        json_int(&w, "deleted", n);
        json_string(&w, "error", one && n == 0 ? "Item Not Found" : NULL);
        json_end(&w);
        return reply(call, 200, &body);
}

static int reply_deleted_item(Call *call) {
        return reply_deleted(call, true);
}

static int reply_deleted_items(Call *call) {
        return reply_deleted(call, false);
}

const Stage get_collection_item[] = { read_ref, ask_item, reply_item, NULL };
const Stage put_collection_item[] = { read_ref, put_item, reply_stored, NULL };
const Stage delete_collection_item[] = { read_ref, delete_item, reply_deleted_item, NULL };
const Stage get_collection_items[] = { read_ref, read_list, ask_list, reply_list, NULL };
const Stage put_collection_items[] = { read_ref, put_items, reply_stored, NULL };
const Stage delete_collection_items[] = { read_ref, delete_items, reply_deleted_items, NULL };
