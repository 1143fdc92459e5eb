/* SPDX-License-Identifier: Apache-2.0 */

#include "check.h"
#include "domain/run.h"

#define MALFORMED(reason) "{\"message\":\"Run completed, but webhook_response was malformed: " reason "\"}"
#define KEPT_BACK(state)                                                                                            \
        "{\"message\":\"Run completed with status: " state                                                          \
        ". As a security policy, OpenFn does not send state data when the run errors out to avoid leaking sensitive " \
        "information\"}"

static void test_replies(void) {
        static const struct {
                const char *state, *response, *final_state;
                int64_t success_code, error_code;
                int64_t status;
                const char *data;
        } cases[] = {
                { "success", NULL,                                 "{\"a\":1}", 0,   0,   201, "{\"a\":1}"              },
                { "success", NULL,                                 "5",         200, 500, 200, "5"                      },
                { "success", NULL,                                 NULL,        0,   0,   201, "null"                   },
                { "failed",  NULL,                                 "{\"a\":1}", 200, 0,   201, KEPT_BACK("failed")      },
                { "crashed", NULL,                                 NULL,        0,   422, 422, KEPT_BACK("crashed")     },
                { "success", "{\"status\":202,\"body\":{\"h\":1}}", "{}",       0,   0,   202, "{\"h\":1}"              },
                { "failed",  "{\"status\":418,\"body\":{\"h\":1}}", "{}",       0,   500, 418, "{\"h\":1}"              },
                { "success", "{\"status\":202.9}",                 "{\"s\":1}", 0,   0,   202, "{\"s\":1}"              },
                { "success", "{\"body\":{}}",                      "{\"s\":1}", 299, 0,   299, "{}"                     },
                { "failed",  "{\"status\":503}",                   "{\"s\":1}", 0,   0,   503, KEPT_BACK("failed")      },
                { "success", "{\"status\":null,\"body\":null}",    "{\"s\":1}", 0,   0,   201, "{\"s\":1}"              },
                { "success", "{}",                                 "{\"s\":1}", 0,   0,   201, "{\"s\":1}"              },
                { "success", "{\"status\":\"202\",\"body\":{}}",   "{}",        0,   0,   201, MALFORMED("status needs to be an integer, got: \\\"202\\\"") },
                { "success", "{\"status\":true}",                  "{}",        200, 0,   200, MALFORMED("status needs to be an integer, got: true") },
                { "success", "{\"status\":199}",                   "{}",        0,   0,   201, MALFORMED("status needs to be an integer from 200 to 599, got: 199") },
                { "success", "{\"status\":600}",                   "{}",        0,   0,   201, MALFORMED("status needs to be an integer from 200 to 599, got: 600") },
                { "success", "{\"status\":-1e400}",                "{}",        0,   0,   201, MALFORMED("status needs to be an integer from 200 to 599, got: -1e400") },
                { "success", "{\"status\":202,\"body\":[1]}",      "{}",        0,   0,   201, MALFORMED("body needs to be a JSON object, got: [1]") },
                { "success", "{\"body\":\"x\"}",                   "{}",        0,   0,   201, MALFORMED("body needs to be a JSON object, got: \\\"x\\\"") },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                const WebhookReplyTerms terms = {
                        .after_completion = true,
                        .success_code = cases[i].success_code,
                        .error_code = cases[i].error_code,
                };
                WebhookReply reply;

                webhook_reply_compute(&arena, &terms, cases[i].state, text_of(cases[i].response),
                                      text_of(cases[i].final_state), &reply);
                CHECK_INT(reply.status, cases[i].status);
                CHECK_TEXT(reply.data, cases[i].data);
        }
}

static void test_reasons(void) {
        static const struct {
                const char *reason, *state;
        } cases[] = {
                { "success", "success" }, { "ok", "success" }, { "fail", "failed" }, { "crash", "crashed" },
                { "cancel", "cancelled" }, { "kill", "killed" }, { "exception", "exception" },
                { "lost", "lost" }, { "failed", "failed" }, { "killed", "killed" },
                { "started", NULL }, { "available", NULL }, { "claimed", NULL }, { "", NULL }, { "SUCCESS", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *state = run_state_of_reason(text_of(cases[i].reason));

                if (cases[i].state)
                        CHECK_STRING(state, cases[i].state);
                else
                        CHECK(!state);
        }
}

int main(void) {
        test_replies();
        test_reasons();
        return 0;
}
