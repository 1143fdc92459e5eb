/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paging: which rows are asked for, and the links to the others.
 */

#include "web/page.h"

#include "basic/parse.h"
#include "web/web.h"

#define DEFAULT_SIZE 10
#define MAX_SIZE 100

/* Pages are found by counting rows from the start. Who wants all of a long history asks for it by time. */
#define MAX_OFFSET 1000000

/* -- what is asked for ----------------------------------------------------------------------------- */

/* The original's framework refuses the whole request for one broken escape; so nothing that was meant as a
 * filter is ever overlooked. */
int page_check_query(Call *call) {
        Text rest = call_request(call) ? http_query(call_request(call)) : TEXT_NULL, part, name, decoded;

        while (text_split(&rest, '&', &part))
                while (text_split(&part, '=', &name))
                        if (parse_percent(name, true, &call->arena, &decoded) < 0)
                                return -EBADMSG;

        return 0;
}

/* -ERANGE: more than fits. */
static int read_number(Call *call, const char *name, uint64_t fallback, uint64_t *ret_number) {
        Text text = call_query(call, name);
        uint64_t number = 0;
        int r;

        r = text.data ? parse_u64(text, &number) : 0;
        if (r == -ERANGE)
                return r;

        *ret_number = r < 0 || number == 0 ? fallback : number;
        return 0;
}

int page_read(Call *call, Page *ret_page) {
        Text query = call_request(call) ? http_query(call_request(call)) : TEXT_NULL;
        Page page = { .query = arena_text(&call->arena, query) };
        int r;

        r = page_check_query(call);
        if (r < 0)
                return r;

        r = read_number(call, "page_size", DEFAULT_SIZE, &page.size);
        page.size = r < 0 ? MAX_SIZE : MIN(page.size, MAX_SIZE);

        r = read_number(call, "page", 1, &page.number);
        if (r < 0 || page.number - 1 > MAX_OFFSET / page.size)
                return call_reply_error(call, 400,
                                        "page is too far from the first one: narrow the list by time");

        *ret_page = page;
        return CALL_NEXT;
}

static uint64_t offset(const Page *page) {
        return (page->number - 1) * page->size;
}

Slice page_slice(const Page *page) {
        return (Slice) { .offset = (int64_t) offset(page), .n = (int64_t) page->size + 1 };
}

uint64_t page_total(const Page *page, uint64_t n_counted, size_t n_rows) {
        return n_rows > 0 ? MAX(n_counted, offset(page) + n_rows) : n_counted;
}

/* -- links ------------------------------------------------------------------------------------------ */

const char *url_base(const Call *call) {
        const Web *web = call->service->state;

        return web->base_url;
}

/* Values were read as UUIDs before they get here: nothing in them needs an escape. */
void url_append_self(Call *call, Buffer *buffer) {
        Text rest = text_of(call->route->pattern), segment;
        size_t n_values = 0;

        buffer_append_string(buffer, url_base(call));
        (void) text_split(&rest, '/', &segment);        /* nothing stands before the first slash */
        while (text_split(&rest, '/', &segment)) {
                buffer_append_byte(buffer, '/');
                buffer_append_text(buffer, segment.length > 0 && segment.data[0] == '{'
                                                   ? call_path_value(call, n_values++)
                                                   : segment);
        }
}

/* As it came, but nothing that a URL must not hold. */
static void append_query_part(Buffer *buffer, Text part) {
        for (size_t i = 0; i < part.length; i++) {
                unsigned char c = (unsigned char) part.data[i];

                if (c <= ' ' || c >= 0x7f || strchr("\"'<>\\^`{|}", c))
                        buffer_printf(buffer, "%%%02X", c);
                else
                        buffer_append_byte(buffer, (char) c);
        }
}

static bool is_page(Call *call, Text part) {
        Text name, decoded;

        return text_split(&part, '=', &name) &&
               parse_percent(name, true, &call->arena, &decoded) == 0 && text_is(decoded, "page");
}

/* Without a number: the query as it came. The original ends the address in "?" when there was none. */
static void write_link(Call *call, JsonWriter *w, const char *key, const Page *page, uint64_t number) {
        _cleanup_(buffer_deinit) Buffer url = BUFFER_NULL;
        Text rest = page->query, part;
        char separator = '?';

        url_append_self(call, &url);
        while (text_split(&rest, '&', &part)) {
                if (part.length == 0 || (number > 0 && is_page(call, part)))
                        continue;
                buffer_append_byte(&url, separator);
                append_query_part(&url, part);
                separator = '&';
        }
        if (number > 0)
                buffer_printf(&url, "%cpage=%llu", separator, (unsigned long long) number);
        else if (separator == '?')
                buffer_append_byte(&url, separator);

        json_text(w, key, buffer_text(&url));
}

static void write_link_or_null(Call *call, JsonWriter *w, const char *key, const Page *page,
                               uint64_t number) {
        if (number > 0)
                write_link(call, w, key, page, number);
        else
                json_null(w, key);
}

void page_write(Call *call, const Page *page, uint64_t total, JsonWriter *w) {
        uint64_t n_pages = MAX((total + page->size - 1) / page->size, 1);

        json_begin(w, "meta");
        json_int(w, "total_entries", (int64_t) total);
        json_int(w, "total_pages", (int64_t) n_pages);
        json_int(w, "page_number", (int64_t) page->number);
        json_int(w, "page_size", (int64_t) page->size);
        json_end(w);

        json_begin(w, "links");
        write_link(call, w, "self", page, 0);
        write_link(call, w, "first", page, 1);
        write_link(call, w, "last", page, n_pages);
        write_link_or_null(call, w, "next", page, page->number < n_pages ? page->number + 1 : 0);
        write_link_or_null(call, w, "prev", page, MIN(page->number - 1, n_pages));
        json_end(w);
}
