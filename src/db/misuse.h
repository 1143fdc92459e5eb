/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A mistake in the program (a column that does not exist, a parameter too many): said once, then the end.
 * Such a mistake does not depend on what a peer sends, so the first test that passes there finds it.
 */

#include "basic/macros.h"
#include "log/log.h"

#define db_misuse(...)                                                                             \
        do {                                                                                       \
                log_error(__VA_ARGS__);                                                            \
                abort();                                                                           \
        } while (0)
