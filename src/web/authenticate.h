/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who asks: a personal access token, a run's token, or a session's cookie, as the route says.
 */

#include "serve/call.h"

/* Ends with call->principal. 401 for nobody; 403 for a change that a page of somebody else may have sent: it lacks
 * x-csrf-token, or the browser says so. */
extern const Stage authenticate[];
