/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Forms and query strings as JSON: `a=1&b[c]=2&d[]=3` is {"a":"1","b":{"c":"2"},"d":["3"]}. What happens when
 * names contradict each other is the original's rule (Plug 1.18): of equal names the last one counts, and
 * what stands last in a name's brackets decides whether they hold a list or an object; what does not fit is
 * dropped.
 */

#include <stdbool.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/text.h"

#define FORM_MAX_FIELDS 50000
#define FORM_MAX_DEPTH 64               /* brackets of one name */

typedef struct Form Form;

/* All of it lives in the arena; names and values are borrowed until form_write(). */
Form *form_new(Arena *arena);
/* -E2BIG: too many fields, too many brackets. `value` is text, or JSON when `is_json`. */
int form_add(Form *form, Text name, Text value, bool is_json);
/* Appends the object. */
void form_write(const Form *form, Buffer *json);

/* Reads `name=value&…` and appends the object. Empty parts do not count; a name without '=' has an empty
 * value. -EINVAL: a broken escape; -EILSEQ: not UTF-8; -E2BIG. */
int form_read_urlencoded(Arena *arena, Text text, Buffer *json);
/* For people: what a negative result of the above means. */
const char *form_problem(int error);
