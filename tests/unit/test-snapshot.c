/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "check.h"
#include "domain/snapshot.h"

#define RUN "0a1b2c3d-0000-4000-8000-000000000101"
#define PROJECT "11111111-2222-4333-8444-555555555555"
#define TRIGGER "22222222-0000-4000-8000-00000000000a"
#define JOB_1 "33333333-0000-4000-8000-000000000001"
#define JOB_2 "33333333-0000-4000-8000-000000000002"
#define EDGE "44444444-0000-4000-8000-000000000001"
#define WORK_ORDER "55555555-2222-4333-8444-555555555555"
#define WORKFLOW "66666666-2222-4333-8444-555555555555"
#define CREDENTIAL "77777777-2222-4333-8444-555555555555"
#define DATACLIP "7f3c0f3e-1111-4222-8333-944444444444"

static Uuid id(const char *text) {
        Uuid uuid;

        CHECK(uuid_parse(text_of(text), &uuid) == 0);
        return uuid;
}

static Run example(void) {
        return (Run) {
                .id = id(RUN),
                .project_id = id(PROJECT),
                .workflow_id = id(WORKFLOW),
                .work_order_id = id(WORK_ORDER),
                .trigger_id = id(TRIGGER),
                .dataclip_id = id(DATACLIP),
                .save_dataclips = true,
                .enable_job_logs = true,
                .run_timeout_msec = 60000,
                .triggers = TEXT("[{\"id\":\"" TRIGGER "\",\"type\":\"webhook\",\"enabled\":true}]"),
                .jobs = TEXT("[{\"id\":\"" JOB_1 "\",\"name\":\"Job \\\"1\\\"\",\"body\":\"fn(state => state)\","
                             "\"adaptor\":\"@openfn/language-common@3.3.4\",\"credential_id\":null}]"),
                .edges = TEXT("[{\"id\":\"" EDGE "\",\"source_trigger_id\":\"" TRIGGER "\",\"source_job_id\":null,"
                              "\"target_job_id\":\"" JOB_1 "\",\"condition_type\":\"always\",\"condition_expression\":null,"
                              "\"enabled\":true}]"),
        };
}

static void check_plan(const Run *run, const char *expected) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer plan = BUFFER_NULL;
        _cleanup_(snapshot_index_deinit) SnapshotIndex index = {};

        CHECK_INT(snapshot_write_plan(run, &arena, &plan, &index), 0);
        CHECK_STRING(buffer_string(&plan), expected);
}

static void test_plan(void) {
        Run run = example();

        check_plan(&run,
                   "{\"id\":\"" RUN "\",\"project_id\":\"" PROJECT "\",\"triggers\":[{\"id\":\"" TRIGGER "\"}],"
                   "\"jobs\":[{\"id\":\"" JOB_1 "\",\"name\":\"Job \\\"1\\\"\",\"adaptor\":\"@openfn/language-common@3.3.4\","
                   "\"credential_id\":null,\"body\":\"fn(state => state)\"}],"
                   "\"edges\":[{\"id\":\"" EDGE "\",\"source_trigger_id\":\"" TRIGGER "\",\"source_job_id\":null,"
                   "\"target_job_id\":\"" JOB_1 "\",\"condition\":\"always\",\"enabled\":true}],"
                   "\"starting_node_id\":\"" TRIGGER "\",\"dataclip_id\":\"" DATACLIP "\","
                   "\"options\":{\"output_dataclips\":true,\"run_timeout_ms\":60000},"
                   "\"meta\":{\"work_order_id\":\"" WORK_ORDER "\",\"workflow_id\":\"" WORKFLOW "\",\"project_id\":\"" PROJECT "\"}}");
}

static void test_options(void) {
        Run run = example();

        run.trigger_id = UUID_NULL;
        run.job_id = id(JOB_2);
        run.dataclip_id = UUID_NULL;
        run.save_dataclips = run.enable_job_logs = false;
        run.run_memory_limit_mb = 512;
        run.triggers = run.jobs = run.edges = TEXT("[]");
        check_plan(&run,
                   "{\"id\":\"" RUN "\",\"project_id\":\"" PROJECT "\",\"triggers\":[],\"jobs\":[],\"edges\":[],"
                   "\"starting_node_id\":\"" JOB_2 "\",\"dataclip_id\":null,"
                   "\"options\":{\"output_dataclips\":false,\"run_timeout_ms\":60000,\"run_memory_limit_mb\":512,"
                   "\"job_log_level\":\"none\"},"
                   "\"meta\":{\"work_order_id\":\"" WORK_ORDER "\",\"workflow_id\":\"" WORKFLOW "\",\"project_id\":\"" PROJECT "\"}}");
}

#define EDGE_WITH(more) "[{\"id\":\"" EDGE "\",\"target_job_id\":\"" JOB_1 "\"," more "}]"

static void test_conditions(void) {
        static const struct {
                const char *edges, *expected;
        } cases[] = {
                { EDGE_WITH("\"condition_type\":\"on_job_success\""),                               "\"condition\":\"on_job_success\",\"enabled\":true" },
                { EDGE_WITH("\"condition_type\":\"on_job_failure\",\"enabled\":false"),             "\"condition\":\"on_job_failure\",\"enabled\":false" },
                { EDGE_WITH("\"condition_type\":\"js_expression\",\"condition_expression\":\"!state.error && \\\"x\\\"\""),
                                                                                                    "\"condition\":\"!state.error && \\\"x\\\"\"," },
                { EDGE_WITH("\"condition_type\":\"js_expression\",\"condition_expression\":null"),  "\"condition\":\"always\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(buffer_deinit) Buffer plan = BUFFER_NULL;
                _cleanup_(snapshot_index_deinit) SnapshotIndex index = {};
                Run run = example();

                run.edges = text_of(cases[i].edges);
                CHECK_INT(snapshot_write_plan(&run, &arena, &plan, &index), 0);
                CHECK(text_contains(buffer_text(&plan), cases[i].expected));
        }
}

static void test_index(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer plan = BUFFER_NULL;
        _cleanup_(snapshot_index_deinit) SnapshotIndex index = {};
        Uuid job_1 = id(JOB_1), job_2 = id(JOB_2), credential = id(CREDENTIAL);
        Run run = example();

        run.jobs = TEXT("[{\"id\":\"" JOB_1 "\",\"credential_id\":\"" CREDENTIAL "\"},{\"id\":\"" JOB_2 "\",\"credential_id\":\"" CREDENTIAL "\"}]");
        CHECK_INT(snapshot_write_plan(&run, &arena, &plan, &index), 0);
        CHECK_INT(index.n_job_ids, 2);
        CHECK_INT(index.n_credential_ids, 1);
        CHECK(snapshot_has_job(&index, &job_1) && snapshot_has_job(&index, &job_2) && !snapshot_has_job(&index, &credential));
        CHECK(snapshot_has_credential(&index, &credential) && !snapshot_has_credential(&index, &job_1));
        CHECK(!snapshot_has_credential(&index, &UUID_NULL));
}

static void test_damaged(void) {
        static const char *const damaged[] = {
                NULL, "{}", "null", "[1]", "[{}]", "[{\"id\":\"x\"}]", "[{\"id\":null}]",
        };

        for (size_t i = 0; i < 3 * ELEMENTSOF(damaged); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(buffer_deinit) Buffer plan = BUFFER_NULL;
                SnapshotIndex index;
                Run run = example();
                Text *arrays[] = { &run.triggers, &run.jobs, &run.edges };

                *arrays[i % 3] = text_of(damaged[i / 3]);
                CHECK_INT(snapshot_write_plan(&run, &arena, &plan, &index), -EBADMSG);
        }
}

int main(void) {
        test_plan();
        test_options();
        test_conditions();
        test_index();
        test_damaged();
        return 0;
}
