/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls without a peer.
 */

#include "workers/background.h"

#include <errno.h>

static void nobody_replies(Call *call, unsigned status, Text body) {
}

static bool nobody_is_gone(const Call *call) {
        return false;
}

/* A database that is away is the pool's to report; the next time around will do. */
static void nobody_fails(Call *call, int error) {
        static const int passing[] = { -EAGAIN, -EBUSY, -ECANCELED, -ENOTCONN, -ENOTRECOVERABLE, -ETIMEDOUT };

        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                if (error == passing[i])
                        return;
        call_log_errno(call, LOG_ERR, error, NULL, "Background work failed: %m (%s)",
                       call->result.message ? call->result.message : "no message");
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
