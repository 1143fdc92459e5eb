/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small bodies with secrets in them, JSON or a form: read into an arena that is wiped afterwards, the secrets taken out.
 */

#include "crypto/secret.h"
#include "serve/call.h"

#define SECRET_BODY_MAX (8 * 1024)

/* What a form holds or a JSON object says: a checked object in `arena`. A form's values are texts, `a[b]=c` is {"a":{"b":"c"}}.
 * -EBADMSG: neither. */
int secret_body_read(Call *call, Arena *arena, Text *ret_object, bool *ret_is_form);
/* Ends the arena, and what else has been copied of the body. */
void secret_body_wipe(Call *call, Arena *arena);
/* As json_read(); what is wrong is gathered for 422: -EINVAL. */
int secret_body_fields(Call *call, Arena *arena, Text object, const Field *fields, void *target);
/* A string as it is, whatever bytes. NULL in `value.data` or no string: gathered for 422, -EINVAL. */
int secret_body_secret(Call *call, Arena *arena, const char *field, Text value, Secret **ret_secret);
