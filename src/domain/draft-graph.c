/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The shape of a workflow: what the REST API asks of it beyond the rules of each part.
 */

#include "domain/draft-check.h"

/* -- triggers and their edges ------------------------------------------------------------------------- */

static void check_triggers(const Draft *draft, const Draft *before, ErrorTree *errors) {
        size_t n_enabled = 0, n_kept = 0;

        for (size_t i = 0; i < draft->n_triggers; i++)
                n_enabled += draft->triggers[i].enabled;
        if (n_enabled > 1)
                error_tree_add(errors, "triggers", "A workflow can have only one trigger enabled at a time.");
        for (size_t i = 0; before && i < before->n_triggers; i++)
                n_kept += draft_find_trigger(draft, &before->triggers[i].id) != NULL;
        if (before && n_kept < before->n_triggers)
                error_tree_add(errors, "triggers", "A trigger cannot be replaced, only edited or added.");
}

static void check_starts(const Draft *draft, ErrorTree *errors) {
        size_t n_starts = 0, n_enabled = 0;
        bool several = false;

        for (size_t i = 0; i < draft->n_edges; i++) {
                const DraftEdge *edge = &draft->edges[i];

                if (uuid_is_null(&edge->source_trigger_id))
                        continue;
                n_starts++;
                n_enabled += edge->enabled;
                for (size_t j = 0; j < i; j++)
                        several = several || uuid_equal(&draft->edges[j].source_trigger_id, &edge->source_trigger_id);
        }
        if (n_starts == 0)
                error_tree_add(errors, "edges", "Missing edge with source_trigger_id.");
        else if (several)
                error_tree_add(errors, "edges", "source_trigger_id must have a single target.");
        else if (n_enabled > 1)
                error_tree_add(errors, "edges", "There should be only one enabled edge with source_trigger_id.");
}

/* -- jobs ----------------------------------------------------------------------------------------------- */

static bool is_on_edge(const Draft *draft, const Uuid *job_id) {
        for (size_t i = 0; i < draft->n_edges; i++)
                if (uuid_equal(&draft->edges[i].source_job_id, job_id) || uuid_equal(&draft->edges[i].target_job_id, job_id))
                        return true;
        return false;
}

static void check_jobs(const Draft *draft, ErrorTree *errors) {
        _cleanup_(buffer_deinit) Buffer ids = BUFFER_NULL;
        char id[UUID_STRING_SIZE];

        for (size_t i = 0; i < draft->n_jobs; i++)
                if (!is_on_edge(draft, &draft->jobs[i].id))
                        buffer_printf(&ids, "%s\"%s\"", ids.length > 0 ? ", " : "The jobs [",
                                      uuid_format(&draft->jobs[i].id, id));
        if (ids.length == 0)
                return;
        buffer_append_string(&ids, "] should be present both in the jobs and on an edge.");
        error_tree_add(errors, "jobs", buffer_string(&ids));
}

/* -- cycles --------------------------------------------------------------------------------------------- */

/* From job to job, by their places in the draft. */
typedef struct Arrow {
        size_t from, to;
} Arrow;

static size_t collect_arrows(const Draft *draft, Arrow *arrows) {
        size_t n = 0;

        for (size_t i = 0; i < draft->n_edges; i++) {
                const DraftJob *source = draft_find_job(draft, &draft->edges[i].source_job_id),
                               *target = draft_find_job(draft, &draft->edges[i].target_job_id);

                if (source && target)
                        arrows[n++] = (Arrow) { (size_t) (source - draft->jobs), (size_t) (target - draft->jobs) };
        }
        return n;
}

/* A job that nothing left leads to, or that leads nowhere, is on no cycle: without these only cycles remain, and
 * what lies between them. */
static const DraftJob *find_cycle(const Draft *draft, Arena *arena) {
        Arrow *arrows = arena_new(arena, Arrow, draft->n_edges + 1);
        size_t n = collect_arrows(draft, arrows);
        bool *gone = arena_new(arena, bool, draft->n_jobs + 1), *leads = arena_new(arena, bool, draft->n_jobs + 1),
             *led_to = arena_new(arena, bool, draft->n_jobs + 1), changed = true;

        while (changed) {
                memset(leads, 0, draft->n_jobs * sizeof *leads);
                memset(led_to, 0, draft->n_jobs * sizeof *led_to);
                for (size_t i = 0; i < n; i++)
                        if (!gone[arrows[i].from] && !gone[arrows[i].to])
                                leads[arrows[i].from] = led_to[arrows[i].to] = true;
                changed = false;
                for (size_t i = 0; i < draft->n_jobs; i++)
                        if (!gone[i] && !(leads[i] && led_to[i]))
                                gone[i] = changed = true;
        }
        for (size_t i = 0; i < draft->n_jobs; i++)
                if (!gone[i])
                        return &draft->jobs[i];
        return NULL;
}

void draft_check_graph(const Draft *draft, const Draft *before, Arena *arena, ErrorTree *errors) {
        const DraftJob *job;
        char id[UUID_STRING_SIZE];

        check_triggers(draft, before, errors);
        check_starts(draft, errors);
        check_jobs(draft, errors);
        job = find_cycle(draft, arena);
        if (job)
                error_tree_add(errors, "edges", arena_printf(arena, "Cycle detected on job %s.", uuid_format(&job->id, id)));
}
