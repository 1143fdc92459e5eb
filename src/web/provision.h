/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Provisioning (http-api 3): the stages of its routes, and the two forms a project document has.
 */

#include "domain/project-document.h"
#include "serve/call.h"

typedef struct ProvisionCall {
        Call call;
        Uuid user_id, project_id;
        Uuid *snapshot_ids;             /* of the query; none: the workflows as they are */
        size_t n_snapshot_ids;
        Text body;                      /* what a client sends: a checked JSON object */
        ProjectDocument document;
        DocumentChange change;
        bool is_stored;
        bool is_yaml;
} ProvisionCall;

extern const Stage get_provision[], get_provision_yaml[], post_provision[];

/* {"data":{…}}; provision-json.c. */
void provision_write_json(const ProjectDocument *document, Buffer *buffer);
/* The first form of the command line's specification (http-api 3.7); provision-yaml.c. -EEXIST: two names make
 * one key, and *ret_message, in the arena, says which; -EINVAL: a text has no place in YAML. */
int provision_write_yaml(const ProjectDocument *document, Arena *arena, Buffer *buffer, const char **ret_message);
