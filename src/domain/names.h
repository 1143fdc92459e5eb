/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What things may be called (data-model 9.3, http-api 3.3). An empty name is none of these.
 */

#include <stdbool.h>

#include "basic/text.h"

bool name_is_project(Text name);                /* a-z 0-9 - */
bool name_is_job(Text name);                    /* letters, digits, space, _ - */
bool name_is_path(Text name);                   /* of a webhook: a-z 0-9 _ - */
bool name_is_collection(Text name);             /* words of a-z and 0-9 with single - _ . between them */
