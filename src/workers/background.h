/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work that nobody waits for: a call without a peer. It is counted like any other, so the daemon does not
 * leave before it is done.
 */

#include "serve/call.h"

/* Like call_new(), and started with call_start(). `deadline_usec`: as there. */
Call *background_new(Service *service, size_t size, const Stage *stages, uint64_t deadline_usec);
/* The last stage's. */
int background_done(Call *call);
