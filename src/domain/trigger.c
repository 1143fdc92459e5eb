/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Triggers, from an address to who may call.
 */

#include <errno.h>

#include "domain/sql.h"
#include "domain/trigger.h"

/* -- addresses ---------------------------------------------------------------------------------------- */

static bool is_path_character(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool trigger_path_is_valid(Text path) {
        if (path.length == 0 || path.length > TRIGGER_PATH_MAX)
                return false;

        for (size_t i = 0; i < path.length; i++)
                if (!is_path_character(path.data[i]))
                        return false;
        return true;
}

int trigger_address_read(Text first, Text second, TriggerAddress *ret_address) {
        TriggerAddress address = { .custom_path = TEXT_NULL, .bare_path = TEXT_NULL };

        if (uuid_parse(first, &address.first_id) >= 0) {
                if (trigger_path_is_valid(second))
                        address.custom_path = second;
        } else if (trigger_path_is_valid(first))
                address.bare_path = first;
        else
                return -ENOENT;

        *ret_address = address;
        return 0;
}

size_t trigger_find(Batch *batch, const TriggerAddress *address) {
        return batch_add(batch, &SQL_TRIGGER_FIND, P_UUID(&address->first_id), P_TEXT(address->custom_path),
                         P_TEXT(address->bare_path));
}

/* -- rows --------------------------------------------------------------------------------------------- */

static const Column trigger_columns[] = {
        { "id",                     COLUMN_UUID, offsetof(Trigger, id)                     },
        { "project_id",             COLUMN_UUID, offsetof(Trigger, project_id)             },
        { "workflow_id",            COLUMN_UUID, offsetof(Trigger, workflow_id)            },
        { "enabled",                COLUMN_BOOL, offsetof(Trigger, enabled)                },
        { "reply_after_completion", COLUMN_BOOL, offsetof(Trigger, reply_after_completion) },
        { "any_rest",               COLUMN_BOOL, offsetof(Trigger, any_rest)               },
        {}
};

static const Column method_columns[] = {
        { "method_id",  COLUMN_UUID, offsetof(SealedWebhookAuth, id)         },
        { "project_id", COLUMN_UUID, offsetof(SealedWebhookAuth, project_id) },
        { "auth_type",  COLUMN_TEXT, offsetof(SealedWebhookAuth, type)       },
        { "username",   COLUMN_TEXT, offsetof(SealedWebhookAuth, username)   },
        { "password",   COLUMN_TEXT, offsetof(SealedWebhookAuth, password)   },
        { "api_key",    COLUMN_TEXT, offsetof(SealedWebhookAuth, api_key)    },
        { "retired",    COLUMN_BOOL, offsetof(SealedWebhookAuth, retired)    },
        {}
};

int trigger_read(const Rows *rows, const Vault *vault, Trigger **ret_trigger) {
        _cleanup_(trigger_unrefp) Trigger *trigger = NULL;

        if (rows_count(rows) == 0)
                return -ENOENT;

        trigger = xnew(Trigger, 1);
        trigger->n_refs = 1;
        row_read(rows, 0, trigger_columns, NULL, trigger);

        for (size_t i = 0; i < rows_count(rows); i++) {
                SealedWebhookAuth sealed = {};

                row_read(rows, i, method_columns, NULL, &sealed);
                if (!uuid_is_null(&sealed.id))
                        webhook_auth_add(&trigger->auth, vault, &sealed);
        }

        *ret_trigger = TAKE_PTR(trigger);
        return 0;
}

/* -- life --------------------------------------------------------------------------------------------- */

Trigger *trigger_ref(Trigger *trigger) {
        trigger->n_refs++;
        return trigger;
}

Trigger *trigger_unref(Trigger *trigger) {
        if (!trigger || --trigger->n_refs > 0)
                return NULL;

        webhook_auth_deinit(&trigger->auth);
        free(trigger);
        return NULL;
}
