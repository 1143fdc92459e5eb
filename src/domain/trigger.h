/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A webhook's trigger: where it is found, whether it is open, who may call it.
 */

#include <stdbool.h>

#include "basic/text.h"
#include "basic/uuid.h"
#include "db/batch.h"
#include "domain/webhook-auth.h"

/* What the first two segments behind /i/ may mean; see trigger.sql for the order. */
typedef struct TriggerAddress {
        Uuid first_id;                  /* a trigger's, or a project's in front of a custom path; or UUID_NULL */
        Text custom_path;               /* the second segment; TEXT_NULL */
        Text bare_path;                 /* the first segment when it is no id; TEXT_NULL */
} TriggerAddress;

#define TRIGGER_PATH_MAX 255

/* May that be a custom path? */
bool trigger_path_is_valid(Text path);
/* Reads two segments (decoded; `second` TEXT_NULL without one). -ENOENT: no trigger can have that address. */
int trigger_address_read(Text first, Text second, TriggerAddress *ret_address);

typedef struct Trigger {
        Uuid id, project_id, workflow_id;
        bool enabled;                   /* and neither workflow nor project are being deleted */
        bool reply_after_completion;
        bool any_rest;                  /* found by its id, whatever follows in the path */
        WebhookAuth auth;
        unsigned n_refs;
} Trigger;

/* One statement. */
size_t trigger_find(Batch *batch, const TriggerAddress *address);
/* Reads its result; the caller gets the first reference. -ENOENT: no such trigger. */
int trigger_read(const Rows *rows, const Vault *vault, Trigger **ret_trigger);

Trigger *trigger_ref(Trigger *trigger);
Trigger *trigger_unref(Trigger *trigger);       /* wipes the secrets with the last one */
DEFINE_CLEANUP(Trigger, trigger_unref);
