/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials in the REST API (http-api 2.5): the struct and the stages of their routes.
 */

#include "domain/credential-save.h"
#include "serve/call.h"

#define CREDENTIAL_BODY_MAX (256 * 1024)        /* of a request */

typedef struct CredentialCall {
        Call call;
        Uuid user_id, project_id, id;   /* UUID_NULL: not in the address */
        NewCredential *new;             /* bodies are sealed within the stage that reads them */
        Text owner;                     /* PUT: an e-mail address; TEXT_NULL: not said */
        Batch *batch;                   /* what is to be stored */
        bool is_new;
        size_t found;                   /* the statement with the rows */
} CredentialCall;

extern const Stage get_credentials[], get_credential[], post_credential[], put_credential[], delete_credential[];
