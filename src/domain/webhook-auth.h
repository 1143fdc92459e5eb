/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How callers of a webhook prove who they are: user and password (Basic), or an API key. A trigger may have
 * several methods, any one that matches will do. A method that cannot be opened never matches, but it still
 * asks: a trigger whose methods are all unusable refuses everybody.
 */

#include <stdbool.h>
#include <stddef.h>

#include "basic/buffer.h"
#include "basic/text.h"
#include "basic/uuid.h"
#include "crypto/secret.h"
#include "crypto/vault.h"

typedef enum WebhookAuthType {
        WEBHOOK_AUTH_UNUSABLE,          /* its secrets do not open, or it is being deleted */
        WEBHOOK_AUTH_BASIC,
        WEBHOOK_AUTH_API_KEY,
} WebhookAuthType;

typedef struct WebhookAuthMethod {
        WebhookAuthType type;
        Secret *username, *password;
        Secret *token;                  /* base64 of username:password, as it stands in the header */
        Secret *api_key;
} WebhookAuthMethod;

typedef struct WebhookAuth {
        WebhookAuthMethod *methods;
        size_t n_methods;               /* 0: anybody may call */
} WebhookAuth;

/* As the database has it; texts are borrowed. */
typedef struct SealedWebhookAuth {
        Uuid id, project_id;
        Text type;
        Text username, password, api_key;
        bool retired;
} SealedWebhookAuth;

void webhook_auth_deinit(WebhookAuth *auth);
/* Adds one more. A method that does not open is logged and stays as one that never matches. */
void webhook_auth_add(WebhookAuth *auth, const Vault *vault, const SealedWebhookAuth *sealed);

/* What the caller sent: TEXT_NULL for a header that is missing. A header that came twice proves nothing:
 * give an empty text. */
typedef struct WebhookCaller {
        Text authorization, api_key;
} WebhookCaller;

enum {
        _WEBHOOK_AUTH_E_SUCCESS,
        WEBHOOK_AUTH_E_MISSING,         /* no credentials at all */
        WEBHOOK_AUTH_E_WRONG,
};

/* 0 or one of the above. Takes as long for a good caller as for a bad one, whichever method it is. */
int webhook_auth_check(const WebhookAuth *auth, const WebhookCaller *caller);

/* Appends a header's value with each secret of the methods in it replaced by [REDACTED]. `header`:
 * "authorization" or "x-api-key"; a caller's Basic credentials are replaced however they were encoded when
 * they are right. */
void webhook_auth_redact(const WebhookAuth *auth, Text value, Buffer *buffer);
