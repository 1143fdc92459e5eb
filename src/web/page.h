/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paging as the API has it: `page` and `page_size` in, `meta` and links out. Links are made of the public
 * address, never of the request's Host, and keep all other parameters.
 */

#include "domain/project.h"
#include "json/writer.h"
#include "serve/call.h"

typedef struct Page {
        uint64_t number, size;          /* from 1 */
        Text query;                     /* as it came, in the call's arena */
} Page;

/* What is no number counts as absent. CALL_NEXT, or an error was answered: CALL_DONE, -EBADMSG for a query
 * that cannot be decoded. */
int page_read(Call *call, Page *ret_page);
/* 0, or -EBADMSG as above. */
int page_check_query(Call *call);

/* The rows to fetch: one more than are shown, which tells whether there is a next page. */
Slice page_slice(const Page *page);

/* Where counting stopped, the rows themselves know more. */
uint64_t page_total(const Page *page, uint64_t n_counted, size_t n_rows);

/* "meta" and "links" of a list. */
void page_write(Call *call, const Page *page, uint64_t total, JsonWriter *w);

/* "https://host/api/runs": the route's pattern with the call's values. */
void url_append_self(Call *call, Buffer *buffer);
/* "https://host" */
const char *url_base(const Call *call);
