/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Phoenix frames: those the real worker and the real server were seen to send, and those that are none.
 */

#include <errno.h>

#include "check.h"
#include "crypto/password.h"
#include "phx/frame.h"

#define RUN "run:0a1b2c3d-0000-4000-8000-000000000101"

/* What no text is, so that NULL and "" can be told apart in the tables. */
#define NONE "(null)"

static void check_ref(Text got, const char *want) {
        if (strcmp(want, NONE) == 0)
                CHECK(!got.data);
        else {
                CHECK(got.data);
                CHECK_TEXT(got, want);
        }
}

static void test_read(void) {
        static const struct {
                const char *frame, *join_ref, *ref, *topic, *event, *payload;
        } cases[] = {
                { "[\"6\",\"6\",\"worker:queue\",\"phx_join\",{\"capacity\":2,\"queues\":{\"manual>*\":2}}]",
                  "6", "6", "worker:queue", "phx_join", "{\"capacity\":2,\"queues\":{\"manual>*\":2}}" },
                { "[\"6\",\"7\",\"worker:queue\",\"claim\",{\"demand\":1,\"worker_name\":null,\"queues\":[\"manual\",\"*\"]}]",
                  "6", "7", "worker:queue", "claim", "{\"demand\":1,\"worker_name\":null,\"queues\":[\"manual\",\"*\"]}" },
                { "[null,\"13\",\"phoenix\",\"heartbeat\",{}]", NONE, "13", "phoenix", "heartbeat", "{}" },
                { "[\"17\",\"33\",\"" RUN "\",\"phx_leave\",{}]", "17", "33", RUN, "phx_leave", "{}" },
                { "[\"17\",\"19\",\"" RUN "\",\"fetch:dataclip\",{\"id\":\"in\"}]",
                  "17", "19", RUN, "fetch:dataclip", "{\"id\":\"in\"}" },
                /* Nothing is between the elements but white space; extra elements are ignored. */
                { " [ \"1\" , \"2\" , \"t\" , \"e\" , { \"a\" : [ 1 ] } , 6 , {} ] ",
                  "1", "2", "t", "e", "{ \"a\" : [ 1 ] }" },
                { "[null,null,\"t\",\"e\",{}]", NONE, NONE, "t", "e", "{}" },
                { "[\"\",\"\",\"t\",\"e\",{}]", "", "", "t", "e", "{}" },
                /* Names are unescaped; refs are opaque and stay as they came. */
                { "[\"\\u0031\",\"a\\\"b\",\"w\\u006Frker:queue\",\"a\\/b\",{\"x\":\"\\u0000\"}]",
                  "\\u0031", "a\\\"b", "worker:queue", "a/b", "{\"x\":\"\\u0000\"}" },
                /* A payload is not looked into: big numbers, equal keys. */
                { "[null,null,\"t\",\"e\",{\"n\":123456789012345678901234567890,\"a\":1,\"a\":2}]",
                  NONE, NONE, "t", "e", "{\"n\":123456789012345678901234567890,\"a\":1,\"a\":2}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                PhxFrame frame;

                CHECK_INT(phx_frame_read(text_of(cases[i].frame), &arena, &frame), 0);
                check_ref(frame.join_ref, cases[i].join_ref);
                check_ref(frame.ref, cases[i].ref);
                CHECK_TEXT(frame.topic, cases[i].topic);
                CHECK_TEXT(frame.event, cases[i].event);
                CHECK_TEXT(frame.payload, cases[i].payload);
        }
}

static void test_refuse(void) {
        static const char *const cases[] = {
                "",
                "null",
                "{}",
                "[]",
                "garbage",
                "[\"1\",\"2\",\"t\",\"e\"]",
                "[\"1\",\"2\",\"t\",\"e\",{}",
                "[\"1\",\"2\",\"t\",\"e\",{}]]",
                "[\"1\",\"2\",\"t\",\"e\",null]",
                "[\"1\",\"2\",\"t\",\"e\",[]]",
                "[\"1\",\"2\",\"t\",\"e\",\"x\"]",
                "[\"1\",\"2\",null,\"e\",{}]",
                "[\"1\",\"2\",\"t\",null,{}]",
                "[\"1\",\"2\",5,\"e\",{}]",
                "[1,\"2\",\"t\",\"e\",{}]",
                "[\"1\",2,\"t\",\"e\",{}]",
                "[\"1\",[],\"t\",\"e\",{}]",
                "[\"1\",\"2\",\"t\",\"e\",{\"a\":01}]",
                "[\"1\",\"2\",\"t\xff\",\"e\",{}]",
                "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{},\"ref\":\"1\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                PhxFrame frame = { .topic = TEXT("untouched") };

                CHECK_INT(phx_frame_read(text_of(cases[i]), &arena, &frame), -EBADMSG);
                CHECK_TEXT(frame.topic, "untouched");
        }
}

/* Each of the four at its longest and one beyond; each may be written in six characters per byte. */
static void test_lengths(void) {
        static const size_t limits[] = { PHX_MAX_REF, PHX_MAX_REF, PHX_MAX_TOPIC, PHX_MAX_EVENT };

        for (size_t place = 0; place < ELEMENTSOF(limits); place++)
                for (int escaped = 0; escaped < 2; escaped++)
                        for (size_t beyond = 0; beyond < 2; beyond++) {
                                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                                _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
                                PhxFrame frame;
                                int r;

                                if (escaped && place < 2)
                                        continue;

                                buffer_append_byte(&text, '[');
                                for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                                        buffer_append_byte(&text, '"');
                                        for (size_t n = i == place ? limits[i] + beyond : 1; n > 0; n--)
                                                buffer_append_string(&text, escaped ? "\\u0078" : "x");
                                        buffer_append_string(&text, "\",");
                                }
                                buffer_append_string(&text, "{}]");

                                r = phx_frame_read(buffer_text(&text), &arena, &frame);
                                CHECK_INT(r, beyond ? -EBADMSG : 0);
                        }
}

static void test_write(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

        phx_write_reply(&buffer, TEXT("6"), TEXT("7"), TEXT("worker:queue"), true, TEXT("{\"runs\":[]}"));
        CHECK_STRING(buffer_string(&buffer),
                     "[\"6\",\"7\",\"worker:queue\",\"phx_reply\",{\"status\":\"ok\",\"response\":{\"runs\":[]}}]");
        buffer_clear(&buffer);

        phx_write_reply(&buffer, TEXT_NULL, TEXT("13"), TEXT("phoenix"), true, TEXT("{}"));
        CHECK_STRING(buffer_string(&buffer), "[null,\"13\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
        buffer_clear(&buffer);

        phx_write_reply(&buffer, TEXT_NULL, TEXT("7"), TEXT(RUN), false, TEXT("{\"reason\":\"unmatched topic\"}"));
        CHECK_STRING(buffer_string(&buffer), "[null,\"7\",\"" RUN "\",\"phx_reply\",{\"status\":\"error\","
                                             "\"response\":{\"reason\":\"unmatched topic\"}}]");
        buffer_clear(&buffer);

        phx_write_push(&buffer, TEXT("6"), TEXT("worker:queue"), "work-available", TEXT("{}"));
        CHECK_STRING(buffer_string(&buffer), "[\"6\",null,\"worker:queue\",\"work-available\",{}]");
        buffer_clear(&buffer);

        phx_write_close(&buffer, TEXT("17"), TEXT(RUN), "phx_close");
        CHECK_STRING(buffer_string(&buffer), "[\"17\",\"17\",\"" RUN "\",\"phx_close\",{}]");
        buffer_clear(&buffer);

        /* A topic from outside cannot leave its string. */
        phx_write_reply(&buffer, TEXT_NULL, TEXT_NULL, TEXT("a\"],\n"), false, TEXT("null"));
        CHECK_STRING(buffer_string(&buffer), "[null,null,\"a\\\"],\\n\",\"phx_reply\",{\"status\":\"error\",\"response\":null}]");
}

/* What is written can be read, whatever the names hold. */
static void test_round_trip(void) {
        static const char *const names[] = { "plain", "quote\"", "back\\slash", "line\nbreak", "z\xc3\xa4hne", "\x01" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
                PhxFrame frame;

                phx_write_push(&buffer, TEXT("1"), text_of(names[i]), names[i], TEXT("{\"a\":1}"));
                CHECK_INT(phx_frame_read(buffer_text(&buffer), &arena, &frame), 0);
                CHECK_TEXT(frame.topic, names[i]);
                CHECK_TEXT(frame.event, names[i]);
                CHECK_TEXT(frame.payload, "{\"a\":1}");
        }
}

/* The reply to fetch:dataclip as captured from a real server. */
static void test_binary(void) {
        static const char captured[] = "AQICKAIxNzE5cnVuOjBhMWIyYzNkLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDEwMW9reyJkYXRhIjp7Imd"
                                       "yZWV0aW5nIjoiaGVsbG8ifX0=";
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL, base64 = BUFFER_NULL;

        phx_write_binary_reply(&buffer, TEXT("17"), TEXT("19"), TEXT(RUN), true,
                               TEXT("{\"data\":{\"greeting\":\"hello\"}}"));
        base64_append(&base64, buffer_text(&buffer));
        CHECK_STRING(buffer_string(&base64), captured);

        buffer_clear(&buffer);
        phx_write_binary_reply(&buffer, TEXT_NULL, TEXT("2"), TEXT("t"), false, TEXT_NULL);
        CHECK(text_equal(buffer_text(&buffer), TEXT("\x01\x00\x01\x01\x05" "2terror")));
}

int main(void) {
        test_read();
        test_refuse();
        test_lengths();
        test_write();
        test_round_trip();
        test_binary();
        return 0;
}
