/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drafts: the hash that the command line computes too, names, shapes that go round in circles, and complaints that are
 * gathered in a tree.
 */

#include "check.h"
#include "domain/draft-check.h"
#include "domain/names.h"
#include "json/error-tree.h"

static Arena arena;

static Uuid id(unsigned n) {
        return (Uuid) { .bytes = { 0x42, (uint8_t) (n >> 8), (uint8_t) n } };
}

/* -- hashes -------------------------------------------------------------------------------------------- */

/* The vector of http-api 3.5, made with the real command line. */
static Draft vector(void) {
        static DraftTrigger triggers[1];
        static DraftJob jobs[2];
        static DraftEdge edges[2];

        triggers[0] = (DraftTrigger) { .id = id(1), .type = TEXT("webhook"), .enabled = true, .webhook_reply = TEXT("before_start") };
        /* The order of jobs and edges does not matter. */
        jobs[1] = (DraftJob) { .id = id(2), .name = TEXT("job a"), .body = TEXT("fn(s => ({...s, x: 1}))\n"),
                               .adaptor = TEXT("@openfn/language-common@latest") };
        jobs[0] = (DraftJob) { .id = id(3), .name = TEXT("job bee"), .body = TEXT("fn(s => s)\n"),
                               .adaptor = TEXT("@openfn/language-common@latest") };
        edges[0] = (DraftEdge) { .id = id(4), .source_trigger_id = id(1), .target_job_id = id(2), .condition_type = TEXT("always"),
                                 .enabled = true };
        edges[1] = (DraftEdge) { .id = id(5), .source_job_id = id(2), .target_job_id = id(3), .condition_type = TEXT("js_expression"),
                                 .condition_expression = TEXT("state.data.ok"), .condition_label = TEXT("yes please"), .enabled = true };
        return (Draft) { .id = id(6), .name = TEXT("wf one"), .triggers = triggers, .jobs = jobs, .edges = edges, .n_triggers = 1,
                         .n_jobs = 2, .n_edges = 2 };
}

static void test_hash(void) {
        char hash[DRAFT_HASH_SIZE], other[DRAFT_HASH_SIZE];
        Draft draft = vector();

        draft_hash(&draft, hash);
        CHECK_STRING(hash, "56c77f25ab3f");
        draft.triggers[0].enabled = false;
        draft_hash(&draft, other);
        CHECK(strcmp(hash, other) != 0);
        draft_hash(&(Draft) { .name = TEXT("empty") }, other);
        CHECK_INT(strlen(other), 12);
}

/* -- shapes -------------------------------------------------------------------------------------------- */

static ErrorTree *check_graph(const Draft *draft) {
        ErrorTree *errors = error_tree_new(&arena);

        draft_check_graph(draft, NULL, &arena, errors);
        return errors;
}

static void test_graph(void) {
        Draft draft = vector();

        CHECK(error_tree_is_empty(check_graph(&draft)));
        draft.edges[1].source_job_id = id(3);
        draft.edges[1].target_job_id = id(2);
        CHECK(error_tree_is_empty(check_graph(&draft)));
        draft.edges = (DraftEdge[]) { draft.edges[0], draft.edges[1], { .id = id(7), .source_job_id = id(2), .target_job_id = id(3) } };
        draft.n_edges = 3;
        CHECK(!error_tree_is_empty(check_graph(&draft)));
}

/* Looked at the wrong way round, this would take hours. */
static void test_long_chain(void) {
        enum { N = 2000 };
        Draft draft = vector();

        draft.jobs = arena_new(&arena, DraftJob, N);
        draft.edges = arena_new(&arena, DraftEdge, N);
        draft.n_jobs = draft.n_edges = N;
        for (unsigned i = 0; i < N; i++) {
                draft.jobs[i].id = id(100 + i);
                draft.edges[i] = (DraftEdge) { .id = id(10000 + i), .source_job_id = id(100 + i + 1), .target_job_id = id(100 + i), .enabled = true };
        }
        draft.edges[N - 1] = (DraftEdge) { .id = id(9999), .source_trigger_id = id(1), .target_job_id = id(100 + N - 1), .enabled = true };
        CHECK(error_tree_is_empty(check_graph(&draft)));
}

/* -- names --------------------------------------------------------------------------------------------- */

static void test_names(void) {
        static const struct {
                const char *name;
                bool project, job, path, collection;
        } cases[] = {
                { "a", true, true, true, true },           { "a-b", true, true, true, true },
                { "a_b", false, true, true, true },        { "a b", false, true, false, false },
                { "A", false, true, false, false },        { "a.b", false, false, false, true },
                { "-a", true, true, true, false },         { "a--b", true, true, true, false },
                { "", false, false, false, false },        { "ø", false, false, false, false },
                { "../a", false, false, false, false },    { "a/b", false, false, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Text name = text_of(cases[i].name);

                CHECK_INT(name_is_project(name), cases[i].project);
                CHECK_INT(name_is_job(name), cases[i].job);
                CHECK_INT(name_is_path(name), cases[i].path);
                CHECK_INT(name_is_collection(name), cases[i].collection);
        }
        CHECK(!name_is_project(text_make("a\0b", 3)) && !name_is_collection(text_make("a\0b", 3)));
}

/* -- complaints ---------------------------------------------------------------------------------------- */

static Text written(const ErrorTree *tree) {
        static Buffer buffer;
        JsonWriter w = JSON_WRITER(&buffer);

        buffer_clear(&buffer);
        error_tree_write(tree, &w, NULL);
        return buffer_text(&buffer);
}

static void test_tree(void) {
        ErrorTree *tree = error_tree_new(&arena), *jobs = error_tree_part(tree, TEXT("jobs"));
        ErrorTree *one = error_tree_part(jobs, TEXT("a \"b\"")), *same = error_tree_part(jobs, TEXT("a \"b\""));

        CHECK(error_tree_is_empty(tree));
        CHECK_TEXT(written(tree), "{}");
        error_tree_add(one, "body", "no");
        error_tree_add(same, "name", "no");
        error_tree_add(one, "body", "nor this");
        error_tree_add(tree, "name", "blank");
        CHECK_TEXT(written(tree), "{\"name\":[\"blank\"],\"jobs\":{\"a \\\"b\\\"\":{\"body\":[\"no\",\"nor this\"],\"name\":[\"no\"]}}}");
        for (int i = 0; i < 100000; i++)
                error_tree_add(one, "body", "again and again");
        CHECK(written(tree).length < 10000);
}

int main(void) {
        test_hash();
        test_graph();
        test_long_chain();
        test_names();
        test_tree();
        arena_deinit(&arena);
        return 0;
}
