/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who asks. A daemon gives its ServiceConfig the stages that find it out (`authenticate`); they run before
 * those of a route with authentication, end with call->principal set, or with -EKEYREJECTED: 401.
 */

#include "serve/call.h"

typedef enum PrincipalKind {
        PRINCIPAL_USER,                 /* a session or a personal access token */
        PRINCIPAL_RUN,                  /* a run token: what its project may */
        PRINCIPAL_PROJECT,              /* a repository connection's token: this one project */
} PrincipalKind;

typedef struct Principal {
        PrincipalKind kind;
        Uuid user_id;                   /* PRINCIPAL_USER */
        Uuid run_id;                    /* PRINCIPAL_RUN */
        Uuid project_id;                /* PRINCIPAL_PROJECT, and a run's */
        Uuid session_id;                /* of a user who is logged in; UUID_NULL: asks with a token */
        bool superuser;
} Principal;

/* Copies `principal` to the call's arena and puts its id into the journal's fields. */
void session_set_principal(Call *call, const Principal *principal);

/* The token of `Authorization: Bearer <token>`, in the call's arena. -EKEYREJECTED: no such header,
 * several of them, or another scheme. */
int session_bearer(Call *call, Text *ret_token);
