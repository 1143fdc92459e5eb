/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames of strangers: what is read stays within its limits, and what we write from it is read again as the same.
 */

#include "fuzz.h"
#include "json/check.h"
#include "phx/frame.h"

static bool same_ref(Text a, Text b) {
        return !a.data == !b.data && text_equal(a, b);
}

static void check_reply(const PhxFrame *frame) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer reply = BUFFER_NULL;
        PhxFrame again;

        phx_write_reply(&reply, frame->join_ref, frame->ref, frame->topic, true, frame->payload);
        FUZZ_CHECK(phx_frame_read(buffer_text(&reply), &arena, &again) == 0);
        FUZZ_CHECK(same_ref(frame->join_ref, again.join_ref) && same_ref(frame->ref, again.ref));
        FUZZ_CHECK(text_equal(frame->topic, again.topic));
        FUZZ_CHECK(text_is(again.event, "phx_reply"));
        FUZZ_CHECK(text_equal(json_member(again.payload, "response"), frame->payload));
}

static void check_binary_reply(const PhxFrame *frame) {
        _cleanup_(buffer_deinit) Buffer reply = BUFFER_NULL;

        phx_write_binary_reply(&reply, frame->join_ref, frame->ref, frame->topic, false, frame->payload);
        FUZZ_CHECK(reply.length == 5 + frame->join_ref.length + frame->ref.length + frame->topic.length + 5 +
                                           frame->payload.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        PhxFrame frame;

        if (phx_frame_read(text_make(data, size), &arena, &frame) < 0)
                return 0;

        FUZZ_CHECK(frame.join_ref.length <= PHX_MAX_REF && frame.ref.length <= PHX_MAX_REF);
        FUZZ_CHECK(frame.topic.length <= PHX_MAX_TOPIC && frame.event.length <= PHX_MAX_EVENT);
        FUZZ_CHECK(json_kind(frame.payload) == JSON_OBJECT);
        check_reply(&frame);
        check_binary_reply(&frame);
        return 0;
}
