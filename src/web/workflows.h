/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Workflows in the REST API: what reading (workflows.c) and saving (workflow-save.c) share. Not JSON:API: the
 * original has a form of its own for these, and errors of their own too.
 */

#include "db/rows.h"
#include "domain/project-document.h"
#include "serve/call.h"

/* A workflow that is created or changed. */
typedef struct WorkflowSave {
        Call call;
        Uuid user_id, project_id;
        Uuid id;                        /* of the path; UUID_NULL until a new one has it */
        Text body;                      /* a checked JSON object */
        ProjectDocument document;
        size_t n_asked;                 /* statements of the document's; those behind are ours */
        bool is_new, is_stored;
} WorkflowSave;

extern const Stage post_workflow[], put_workflow[];

/* 422 {"id":null,"errors":{"workflow":["Id … should be a UUID."]}} */
int workflow_reply_bad_id(Call *call, Text id);
/* 404 {"id":…,"errors":["Not Found"]} */
int workflow_reply_unknown(Call *call, const Uuid *id);
/* {"workflow":{…},"errors":{}} of the first row. */
int workflow_reply(Call *call, unsigned status, const Rows *rows);
