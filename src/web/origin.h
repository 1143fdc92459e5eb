/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a request comes from: which page, which address.
 */

#include "serve/call.h"

/* A page of somebody else has made the browser send it. What is no browser says nothing and is not meant. */
bool origin_is_foreign(Call *call);

/* Whose address it is, for counting: the peer's, or what a proxy on this machine says of its client, as the last in
 * X-Forwarded-For. IPv6: the network, which is one customer's. In the arena. */
Text origin_address(Call *call);
