/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cookie of a session, and what else a browser says of where a request comes from.
 */

#include "domain/session.h"
#include "serve/call.h"

/* The original's name. */
#define SESSION_COOKIE "_lightning_key"
/* Of who has shown the password, and the second factor not yet. */
#define TWO_FACTOR_COOKIE "_lightning_two_factor"

/* The value of a request's cookie, in the arena. -ENOENT: there is none, or several of that name: which one counts is
 * anybody's guess. */
int cookie_read(Call *call, const char *name, Text *ret_value);
/* `seconds` 0: until the browser is closed. */
void cookie_set(Call *call, const char *name, Text value, uint64_t seconds);
void cookie_clear(Call *call, const char *name);

/* A secret of SESSION_SECRET_SIZE. -ENOENT: none that could be one. */
int secret_cookie_read(Call *call, const char *name, Text *ret_secret);
void secret_cookie_set(Call *call, const char *name, Text secret, uint64_t seconds);

/* The session's secret, in the arena. -ENOENT: none that could be one. */
int session_cookie_read(Call *call, Text *ret_secret);
void session_cookie_set(Call *call, const NewSession *session);
/* In the arena. */
Text session_new_secret(Call *call);
