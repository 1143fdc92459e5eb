/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON:API as the original writes it.
 */

#include "web/json-api.h"

static void write_attribute(JsonWriter *w, const Attribute *attribute, const Rows *rows, size_t row) {
        int column = rows_column(rows, attribute->name);
        Uuid uuid;

        switch (attribute->type) {
        case ATTRIBUTE_TEXT:
                json_text(w, attribute->name, rows_text(rows, row, column));
                break;
        case ATTRIBUTE_JSON:
                json_raw(w, attribute->name, rows_text(rows, row, column));
                break;
        case ATTRIBUTE_UUID:
                uuid = rows_uuid(rows, row, column);
                json_uuid(w, attribute->name, &uuid);
                break;
        case ATTRIBUTE_TIME:
                json_time_usec(w, attribute->name, rows_time(rows, row, column));
                break;
        case ATTRIBUTE_TIME_SEC:
                json_time_sec(w, attribute->name, rows_time(rows, row, column));
                break;
        }
}

static void write_relationship(JsonWriter *w, const Relationship *relationship, const Rows *rows,
                               size_t row) {
        Uuid id = rows_uuid(rows, row, rows_column(rows, relationship->column));

        json_begin(w, relationship->name);
        if (uuid_is_null(&id))
                json_null(w, "data");
        else {
                json_begin(w, "data");
                json_string(w, "type", relationship->type);
                json_uuid(w, "id", &id);
                json_end(w);
        }
        json_end(w);
}

static void write_links(Call *call, JsonWriter *w, const Resource *resource, const Uuid *id) {
        char text[UUID_STRING_SIZE];

        json_begin(w, "links");
        json_string(w, "self", arena_printf(&call->arena, "%s/api/%s/%s", url_base(call), resource->type,
                                            uuid_format(id, text)));
        json_end(w);
}

static void write_item(Call *call, JsonWriter *w, const char *key, const Resource *resource, const Rows *rows,
                       size_t row) {
        Uuid id = rows_uuid(rows, row, rows_column(rows, "id"));

        json_begin(w, key);
        json_string(w, "type", resource->type);
        json_uuid(w, "id", &id);

        json_begin(w, "attributes");
        for (const Attribute *attribute = resource->attributes; attribute->name; attribute++)
                write_attribute(w, attribute, rows, row);
        json_end(w);

        if (resource->relationships) {
                json_begin(w, "relationships");
                for (const Relationship *r = resource->relationships; r->name; r++)
                        write_relationship(w, r, rows, row);
                json_end(w);
                write_links(call, w, resource, &id);
        }
        json_end(w);
}

static void write_included(JsonWriter *w) {
        json_begin_array(w, "included");
        json_end_array(w);
}

int resource_reply_list(Call *call, const Resource *resource, const Page *page, const Rows *rows,
                        uint64_t total) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_begin_array(&w, "data");
        for (size_t i = 0; i < MIN(rows_count(rows), page->size); i++)
                write_item(call, &w, NULL, resource, rows, i);
        json_end_array(&w);
        write_included(&w);
        page_write(call, page, total, &w);
        json_end(&w);

        return reply_json(call, 200, &body);
}

int resource_reply_saved(Call *call, const Resource *resource, const Rows *rows, unsigned status) {
        _cleanup_(buffer_deinit) Buffer url = BUFFER_NULL;
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        url_append_self(call, &url);

        json_begin(&w, NULL);
        write_item(call, &w, "data", resource, rows, 0);
        write_included(&w);
        json_begin(&w, "links");
        json_text(&w, "self", buffer_text(&url));
        json_end(&w);
        json_end(&w);

        return reply_json(call, status, &body);
}

int resource_reply_one(Call *call, const Resource *resource, const Rows *rows) {
        return resource_reply_saved(call, resource, rows, 200);
}

static int reply_with(Call *call, unsigned status, Buffer *body, Text cache_control) {
        call_header(call, "cache-control", cache_control);
        call_header(call, "x-content-type-options", TEXT("nosniff"));
        return call_reply_buffer(call, status, body);
}

int reply_json(Call *call, unsigned status, Buffer *body) {
        return reply_with(call, status, body, TEXT("max-age=0, private, must-revalidate"));
}

int reply_secret_json(Call *call, unsigned status, Buffer *body) {
        return reply_with(call, status, body, TEXT("no-store"));
}
