/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How often and how long the database is tried again (http-api 1.6, WEBHOOK_RETRY_*).
 */

#include <stdbool.h>

#include "settings/settings.h"

/* What may pass by itself: the database is away, starting, full, or has not been migrated yet. Anything
 * else is about the batch, and trying again would not help. */
bool retry_may_help(int error);

/* The delay before try number `n_tries` + 1; false when that was the last one. */
bool retry_delay(const Settings *settings, unsigned n_tries, uint64_t *ret_usec);

/* Seconds a refused caller is asked to wait: Retry-After. */
uint64_t retry_after_sec(const Settings *settings);

/* How long a request may wait for the database in all. Never so short that a commit in its usual time
 * would be late. */
uint64_t retry_patience_usec(const Settings *settings);
