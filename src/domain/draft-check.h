/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules of a workflow (http-api 3.3), in the original's words. Fields that have not changed are not
 * complained of: what was saved once can be saved again.
 */

#include "domain/draft.h"
#include "json/error-tree.h"

/* What a job may use: links of the project's credentials, and what they share; keychains. */
typedef struct DraftScope {
        const Uuid *project_credential_ids, *credential_ids;    /* side by side */
        const Uuid *keychain_ids;
        size_t n_project_credentials, n_keychains;
        bool by_id;                     /* see PartReader */
} DraftScope;

/* Fills in what follows from the rest (defaults of the trigger's type, what a job's credential stands for) and
 * complains in the parts "triggers", "jobs" and "edges". `before`: as it is now; NULL for a new workflow. */
void draft_check(Draft *draft, const Draft *before, const DraftScope *scope, Arena *arena, ErrorTree *errors);

/* What the REST API asks beyond that (http-api 2.3): one enabled trigger, triggers that stay, one way to start, no job
 * without an edge, no cycle. Complaints go to the tree itself, in "triggers", "edges" and "jobs". */
void draft_check_graph(const Draft *draft, const Draft *before, Arena *arena, ErrorTree *errors);
