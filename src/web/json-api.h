/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows as JSON:API resources: what a resource is called, which of its columns are attributes, and which name
 * others.
 */

#include "db/rows.h"
#include "json/writer.h"
#include "serve/call.h"
#include "web/page.h"

typedef enum AttributeType {
        ATTRIBUTE_TEXT,
        ATTRIBUTE_UUID,
        ATTRIBUTE_JSON,                 /* text that is JSON */
        ATTRIBUTE_TIME,                 /* microseconds */
        ATTRIBUTE_TIME_SEC,
} AttributeType;

/* The column has the attribute's name. */
typedef struct Attribute {
        const char *name;
        AttributeType type;
} Attribute;

typedef struct Relationship {
        const char *name;
        const char *type;
        const char *column;
} Relationship;

typedef struct Resource {
        const char *type;               /* and where it is found: /api/<type>/<id> */
        const Attribute *attributes;    /* ends with {} */
        const Relationship *relationships;      /* ends with {}; NULL: neither these nor links */
} Resource;

int resource_reply_list(Call *call, const Resource *resource, const Page *page, const Rows *rows,
                        uint64_t total);
int resource_reply_one(Call *call, const Resource *resource, const Rows *rows);
/* The same with a status: 201 of what is new. */
int resource_reply_saved(Call *call, const Resource *resource, const Rows *rows, unsigned status);

/* A JSON reply that caches keep to themselves. */
int reply_json(Call *call, unsigned status, Buffer *body);
/* The same with a secret in it: nobody keeps it. */
int reply_secret_json(Call *call, unsigned status, Buffer *body);
