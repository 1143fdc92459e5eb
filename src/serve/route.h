/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Routes: one table per daemon. A row names method, pattern, stages, authentication, right, body limit and
 * reply schema. A row without a right is refused when the daemon starts and by a static test: who may is
 * said, never assumed.
 */

#include <stdio.h>

#include "serve/call.h"

typedef enum Right {
        RIGHT_UNDECLARED = 0,           /* refused at start: a route must say who may */
        RIGHT_PUBLIC,                   /* anyone, on purpose */
        RIGHT_AUTHENTICATED,            /* any user; the data layer scopes what is seen */
        RIGHT_SUPERUSER,                /* superusers: the data layer checks */
        RIGHT_READ_PROJECT,             /* member of the project: the data layer checks */
        RIGHT_USE_COLLECTION,           /* member of its project, or a run of it: the data layer checks */
        RIGHT_READ_DOCUMENT,            /* the project as a document: "rights" in the database says who */
        RIGHT_WRITE_DOCUMENT,           /* the same; a project that is not there yet: superusers */
        RIGHT_EDIT_WORKFLOWS,
        RIGHT_RUN_WORKFLOW,
        RIGHT_EDIT_PROJECT,             /* a project that is not there yet: superusers */
        RIGHT_MANAGE_COLLECTIONS,
        RIGHT_MANAGE_MEMBERS,
        RIGHT_OWN_CREDENTIAL,           /* its owner: the data layer checks */
        _RIGHT_MAX,
} Right;

typedef enum Auth {
        AUTH_NONE,
        AUTH_TOKEN,                     /* Authorization: Bearer, a personal access token */
        AUTH_TOKEN_OR_RUN,              /* the same, or a run's token */
        AUTH_SESSION,                   /* a cookie; what is no GET also needs x-csrf-token */
        AUTH_SESSION_OR_TOKEN,          /* what Authorization says, without it the cookie */
        _AUTH_MAX,
} Auth;

typedef struct Route {
        const char *method;             /* "GET" serves HEAD too */
        const char *pattern;            /* "/api/runs/{id}", "{rest...}" matches what is left, also nothing */
        const Stage *stages;
        size_t size;                    /* of the handler's struct */
        Auth auth;
        Right right;
        size_t max_body;                /* bytes; 0: none accepted (with GET and DELETE: none looked at) */
        const char *schema;             /* file in src/schema/, for tests; NULL: no JSON */
        uint64_t deadline_usec;         /* 0: 30 s */
        bool keeps_packed;              /* call_body() is what came; else gzip is unpacked once it is known who asks, as far as
                                         * bodies may go */
} Route;

/* -EINVAL and a log line for the first bad row. The table ends with {}. */
int routes_check(const Route *routes);
/* 0 and the row and decoded values; -ENOENT: no such path; -EOPNOTSUPP: known path, other method;
 * -EBADMSG: broken escapes, NUL or no UTF-8. A literal segment beats {param}, which beats {rest...}, from
 * the left. Empty segments do not count: "/api//runs/" is "/api/runs". Values live in the arena or point
 * into `path`. */
int route_find(const Route *routes, Text method, Text path, Arena *arena, const Route **ret_route,
               Text values[static CALL_MAX_PATH_VALUES]);
/* Does all of the above for a request: CORS, request id, OPTIONS, 404, body limit, 406, authentication,
 * then the stages. */
void route_serve(Service *service, const Route *routes, HttpRequest *request);
/* "read-project"; as routes_print() shows it. */
const char *right_name(Right right);
void routes_print(const Route *routes, FILE *stream);
