/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collections.
 */

#include "domain/collection.h"

#include "domain/sql.h"

#define MAX_PAGE_BYTES (8 * 1024 * 1024)

#define P_REF(ref) P_UUID(&(ref)->user_id), P_UUID(&(ref)->run_project_id), P_UUID(&(ref)->project_id), P_TEXT((ref)->name)

Text collection_pattern(Arena *arena, Text key, bool exact) {
        char *pattern = arena_alloc(arena, 2 * key.length + 1);
        size_t n = 0;

        for (size_t i = 0; i < key.length; i++) {
                if (key.data[i] == '*' && !exact) {
                        pattern[n++] = '%';
                        continue;
                }
                if (strchr("\\%_", key.data[i]) && key.data[i])
                        pattern[n++] = '\\';
                pattern[n++] = key.data[i];
        }
        return text_make(pattern, n);
}

/* No text of PostgreSQL holds a NUL. */
bool collection_item_is_valid(Text key, Text value) {
        size_t key_length = text_count_characters(key), value_length = text_count_characters(value);

        return key_length >= 1 && key_length <= COLLECTION_KEY_MAX && !memchr(key.data, '\0', key.length) &&
               value_length <= COLLECTION_VALUE_MAX && text_trim(value).length > 0 &&
               !memchr(value.data, '\0', value.length);
}

void collection_get_item(Batch *batch, const CollectionRef *ref, Text key) {
        batch_add(batch, &SQL_COLLECTION_GET_ITEM, P_REF(ref), P_TEXT(key));
}

void collection_list_items(Batch *batch, const CollectionRef *ref, const CollectionQuery *query) {
        batch_add(batch, &SQL_COLLECTION_LIST_ITEMS, P_REF(ref), P_INT(query->after), P_TEXT(query->pattern),
                  P_TIME(query->created_after), P_TIME(query->created_before), P_TIME(query->updated_after),
                  P_TIME(query->updated_before), P_INT(MIN(query->limit, (int64_t) COLLECTION_PAGE_MAX)),
                  P_INT(MAX_PAGE_BYTES));
}

void collection_put_items(Batch *batch, const CollectionRef *ref, Array *keys, Array *items) {
        batch_add(batch, &SQL_COLLECTION_PUT_ITEMS, P_REF(ref), array_move(keys, batch->arena),
                  array_move(items, batch->arena));
}

void collection_delete_items(Batch *batch, const CollectionRef *ref, Text pattern) {
        batch_add(batch, &SQL_COLLECTION_DELETE_ITEMS, P_REF(ref), P_TEXT(pattern));
}

/* -- collections themselves --------------------------------------------------------------------------------- */

size_t collection_access(Batch *batch, const Uuid *user_id, const Uuid *project_id) {
        return batch_add(batch, &SQL_COLLECTION_ACCESS, P_UUID(user_id), P_UUID(project_id));
}

size_t collection_find(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id) {
        return batch_add(batch, &SQL_COLLECTION_FIND, P_UUID(user_id), P_UUID(project_id), P_UUID(id));
}

size_t collection_put(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id, Text name) {
        batch_add(batch, &SQL_COLLECTION_DEMAND, P_UUID(user_id), P_UUID(project_id));
        return batch_add(batch, &SQL_COLLECTION_PUT, P_UUID(project_id), P_UUID(id), P_TEXT(name));
}
