/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls without a peer.
 */

#include "workers/background.h"

static void nobody_replies(Call *call, unsigned status, Text body) {
}

static bool nobody_is_gone(const Call *call) {
        return false;
}

/* Errors that are worth it have gone to the journal already. */
static void nobody_fails(Call *call, int error) {
}

static const CallSource nobody = {
        .reply = nobody_replies,
        .is_gone = nobody_is_gone,
        .fail = nobody_fails,
};

Call *background_new(Service *service, size_t size, const Stage *stages, uint64_t deadline_usec) {
        return call_new(service, &nobody, NULL, size, stages, deadline_usec);
}

int background_done(Call *call) {
        return call_reply(call, 200, TEXT_NULL);
}
