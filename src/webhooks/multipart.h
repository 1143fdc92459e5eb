/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * multipart/form-data as JSON. Fields become strings, names nest as in other forms (form.h). A file becomes
 * an object:
 *
 *      {"filename":"a.csv","content_type":"text/csv","encoding":"utf8","content":"…"}
 *
 * with encoding "base64" for what is not plain text. (The original keeps files on a disk of its own and then
 * fails to store their place; a job can only use what is in the dataclip.)
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

/* Appends the object. -EBADMSG: the parts are malformed; -EILSEQ: a field is not UTF-8; -E2BIG: too many. */
int multipart_read(Arena *arena, Text body, Text boundary, Buffer *json);
