/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A fuzz target: takes any bytes, ends the process (FUZZ_CHECK) when something does not hold. Returns 0.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(expression)                                                                     \
        do {                                                                                       \
                if (!(expression)) {                                                               \
                        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #expression); \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
