/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Logged values of any shape: what becomes of them is text that PostgreSQL takes and terminals survive, and an object stays JSON.
 */

#include "domain/log-line.h"
#include "fuzz.h"
#include "json/check.h"

static bool is_clean(Text text) {
        for (size_t i = 0; i < text.length; i++) {
                uint8_t c = (uint8_t) text.data[i];

                if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
                        return false;
        }
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL, again = BUFFER_NULL;
        Text message = text_make(data, size);
        JsonKind kind, kind_after;

        if (json_check(message, &kind, NULL) < 0)
                return 0;

        log_message_write(&arena, message, &text);
        FUZZ_CHECK(text_is_utf8(buffer_text(&text)));
        FUZZ_CHECK(is_clean(buffer_text(&text)));

        if (kind == JSON_OBJECT) {
                FUZZ_CHECK(json_check(buffer_text(&text), &kind_after, NULL) == 0 && kind_after == JSON_OBJECT);
                log_message_write(&arena, buffer_text(&text), &again);
                FUZZ_CHECK(text_equal(buffer_text(&text), buffer_text(&again)));
        }
        return 0;
}
