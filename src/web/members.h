/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Members of a project in the API: the struct and the stages of their routes. Of our own: the original has pages for it.
 */

#include "serve/call.h"

typedef struct MemberCall {
        Call call;
        Uuid user_id, project_id;
        Uuid member_id;                 /* of the path */
        size_t outcome;                 /* the statement that says what came of it */
} MemberCall;

extern const Stage get_members[], put_member[], delete_member[];
