/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory for secrets: pages of their own, locked as long as the process lives and left out of core files.
 *
 * Locks count whole pages and do not add up, so that memory which is locked and unlocked piece by piece among
 * other data loses the lock with the first piece that is freed. Any thread may call.
 */

#include <stddef.h>

/* Zeroed; never NULL. Locking is a best effort: RLIMIT_MEMLOCK may not allow it, which is said once, for debugging. */
void *locked_new(size_t size);
/* Wipes it. `size`: as it was asked for. NULL is fine. */
void locked_free(void *memory, size_t size);
