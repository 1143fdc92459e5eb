/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Documents that clients send of a project: for one that is new and for one that is there, either a change that can be
 * written to a batch and keeps the rules, or complaints that are limited and JSON.
 */

#include <errno.h>

#include "domain/project-document.h"
#include "fuzz.h"
#include "json/check.h"

#define ID(n) "00000000-0000-4000-8000-00000000000" n

/* What is there: ids that the corpus knows. */
static const char triggers[] = "[{\"id\":\"" ID("1") "\",\"type\":\"webhook\",\"enabled\":true,\"custom_path\":\"here\"}]";
static const char jobs[] = "[{\"id\":\"" ID("2") "\",\"name\":\"one\",\"body\":\"x\",\"adaptor\":\"a\"},"
                           "{\"id\":\"" ID("3") "\",\"name\":\"two\",\"body\":\"x\",\"adaptor\":\"a\"}]";
static const char edges[] = "[{\"id\":\"" ID("4") "\",\"source_trigger_id\":\"" ID("1") "\",\"target_job_id\":\"" ID("2")
                            "\",\"condition_type\":\"always\",\"enabled\":true},"
                            "{\"id\":\"" ID("5") "\",\"source_job_id\":\"" ID("2") "\",\"target_job_id\":\"" ID("3")
                            "\",\"condition_type\":\"js_expression\",\"condition_expression\":\"a\",\"enabled\":true}]";

static Uuid id(const char *text) {
        Uuid uuid;

        FUZZ_CHECK(uuid_parse(text_of(text), &uuid) >= 0);
        return uuid;
}

static ProjectDocument present(Arena *arena) {
        ProjectDocument document = { .id = id(ID("9")), .name = TEXT("there"), .n_workflows = 1, .n_collections = 1,
                                     .n_credentials = 1, .n_own_credentials = 1 };

        document.access = (DocumentAccess) { .email = TEXT("ann@example.org"), .known = true, .may_write = true };
        document.workflows = arena_new(arena, Draft, 1);
        document.facts = arena_new(arena, DocumentWorkflow, 1);
        document.collections = arena_new(arena, DocumentCollection, 1);
        document.credentials = arena_new(arena, DocumentCredential, 1);
        document.own_credentials = arena_new(arena, DocumentCollection, 1);
        document.workflows[0] = (Draft) { .id = id(ID("6")), .project_id = document.id, .name = TEXT("flow") };
        draft_read_parts(&document.workflows[0], arena, text_of(triggers), text_of(jobs), text_of(edges));
        document.collections[0] = (DocumentCollection) { id(ID("7")), TEXT("kept") };
        document.credentials[0] = (DocumentCredential) { id(ID("8")), id(ID("a")), TEXT("crm"), TEXT("ann@example.org") };
        document.own_credentials[0] = (DocumentCollection) { id(ID("b")), TEXT("mine") };
        return document;
}

/* What has passed every rule. */
static void check_draft(const Draft *draft) {
        char hash[DRAFT_HASH_SIZE];

        draft_hash(draft, hash);
        FUZZ_CHECK(strlen(hash) == DRAFT_HASH_SIZE - 1 && draft->name.length > 0 && !uuid_is_null(&draft->id));
        for (size_t i = 0; i < draft->n_jobs; i++) {
                FUZZ_CHECK(draft->jobs[i].name.length > 0 && draft->jobs[i].body.length > 0 && draft->jobs[i].adaptor.length > 0);
                FUZZ_CHECK(draft_find_job(draft, &draft->jobs[i].id) == &draft->jobs[i]);
        }
        for (size_t i = 0; i < draft->n_edges; i++) {
                const DraftEdge *edge = &draft->edges[i];

                FUZZ_CHECK((draft_find_trigger(draft, &edge->source_trigger_id) != NULL) !=
                           (draft_find_job(draft, &edge->source_job_id) != NULL));
                FUZZ_CHECK(draft_find_job(draft, &edge->target_job_id) && edge->condition_type.length > 0);
        }
}

static void check_errors(const ErrorTree *errors) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);
        JsonKind kind;

        FUZZ_CHECK(!error_tree_is_empty(errors));
        error_tree_write(errors, &w, NULL);
        FUZZ_CHECK(json_check(buffer_text(&buffer), &kind, NULL) >= 0 && kind == JSON_OBJECT);
}

static void try_change(Arena *arena, Text document, const ProjectDocument *before) {
        ErrorTree *errors = error_tree_new(arena);
        DocumentChange change = {};
        const Uuid user = id(ID("c"));
        Batch *batch = batch_new(arena, 0);

        if (document_change_read(arena, document, before, &user, &change, errors) < 0) {
                check_errors(errors);
                return;
        }
        FUZZ_CHECK(error_tree_is_empty(errors) && change.is_new == !before->access.known);
        for (size_t i = 0; i < change.n_stored; i++)
                check_draft(&change.stored[i]);
        document_change_store(batch, &change);
        for (size_t i = 0; i < batch->n_statements; i++)
                FUZZ_CHECK(batch->statements[i].n_params == batch->statements[i].query->n_params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text document = text_make(data, size);
        ProjectDocument nothing = {}, there;
        JsonKind kind;

        if (json_check(document, &kind, NULL) < 0)
                return 0;
        there = present(&arena);
        try_change(&arena, document, &nothing);
        try_change(&arena, document, &there);
        return 0;
}
