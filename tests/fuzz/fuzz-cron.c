/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cron expressions: what is accepted can be asked about any moment; what is refused says why and leaves the target alone.
 */

#include <errno.h>
#include <string.h>

#include "basic/clock.h"
#include "domain/cron.h"
#include "fuzz.h"

static void ask(const Cron *cron) {
        /* Month ends of three years, a leap year among them; then odd moments up to the end of time. */
        for (uint64_t day = 20000; day < 20000 + 3 * 366; day++)
                cron_matches(cron, day * 86400 * USEC_PER_SEC);
        for (unsigned shift = 0; shift < 64; shift++)
                cron_matches(cron, UINT64_MAX >> shift);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const Cron untouched = { .months = 77 };
        const char *message = NULL;
        Cron cron = untouched;
        int r;

        r = cron_parse(text_make(data, size), &cron, &message);
        if (r == 0) {
                FUZZ_CHECK(!message && size > 0 && size <= 255);
                FUZZ_CHECK(!memchr(data, 0, size));
                ask(&cron);
        } else
                FUZZ_CHECK(r == -EINVAL && message && memcmp(&cron, &untouched, sizeof cron) == 0);
        return 0;
}
