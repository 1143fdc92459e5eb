/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Request bodies that came compressed (Content-Encoding: gzip).
 */

#include "basic/buffer.h"
#include "basic/text.h"

/* Appends what was packed. -EMSGSIZE: more than `max` bytes; -EBADMSG: not gzip, damaged or cut off. */
int inflate_gzip(Text packed, size_t max, Buffer *plain);
