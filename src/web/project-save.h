/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PUT /api/projects/{id} (http-api 2.2): a project made with its members, or its name and description replaced.
 */

#include "domain/project.h"
#include "serve/call.h"

#define PROJECT_MAX_MEMBERS 1000

typedef struct ProjectSave {
        Call call;
        Uuid user_id, id;
        Text name, description;
        ProjectMember *members;         /* of a new project */
        size_t n_members;
        bool is_known;
        size_t saved;                   /* the statement with the project */
} ProjectSave;

extern const Stage put_project[];
