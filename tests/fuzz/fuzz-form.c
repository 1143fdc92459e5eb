/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies of strangers: the first byte chooses the type, the rest is the body. Whatever comes of it is an
 * object in JSON, or a refusal that says why, and no larger than allowed.
 */

#include <errno.h>

#include "basic/macros.h"
#include "fuzz.h"
#include "json/check.h"
#include "webhooks/body.h"
#include "webhooks/media-type.h"

#define MAX_BODY 20000

static const struct {
        const char *type, *encoding;
} kinds[] = {
        { "application/x-www-form-urlencoded", NULL   },
        { "multipart/form-data; boundary=B",   NULL   },
        { "application/json",                  NULL   },
        { "application/json",                  "gzip" },
};

/* The header itself, as a stranger may write it. */
static void read_header(Text header) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text value = media_value(header), parameter = media_parameter(header, "boundary", &arena);

        FUZZ_CHECK(value.length <= header.length);
        FUZZ_CHECK(parameter.length <= header.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        const char *problem = NULL;
        Text json = TEXT_NULL;
        JsonKind kind;
        int r;

        if (size == 0)
                return 0;

        const size_t which = data[0] % ELEMENTSOF(kinds);
        const BodySource source = {
                .content_type = text_of(kinds[which].type),
                .content_encoding = text_of(kinds[which].encoding),
                .bytes = text_make(data + 1, size - 1),
                .max = MAX_BODY,
        };

        read_header(source.bytes);
        r = body_read(&source, &arena, &buffer, &json, &problem);
        FUZZ_CHECK(r == 0 || r == -EMSGSIZE || (r == -EBADMSG && problem));
        if (r < 0)
                return 0;

        FUZZ_CHECK(json.length <= MAX_BODY + 10);
        FUZZ_CHECK(json_check(json, &kind, NULL) == 0 && kind == JSON_OBJECT);
        return 0;
}
