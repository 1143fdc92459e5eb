/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API's description of itself: OpenAPI 3.1, made of the table of routes and the schemas of src/schema.
 */

#include <stddef.h>

#include "serve/call.h"

/* {"workflow":{…},…}, made by tools/embed-schemas; without a NUL. */
extern const unsigned char openapi_schemas[];
extern const size_t openapi_schemas_length;

extern const Stage get_openapi[];
