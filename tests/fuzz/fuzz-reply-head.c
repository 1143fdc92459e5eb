/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of a sibling's reply: all that is read from it lies in it, and it reads the same when it comes
 * in two pieces.
 */

#include <errno.h>

#include "basic/macros.h"
#include "fuzz.h"
#include "net/forward-private.h"

static void check_head(const ReplyHead *head, size_t size) {
        FUZZ_CHECK(head->status >= 100 && head->status <= 999);
        FUZZ_CHECK(head->length <= size);
        FUZZ_CHECK(head->n_headers <= REPLY_MAX_HEADERS);
        for (size_t i = 0; i < head->n_headers; i++) {
                FUZZ_CHECK(head->headers[i].name_length > 0);
                FUZZ_CHECK((size_t) head->headers[i].name + head->headers[i].name_length <= head->length);
                FUZZ_CHECK((size_t) head->headers[i].value + head->headers[i].value_length <= head->length);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *copy = xmalloc(size);
        ReplyHead whole = {}, again = {};
        int r;

        if (size > 0)
                memcpy(copy, data, size);
        r = reply_head_read(copy, size, &whole);
        FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
        if (r == 1) {
                check_head(&whole, size);
                FUZZ_CHECK(reply_head_read(copy, whole.length - 1, &again) == 0);
                FUZZ_CHECK(reply_head_read(copy, whole.length, &again) == 1);
                FUZZ_CHECK(memcmp(&whole, &again, sizeof whole) == 0);
        }
        free(copy);
        return 0;
}
