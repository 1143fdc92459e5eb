/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A draft: a workflow as it is about to be saved, with its triggers, jobs and edges. Whoever saves workflows
 * (kickstart, provisioning, the REST API) makes drafts and stores them here, so that each save makes rows,
 * snapshot and version in the same way.
 *
 * Texts are borrowed: they live as long as the arena or the document they come from.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/text.h"
#include "basic/uuid.h"
#include "db/batch.h"

typedef struct DraftJob {
        Uuid id;
        Text name, adaptor, body;
        Uuid project_credential_id, keychain_credential_id;     /* at most one of them */
        Uuid credential_id;             /* what the one given stands for: runs ask for this */
        Text key, credential;           /* kickstart: what its document calls the job and its credential */
} DraftJob;

typedef struct DraftTrigger {
        Uuid id;
        Text type, cron_expression, custom_path, comment, webhook_reply;
        Uuid cron_cursor_job_id;
        int64_t success_code, error_code;       /* 0: not given */
        bool enabled;
        Text response_config;           /* raw JSON, as it was read */
        Text key, cron_cursor_job;      /* kickstart: as above */
} DraftTrigger;

typedef struct DraftEdge {
        Uuid id, source_trigger_id, source_job_id, target_job_id;
        Text condition_type, condition_expression, condition_label;
        bool enabled;
        Text key, source_trigger, source_job, target_job;       /* kickstart: as above */
} DraftEdge;

typedef struct Draft {
        Uuid id, project_id;
        Text name;
        DraftTrigger *triggers;
        DraftJob *jobs;
        DraftEdge *edges;
        size_t n_triggers, n_jobs, n_edges;
} Draft;

/* NULL without one of that id. */
DraftTrigger *draft_find_trigger(const Draft *draft, const Uuid *id);
DraftJob *draft_find_job(const Draft *draft, const Uuid *id);
DraftEdge *draft_find_edge(const Draft *draft, const Uuid *id);

/* Fills in triggers, jobs and edges from the arrays that a snapshot or a statement has of them, in the arena. What
 * does not read is left out. */
void draft_read_parts(Draft *draft, Arena *arena, Text triggers, Text jobs, Text edges);
/* The codes of `response_config`; without one there are none. -EINVAL: it is no object of numbers. */
int draft_read_response_config(DraftTrigger *trigger, Arena *arena);

/* Where a save came from (http-api 3.5). */
typedef enum DraftSource {
        DRAFT_APP,                      /* the editor, the REST API */
        DRAFT_CLI,                      /* provisioning */
} DraftSource;

#define DRAFT_HASH_SIZE 13              /* 12 hexadecimal digits and a NUL */

/* The hash that the command line computes of the same workflow (http-api 3.5). */
void draft_hash(const Draft *draft, char hash[static DRAFT_HASH_SIZE]);

/* Lets go of webhook paths that the drafts' triggers have and no longer want, so that they can change hands.
 * Before any draft of the batch is stored. */
void draft_paths_release(Batch *batch, const Uuid *project_id, const Draft *drafts, size_t n_drafts);
/* The workflow and what it has; what it no longer has goes. With a snapshot and a version when anything
 * differs from the last one; the order of the arrays counts. Rows of other projects are left alone. */
void draft_store(Batch *batch, const Draft *draft, DraftSource source);
/* Marks workflows as deleted, frees their names and paths, and disables their triggers. */
void draft_delete(Batch *batch, const Uuid *project_id, const Draft *drafts, size_t n_drafts);
