/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paths of strangers: a row that is found serves the method, and its values hold no NUL and are UTF-8.
 */

#include <errno.h>

#include "fuzz.h"
#include "serve/route.h"

static int nothing(Call *call) {
        return CALL_DONE;
}

static const Stage stages[] = { nothing, NULL };

#define ROW(pattern) { "GET", pattern, stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC }

static const Route routes[] = {
        ROW("/"),
        ROW("/a"),
        ROW("/a/{x}"),
        ROW("/a/{x}/b/{y}"),
        ROW("/a/{x}/{y}/{z}/{u}"),
        ROW("/i/{rest...}"),
        ROW("/i/{x}/raw"),
        {}
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text values[CALL_MAX_PATH_VALUES] = {};
        const Route *route;
        int r;

        r = route_find(routes, TEXT("GET"), text_make(data, size), &arena, &route, values);
        FUZZ_CHECK(r == 0 || r == -ENOENT || r == -EBADMSG);
        if (r < 0)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                FUZZ_CHECK(text_is_utf8(values[i]));
                FUZZ_CHECK(values[i].length == 0 || !memchr(values[i].data, 0, values[i].length));
        }
        return 0;
}
