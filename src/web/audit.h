/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log in the API: the struct and the stages of its route.
 */

#include "domain/audit.h"
#include "serve/call.h"
#include "web/page.h"

typedef struct AuditCall {
        Call call;
        Page page;
        AuditFilter filter;
} AuditCall;

extern const Stage get_audit_events[];
