/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Other people's programs, without a shell, found by $PATH.
 */

#include <stdbool.h>

#include "basic/buffer.h"

/* The exit status, or -errno (-EIO: killed by a signal; -EFBIG: more input than fits into a pipe). `input` goes
 * to standard input; what it writes, to the descriptor `output` (-1: nowhere). `quiet`: its complaints are
 * dropped, too. */
int program_run(const char *const argv[], Text input, int output, bool quiet);
/* The same, without input and complaints; what it wrote, at most 1 MiB (-EFBIG beyond), is appended. It stays
 * in memory and is wiped only by the caller. */
int program_output(const char *const argv[], Buffer *ret_output);
