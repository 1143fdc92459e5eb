/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Header values of the form `value; name=token; name="quoted"`: Content-Type and Content-Disposition.
 */

#include "basic/arena.h"
#include "basic/text.h"

/* The part in front of the parameters, trimmed. */
Text media_value(Text header);
/* A parameter (names in any case), quotes and their escapes undone; TEXT_NULL without it. */
Text media_parameter(Text header, const char *name, Arena *arena);
