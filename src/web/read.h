/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading a list or an item, the same for every kind of resource: parameters in, one batch, access before
 * content, rows out. A resource fills a Reader; its two pairs of stages call these.
 */

#include "domain/history.h"
#include "serve/call.h"
#include "web/json-api.h"

typedef enum FilterType {
        FILTER_TIME,                    /* ISO 8601 */
        FILTER_UUID,
        FILTER_LEVEL,                   /* of a log line */
} FilterType;

/* A query parameter and its member of HistoryFilter. */
typedef struct Filter {
        const char *name;
        FilterType type;
        size_t offset;
} Filter;

typedef struct Reader {
        Resource resource;
        const Filter *filters;          /* ends with {}; NULL: none */
        int refusal;                    /* what those get who are not members: -EACCES, -EKEYREJECTED */
        unsigned flags;                 /* of a list's batch */

        void (*begin)(Batch *batch, const HistoryFilter *filter);       /* of a list; may be NULL */
        size_t (*list)(Batch *batch, const HistoryFilter *filter, Slice slice);
        size_t (*count)(Batch *batch, const HistoryFilter *filter);

        /* of an item that is asked for without its project */
        size_t (*access)(Batch *batch, const Uuid *user_id, const Uuid *id);
        size_t (*get)(Batch *batch, const Uuid *user_id, const Uuid *project_id, const Uuid *id);
} Reader;

#define READ_NONE SIZE_MAX

/* The struct of all these calls. */
typedef struct Read {
        Call call;
        Page page;
        HistoryFilter filter;
        Uuid id;
        size_t access, rows, count;     /* numbers of statements */
        size_t elsewhere;               /* the one that knows whether a workflow is in another project */
} Read;

/* The stages: */
int read_ask_list(Call *call, const Reader *reader);
int read_reply_list(Call *call, const Reader *reader);
int read_ask_item(Call *call, const Reader *reader);
int read_reply_item(Call *call, const Reader *reader);

/* Their parts, for what is no JSON:API. Each returns what a stage returns. */

/* Who asks. */
int read_user(Read *read);
/* The id that stands for `name` in the path: 0, -ENOENT without one, -EBADMSG if it is none. */
int read_path_id(Call *call, const char *name, Uuid *ret_id);
int read_filters(Read *read, const Filter *filters);
/* 0, -ENOENT or `refusal`. */
int read_check_access(Read *read, int refusal);
const Rows *read_rows(const Read *read, size_t statement);
