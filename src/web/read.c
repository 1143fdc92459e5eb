/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading, the same for every kind of resource.
 *
 * One batch holds what is asked for and, when a project or an item is named, the question whether the user
 * may look into that project. The statements for the content ask again by themselves: the question is
 * there for the error alone, 404 for what does not exist and a refusal for what does.
 */

#include "web/read.h"

#include "db/pool.h"
#include "serve/route.h"
#include "serve/service.h"
#include "serve/session.h"

/* -- who and what ------------------------------------------------------------------------------------ */

int read_user(Read *read) {
        const Principal *principal = read->call.principal;

        /* Tokens of other kinds own nothing that is read here. */
        if (!principal || principal->kind != PRINCIPAL_USER)
                return -EACCES;

        read->filter.user_id = principal->user_id;
        read->access = read->rows = read->count = READ_NONE;
        return CALL_NEXT;
}

int read_path_id(Call *call, const char *name, Uuid *ret_id) {
        Text rest = text_of(call->route->pattern), segment;
        size_t n = 0;

        while (text_split(&rest, '/', &segment)) {
                if (!text_starts_with(segment, "{"))
                        continue;
                if (text_is(text_make(segment.data + 1, segment.length - 2), name))
                        return uuid_parse(call_path_value(call, n), ret_id) < 0 ? -EBADMSG : 0;
                n++;
        }

        return -ENOENT;
}

/* Many routes are there with and without a project. */
static int read_project(Read *read) {
        int r;

        r = read_path_id(&read->call, "project_id", &read->filter.project_id);
        return r == -ENOENT ? 0 : r;
}

/* -- filters ------------------------------------------------------------------------------------------- */

static int refuse_filter(Call *call, const char *name, const char *what) {
        return call_reply_error(call, 400, arena_printf(&call->arena, "%s is not %s", name, what));
}

static bool is_level(Text text) {
        static const char *const levels[] = { "success", "always", "info", "warn", "error", "debug" };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (text_is(text, levels[i]))
                        return true;

        return false;
}

static int read_time(Text text, uint64_t *ret_usec) {
        uint64_t usec;
        int r;

        r = clock_parse_iso(text, &usec);
        if (r < 0)
                return r;

        *ret_usec = MAX(usec, 1);       /* 0 would be no filter */
        return 0;
}

static int read_filter(Read *read, const Filter *filter) {
        void *target = (char *) &read->filter + filter->offset;
        Text text = call_query(&read->call, filter->name);

        if (!text.data)
                return CALL_NEXT;

        switch (filter->type) {
        case FILTER_TIME:
                if (read_time(text, target) < 0)
                        return refuse_filter(&read->call, filter->name, "a valid ISO 8601 datetime");
                break;
        case FILTER_UUID:
                if (uuid_parse(text, target) < 0)
                        return refuse_filter(&read->call, filter->name, "a valid UUID");
                break;
        case FILTER_LEVEL:
                if (!is_level(text))
                        return refuse_filter(&read->call, filter->name,
                                             "one of success, always, info, warn, error, debug");
                *(Text *) target = text;
                break;
        }

        return CALL_NEXT;
}

int read_filters(Read *read, const Filter *filters) {
        for (const Filter *filter = filters; filter && filter->name; filter++) {
                int r;

                r = read_filter(read, filter);
                if (r != CALL_NEXT)
                        return r;
        }

        return CALL_NEXT;
}

/* -- access ------------------------------------------------------------------------------------------- */

const Rows *read_rows(const Read *read, size_t statement) {
        return read->call.result.rows[statement];
}

int read_check_access(Read *read, int refusal) {
        if (read->access == READ_NONE)
                return 0;

        switch (access_read(read_rows(read, read->access))) {
        case ACCESS_E_UNKNOWN:
                return -ENOENT;
        case ACCESS_E_REFUSED:
                return refusal;
        default:
                return 0;
        }
}

/* -- lists -------------------------------------------------------------------------------------------- */

static int read_list_parameters(Read *read, const Reader *reader) {
        int r;

        r = read_user(read);
        if (r != CALL_NEXT)
                return r;
        r = page_read(&read->call, &read->page);
        if (r != CALL_NEXT)
                return r;
        r = read_filters(read, reader->filters);
        if (r != CALL_NEXT)
                return r;

        return read_project(read);
}

int read_ask_list(Call *call, const Reader *reader) {
        Read *read = container_of(call, Read, call);
        Batch *batch;
        int r;

        r = read_list_parameters(read, reader);
        if (r != CALL_NEXT)
                return r;

        batch = batch_new(&call->arena, BATCH_READ | reader->flags);
        if (reader->begin)
                reader->begin(batch, &read->filter);
        if (!uuid_is_null(&read->filter.project_id))
                read->access = project_access(batch, &read->filter.user_id, &read->filter.project_id);
        read->rows = reader->list(batch, &read->filter, page_slice(&read->page));
        read->count = reader->count(batch, &read->filter);
        return db_try(call, batch);
}

/* Some filters find next to nothing in a long history. Who uses one can do something about it. */
static int check_list(Call *call) {
        int error = call->result.error;

        if (error == -ETIMEDOUT && pool_is_up(call->service->pool))
                (void) call_reply_error(call, 504, "this took too long: narrow the list by time or project");

        return error;
}

int read_reply_list(Call *call, const Reader *reader) {
        Read *read = container_of(call, Read, call);
        const Rows *rows, *count;
        uint64_t n_counted;
        int r;

        r = check_list(call);
        if (r < 0)
                return r;
        r = read_check_access(read, reader->refusal);
        if (r < 0)
                return r;

        rows = read_rows(read, read->rows);
        count = read_rows(read, read->count);
        n_counted = (uint64_t) rows_int(count, 0, rows_column(count, "n"));
        return resource_reply_list(call, &reader->resource, &read->page, rows,
                                   page_total(&read->page, n_counted, rows_count(rows)));
}

/* -- items -------------------------------------------------------------------------------------------- */

static int read_item_parameters(Read *read) {
        int r;

        r = read_user(read);
        if (r != CALL_NEXT)
                return r;
        r = read_project(read);
        if (r < 0)
                return r;

        return read_path_id(&read->call, "id", &read->id);
}

int read_ask_item(Call *call, const Reader *reader) {
        Read *read = container_of(call, Read, call);
        const Uuid *user_id = &read->filter.user_id, *project_id = &read->filter.project_id;
        Batch *batch;
        int r;

        r = read_item_parameters(read);
        if (r < 0)
                return r;

        batch = batch_new(&call->arena, BATCH_READ);
        read->access = uuid_is_null(project_id) ? reader->access(batch, user_id, &read->id)
                                                : project_access(batch, user_id, project_id);
        read->rows = reader->get(batch, user_id, project_id, &read->id);
        return db_commit(call, batch);
}

int read_reply_item(Call *call, const Reader *reader) {
        Read *read = container_of(call, Read, call);
        int r;

        r = read_check_access(read, reader->refusal);
        if (r < 0)
                return r;
        if (rows_count(read_rows(read, read->rows)) == 0)
                return -ENOENT;

        return resource_reply_one(call, &reader->resource, read_rows(read, read->rows));
}
