/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Guesses.
 */

#include "domain/attempt.h"

#include "domain/sql.h"

/* Nobody mistypes a password 20 times, and 20 guesses a quarter of an hour find none. Behind one address may be a whole
 * office, of which only the guesses that were wrong count. */
static const struct {
        const char *name;
        int64_t allowed;
} kinds[_ATTEMPT_KIND_MAX] = {
        [ATTEMPT_EMAIL] = { "email", 20 },
        [ATTEMPT_ADDRESS] = { "address", 100 },
        [ATTEMPT_PASSWORD] = { "password", 20 },
        /* Three of a million codes are right. */
        [ATTEMPT_CODE] = { "code", 5 },
};

static Text subject(Batch *batch, AttemptKind kind, Text whose) {
        return text_of(arena_printf(batch->arena, "%s %.*s", kinds[kind].name, (int) whose.length, whose.data));
}

size_t attempt_count(Batch *batch, AttemptKind kind, Text whose) {
        return batch_add(batch, &SQL_ATTEMPT_COUNT, P_TEXT(subject(batch, kind, whose)), P_INT(kinds[kind].allowed),
                         P_INT(ATTEMPT_SECONDS));
}

uint64_t attempt_wait_seconds(const Rows *rows) {
        return (uint64_t) rows_int(rows, 0, rows_column(rows, "wait_seconds"));
}

void attempt_forget(Batch *batch, AttemptKind kind, Text whose) {
        batch_add(batch, &SQL_ATTEMPT_FORGET, P_TEXT(subject(batch, kind, whose)));
}

void attempt_take_back(Batch *batch, AttemptKind kind, Text whose) {
        batch_add(batch, &SQL_ATTEMPT_TAKE_BACK, P_TEXT(subject(batch, kind, whose)));
}
