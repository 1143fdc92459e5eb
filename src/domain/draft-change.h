/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a client's document makes of a workflow's triggers, jobs and edges (http-api 3.2). Checking the outcome is
 * draft_check()'s.
 */

#include "domain/draft.h"
#include "domain/part-reader.h"

/* Raw JSON lists; TEXT_NULL: not given, all stay. What a list that is given does not have is to go. */
typedef struct DraftParts {
        Text triggers, jobs, edges;
} DraftParts;

/* Fills in the draft's lists: what is there keeps its place, what is new follows. `before` NULL: nothing is
 * there. Complaints go to the parts "triggers", "jobs" and "edges". */
void draft_read_change(PartReader *reader, const DraftParts *parts, const Draft *before, Draft *draft, ErrorTree *errors);
