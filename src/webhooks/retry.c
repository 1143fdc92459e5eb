/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The retry policy: exponential, with a bound and some jitter, so that those who failed together do not come
 * back together.
 */

#include <errno.h>

#include "basic/clock.h"
#include "basic/uuid.h"
#include "webhooks/retry.h"

#define PATIENCE_MIN_USEC (1 * USEC_PER_SEC)

bool retry_may_help(int error) {
        switch (error) {
        case -ENOTCONN:
        case -ETIMEDOUT:
        case -EAGAIN:
        case -EBUSY:
        case -EROFS:
        case -ENOSPC:
        case -ENOMEM:
        case -ENOTRECOVERABLE:
                return true;
        default:
                return false;
        }
}

/* Between 0 and 1. */
static double roll(void) {
        Uuid random = uuid_random();

        return ((random.bytes[14] << 8) | random.bytes[15]) / 65536.0;
}

bool retry_delay(const Settings *settings, unsigned n_tries, uint64_t *ret_usec) {
        double msec = (double) settings->webhook_retry_initial_delay_msec;

        if (n_tries >= settings->webhook_retry_max_attempts)
                return false;

        for (unsigned i = 1; i < n_tries && msec < (double) settings->webhook_retry_max_delay_msec; i++)
                msec *= settings->webhook_retry_backoff_factor;
        if (msec > (double) settings->webhook_retry_max_delay_msec)
                msec = (double) settings->webhook_retry_max_delay_msec;
        if (settings->webhook_retry_jitter)
                msec += roll() * msec / 4;

        *ret_usec = (uint64_t) (msec * USEC_PER_MSEC);
        return true;
}

uint64_t retry_after_sec(const Settings *settings) {
        return MAX(settings->webhook_retry_timeout_msec / 1000, (uint64_t) 1);
}

uint64_t retry_patience_usec(const Settings *settings) {
        return MAX(settings->webhook_retry_timeout_msec * USEC_PER_MSEC, PATIENCE_MIN_USEC);
}
