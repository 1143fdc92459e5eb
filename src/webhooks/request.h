/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The request as a job sees it: {"method":…,"path":[…],"query_params":{…},"headers":{…}} (http-api 1.7).
 * Written while the peer is there; its credentials follow when the trigger is known, because what is secret
 * in them depends on that.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "domain/webhook-auth.h"
#include "net/http.h"

typedef struct RequestPath {
        Text *segments;                 /* decoded, none empty */
        size_t n_segments;
} RequestPath;

/* -EBADMSG: a broken escape, NUL or no UTF-8. */
int request_read_path(const HttpRequest *request, Arena *arena, RequestPath *ret_path);

/* The headers that may hold secrets of the trigger. Of several equal ones the last is stored, but none is
 * trusted. */
typedef struct RequestCredentials {
        Text authorization, api_key;    /* TEXT_NULL without the header; in the arena */
        unsigned n_authorization, n_api_key;
} RequestCredentials;

void request_read_credentials(const HttpRequest *request, Arena *arena, RequestCredentials *ret_credentials);
WebhookCaller request_caller(const RequestCredentials *credentials);

/* Begins the object in `json`, with all headers but the credentials. -EBADMSG: the query cannot be read,
 * *ret_problem says why (arena). */
int request_begin(const HttpRequest *request, const RequestPath *path, Arena *arena, Buffer *json,
                  const char **ret_problem);
/* Ends it with the credentials, what is secret to `auth` taken out. */
void request_end(const RequestCredentials *credentials, const WebhookAuth *auth, Buffer *json);
