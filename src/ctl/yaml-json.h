/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * YAML, as JSON: what a kickstart file says, in the form the rest of the program reads.
 */

#include "basic/buffer.h"
#include "basic/text.h"

/* Appends the only document of `yaml` as JSON. Plain scalars follow YAML 1.2's core schema (null, true,
 * false, numbers), quoted ones are strings; keys must be scalars. Aliases are expanded up to a bound.
 * -EBADMSG with a message in `ret_message`. What was appended then is no JSON. */
int yaml_to_json(Text yaml, Buffer *json, Buffer *ret_message);
