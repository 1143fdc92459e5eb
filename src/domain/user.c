/* SPDX-License-Identifier: Apache-2.0 */

/*
 * People.
 */

#include "domain/user.h"

#include <errno.h>

#include "domain/sql.h"

size_t user_find(Batch *batch, Text email) {
        return batch_add(batch, &SQL_USER_BY_EMAIL, P_TEXT(email));
}

size_t user_get(Batch *batch, const Uuid *id) {
        return batch_add(batch, &SQL_USER_BY_ID, P_UUID(id));
}

static const Column columns[] = {
        { "id",              COLUMN_UUID, offsetof(User, id)              },
        { "email",           COLUMN_TEXT, offsetof(User, email)           },
        { "first_name",      COLUMN_TEXT, offsetof(User, first_name)      },
        { "last_name",       COLUMN_TEXT, offsetof(User, last_name)       },
        { "role",            COLUMN_TEXT, offsetof(User, role)            },
        { "hashed_password", COLUMN_TEXT, offsetof(User, hashed_password) },
        { "mfa_enabled",     COLUMN_BOOL, offsetof(User, mfa_enabled)     },
        { "disabled",        COLUMN_BOOL, offsetof(User, disabled)        },
        {}
};

int user_read(const Rows *rows, Arena *arena, User *ret_user) {
        if (rows_count(rows) == 0)
                return -ENOENT;

        row_read(rows, 0, columns, arena, ret_user);
        return 0;
}

void user_acts(Batch *batch, const Uuid *id) {
        batch_add(batch, &SQL_USER_ACTS, P_UUID(id));
}

const char *user_password_problem(Text password) {
        if (memchr(password.data, '\0', password.length) || !text_is_utf8(password))
                return "is invalid";
        if (text_count_characters(password) < PASSWORD_MIN)
                return "should be at least 12 character(s)";
        return password.length > PASSWORD_MAX ? "should be at most 72 byte(s)" : NULL;
}

size_t user_password_store(Batch *batch, const Uuid *id, Text before, Text after) {
        return batch_add(batch, &SQL_USER_PASSWORD_STORE, P_UUID(id), P_TEXT(before), P_TEXT(after));
}

void user_rehash(Batch *batch, const Uuid *id, Text before, Text after) {
        batch_add(batch, &SQL_USER_REHASH, P_UUID(id), P_TEXT(before), P_TEXT(after));
}

void user_write(JsonWriter *w, const char *key, const User *user) {
        json_begin(w, key);
        json_uuid(w, "id", &user->id);
        json_text(w, "email", user->email);
        json_text(w, "first_name", user->first_name);
        json_text(w, "last_name", user->last_name);
        json_text(w, "role", user->role);
        json_end(w);
}
