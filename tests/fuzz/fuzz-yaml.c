/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML of kickstart files: what is converted is JSON, apart from text that was not UTF-8, and not much larger than
 * what it was made of; what is not says why.
 */

#include <errno.h>

#include "ctl/yaml-json.h"
#include "fuzz.h"
#include "json/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_deinit) Buffer json = BUFFER_NULL, message = BUFFER_NULL;
        JsonKind kind;
        int r;

        r = yaml_to_json(text_make(data, size), &json, &message);
        if (r == 0)
                FUZZ_CHECK(message.length == 0 && json_check(buffer_text(&json), &kind, NULL) == 0);
        else
                FUZZ_CHECK(r == -EBADMSG && message.length > 0);
        return 0;
}
