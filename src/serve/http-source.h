/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP requests as a source of calls: the headers every reply carries, and who is asking for what kind of
 * reply.
 */

#include "serve/call.h"

extern const CallSource http_source;

/* Keeps the peer's x-request-id if it is a sensible one, else makes one; it goes back with the reply and
 * into the journal. */
void http_source_identify(Call *call);
/* The answer to a preflight: 204 and what browsers may do. */
void http_source_preflight(Call *call);

/* May the reply be JSON? True without an Accept header, for any type and for a JSON type. */
bool http_accepts_json(const HttpRequest *request);
/* Did the peer ask for JSON by name? Errors from before the routes are JSON only then. */
bool http_asks_for_json(const HttpRequest *request);
