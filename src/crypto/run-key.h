/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of crypto/: what a RunKey is made of.
 */

#include <openssl/evp.h>

#include "crypto/jwt.h"

/* Bytes of a signature: up to 8192 bits. */
#define RUN_KEY_MAX_SIZE 1024

struct RunKey {
        EVP_PKEY *pkey;
};
