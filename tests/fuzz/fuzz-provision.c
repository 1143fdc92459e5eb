/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Documents of provisioning: what is accepted can be resolved and written to a batch, and gets the same ids when it is read
 * again; what is refused says where and why.
 */

#include <errno.h>

#include "domain/provision.h"
#include "fuzz.h"
#include "json/check.h"

static void store(Arena *arena, ProvisionProject *project) {
        Batch *batch = batch_new(arena, 0);

        project->id = uuid_new();
        provision_project_store(batch, project);
        for (size_t i = 0; i < project->n_credentials; i++)
                provision_credential_store(batch, project, &project->credentials[i], NULL);
        provision_workflows_prune(batch, project);
        provision_paths_release(batch, project);
        for (size_t i = 0; i < project->n_workflows; i++)
                provision_workflow_store(batch, project, &project->workflows[i]);
        provision_credentials_prune(batch, project);

        for (size_t i = 0; i < batch->n_statements; i++)
                FUZZ_CHECK(batch->statements[i].n_params == batch->statements[i].query->n_params);
}

static void resolve(Draft *workflow) {
        workflow->id = (Uuid) { .bytes = { 1 } };
        provision_workflow_resolve(workflow);
        for (size_t i = 0; i < workflow->n_edges; i++) {
                const DraftEdge *edge = &workflow->edges[i];

                FUZZ_CHECK(uuid_is_null(&edge->source_trigger_id) != uuid_is_null(&edge->source_job_id));
                FUZZ_CHECK(!uuid_is_null(&edge->target_job_id));
                for (size_t j = 0; j < i; j++)
                        FUZZ_CHECK(!uuid_equal(&edge->id, &workflow->edges[j].id));
        }
        for (size_t i = 0; i < workflow->n_jobs; i++)
                for (size_t j = 0; j < i; j++)
                        FUZZ_CHECK(!uuid_equal(&workflow->jobs[i].id, &workflow->jobs[j].id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text document = text_make(data, size);
        FieldErrors errors = {};
        Provision provision = {};
        JsonKind kind;
        int r;

        if (json_check(document, &kind, NULL) < 0)
                return 0;

        r = provision_read(&arena, document, &provision, &errors);
        if (r < 0) {
                FUZZ_CHECK(r == -EINVAL && errors.n_errors > 0 && provision.n_projects == 0);
                for (size_t i = 0; i < errors.n_errors; i++)
                        FUZZ_CHECK(errors.errors[i].field && errors.errors[i].message);
                return 0;
        }

        FUZZ_CHECK(errors.n_errors == 0);
        for (size_t p = 0; p < provision.n_projects; p++) {
                for (size_t w = 0; w < provision.projects[p].n_workflows; w++)
                        resolve(&provision.projects[p].workflows[w]);
                store(&arena, &provision.projects[p]);
        }
        return 0;
}
