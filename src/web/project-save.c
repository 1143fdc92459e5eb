/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A project put at an id. Of one that is there only name and description are replaced.
 */

#include "domain/names.h"
#include "json/check.h"
#include "json/read.h"
#include "serve/session.h"
#include "web/json-api.h"
#include "web/project-save.h"
#include "web/web.h"

#define MAX_DESCRIPTION 240

static ProjectSave *save_of(Call *call) {
        return container_of(call, ProjectSave, call);
}

/* -- reading -------------------------------------------------------------------------------------------- */

typedef struct ProjectBody {
        Text id, notify, members;       /* raw */
        Text name, description;
} ProjectBody;

static const Field body_fields[] = {
        { "id", FIELD_RAW, offsetof(ProjectBody, id) },
        { "name", FIELD_STRING, offsetof(ProjectBody, name), FIELD_REQUIRED, 255 },
        { "description", FIELD_STRING, offsetof(ProjectBody, description), 0, MAX_DESCRIPTION },
        { "members", FIELD_ARRAY, offsetof(ProjectBody, members) },
        { "notify", FIELD_RAW, offsetof(ProjectBody, notify) },
        {}
};

static const Field member_fields[] = {
        { "email", FIELD_STRING, offsetof(ProjectMember, email), FIELD_REQUIRED, 160 },
        { "role", FIELD_STRING, offsetof(ProjectMember, role), FIELD_REQUIRED, 16 },
        {}
};

static bool is_accepted(Text key) {
        for (const Field *field = body_fields; field->name; field++)
                if (json_key_is(key, field->name))
                        return true;
        return false;
}

static void refuse_others(Call *call, Text object) {
        size_t cursor = 0;
        Text key, value;

        while (json_next_member(object, &cursor, &key, &value))
                if (!is_accepted(key))
                        call_invalid(call, arena_text_string(&call->arena, json_unescape_key(&call->arena, key)),
                                     "is not accepted");
}

static void check_id(ProjectSave *save, Text raw) {
        Call *call = &save->call;
        Text text;
        Uuid id;

        if (!raw.data)
                return;
        if (json_unescape(&call->arena, raw, &text) < 0 || uuid_parse(text, &id) < 0)
                call_invalid(call, "id", "is not a UUID");
        else if (!uuid_equal(&id, &save->id))
                call_invalid(call, "id", "does not match the id in the path");
}

static Text lower_case(Arena *arena, Text text) {
        char *copy = arena_text_string(arena, text_trim(text));

        for (char *c = copy; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        *c += 'a' - 'A';
        return text_of(copy);
}

static void read_members(ProjectSave *save, Text list) {
        static const char *const roles[] = { "owner", "admin", "editor", "viewer" };
        Call *call = &save->call;
        size_t cursor = 0;
        Text element;

        save->members = arena_new(&call->arena, ProjectMember, PROJECT_MAX_MEMBERS);
        while (json_next_element(list, &cursor, &element)) {
                ProjectMember *member = &save->members[save->n_members];
                FieldErrors wrong = {};
                bool known = false;

                if (save->n_members == PROJECT_MAX_MEMBERS) {
                        call_invalid(call, "members", "should have at most 1000 item(s)");
                        return;
                }
                if (json_read(&call->arena, element, member_fields, member, &wrong) < 0) {
                        call_invalid(call, "members", "must be objects with an email and a role");
                        return;
                }
                for (size_t i = 0; i < ELEMENTSOF(roles); i++)
                        known = known || text_is(member->role, roles[i]);
                if (!known)
                        call_invalid(call, "members", "names a role that is not one of owner, admin, editor, viewer");
                member->email = lower_case(&call->arena, member->email);
                save->n_members++;
        }
}

static int read_request(Call *call) {
        ProjectSave *save = save_of(call);
        Text body = call_body(call);
        FieldErrors wrong = {};
        ProjectBody fields = {};
        JsonKind kind;

        if (call->principal->kind != PRINCIPAL_USER)
                return -EACCES;
        save->user_id = call->principal->user_id;
        if (uuid_parse(call_path_value(call, 0), &save->id) < 0 || json_check(body, &kind, NULL) < 0)
                return -EBADMSG;
        if (kind != JSON_OBJECT) {
                call_invalid(call, "body", "must be a JSON object");
                return -EINVAL;
        }
        (void) json_read(&call->arena, body, body_fields, &fields, &wrong);
        for (size_t i = 0; i < wrong.n_errors; i++)
                call_invalid(call, wrong.errors[i].field, wrong.errors[i].message);
        refuse_others(call, body);
        check_id(save, fields.id);
        if (fields.name.length > 0 && !name_is_project(fields.name))
                call_invalid(call, "name", "has invalid format");
        read_members(save, fields.members);
        save->name = fields.name;
        save->description = fields.description;
        return call->invalid.n_errors > 0 ? -EINVAL : CALL_NEXT;
}

static int find(Call *call) {
        ProjectSave *save = save_of(call);
        Batch *batch = batch_new(&call->arena, BATCH_READ);

        project_find(batch, &save->id);
        project_find_users(batch, save->members, save->n_members);
        return db_commit(call, batch);
}

/* -- members -------------------------------------------------------------------------------------------- */

static bool find_member(ProjectMember *member, const Rows *users) {
        for (size_t i = 0; i < rows_count(users); i++)
                if (text_equal(rows_text(users, i, rows_column(users, "email")), member->email)) {
                        member->user_id = rows_uuid(users, i, rows_column(users, "id"));
                        return true;
                }
        return false;
}

static void check_members(ProjectSave *save, const Rows *users) {
        size_t n_owners = 0;
        bool unknown = false, twice = false;

        for (size_t i = 0; i < save->n_members; i++) {
                n_owners += text_is(save->members[i].role, "owner");
                unknown = !find_member(&save->members[i], users) || unknown;
                for (size_t j = 0; j < i; j++)
                        twice = twice || text_equal(save->members[i].email, save->members[j].email);
        }
        if (unknown)
                call_invalid(&save->call, "members", "names an email no user holds");
        if (twice)
                call_invalid(&save->call, "members", "names one user more than once");
        if (n_owners != 1)
                call_invalid(&save->call, "members", "must name exactly one owner");
}

/* -- storing -------------------------------------------------------------------------------------------- */

static int store(Call *call) {
        ProjectSave *save = save_of(call);
        Batch *batch = batch_new(&call->arena, 0);

        save->is_known = rows_bool(call->result.rows[0], 0, 0);
        /* Who may not make projects need not learn who is a user. */
        if (!save->is_known && !call->principal->superuser)
                return -EACCES;
        if (!save->is_known)
                check_members(save, call->result.rows[1]);
        if (call->invalid.n_errors > 0)
                return -EINVAL;
        save->saved = project_put(batch, &save->user_id, &save->id, save->name, save->description, save->members,
                                  save->is_known ? 0 : save->n_members);
        return db_commit(call, batch);
}

static const Attribute attributes[] = {
        { "name", ATTRIBUTE_TEXT },
        { "description", ATTRIBUTE_TEXT },
        { "inserted_at", ATTRIBUTE_TIME_SEC },
        { "updated_at", ATTRIBUTE_TIME_SEC },
        {}
};
static const Relationship relationships[] = { {} };
static const Resource resource = { "projects", attributes, relationships };

static int reply_saved(Call *call) {
        ProjectSave *save = save_of(call);

        return resource_reply_saved(call, &resource, call->result.rows[save->saved], save->is_known ? 200 : 201);
}

const Stage put_project[] = { read_request, find, store, reply_saved, NULL };
