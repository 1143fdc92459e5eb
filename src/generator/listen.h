/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LISTEN_ADDRESS and PORT, as the environment file gives them, as a drop-in for fulgur-web.socket.
 */

#include "basic/buffer.h"
#include "basic/env-file.h"

enum {
        _LISTEN_E_SUCCESS,
        LISTEN_E_UNSET,         /* neither variable is set: the socket unit's own address stays */
};

/* Appends the drop-in to `text`; on -EINVAL the complaint instead, one line per bad variable. */
int listen_drop_in(const EnvFile *env, Buffer *text);
