/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of a sibling's reply. The sibling is one of ours, so this is no parser for the world; but it is as
 * careful, because a proxy that misunderstands is how requests get smuggled.
 */

#include <ctype.h>
#include <errno.h>

#include "basic/parse.h"
#include "net/forward-private.h"

#define MAX_HEAD (64 * 1024)

static int read_status(Text line, ReplyHead *head) {
        uint64_t status;
        int r;

        if (!text_starts_with(line, "HTTP/1.1 ") && !text_starts_with(line, "HTTP/1.0 "))
                return -EBADMSG;
        head->keeps_alive = line.data[7] == '1';

        if (line.length < 12)
                return -EBADMSG;
        r = parse_u64(text_make(line.data + 9, 3), &status);
        if (r < 0 || status < 100)
                return -EBADMSG;

        head->status = (unsigned) status;
        return 0;
}

static int note_header(ReplyHead *head, Text name, Text value) {
        uint64_t length;

        if (text_is(name, "content-length")) {
                if (head->content_length != SIZE_MAX || parse_u64(value, &length) < 0 || length >= SIZE_MAX)
                        return -EBADMSG;
                head->content_length = length;
        } else if (text_is(name, "transfer-encoding"))
                return -EBADMSG;
        else if (text_is(name, "connection"))
                head->keeps_alive = text_is_nocase(value, "keep-alive");

        return 0;
}

static int read_header(const char *data, Text line, ReplyHead *head) {
        const char *colon = memchr(line.data, ':', line.length);
        Text name, value;

        if (!colon || colon == line.data || head->n_headers == REPLY_MAX_HEADERS)
                return -EBADMSG;
        name = text_make(line.data, (size_t) (colon - line.data));
        value = text_trim(text_make(colon + 1, line.length - name.length - 1));

        for (size_t i = 0; i < name.length; i++) {
                char *c = (char *) name.data + i;

                if ((unsigned char) *c <= ' ' || (unsigned char) *c >= 0x7f)
                        return -EBADMSG;
                *c = (char) tolower((unsigned char) *c);
        }

        /* An empty value may have no place of its own. */
        if (value.length == 0)
                value.data = data;
        head->headers[head->n_headers].name = (uint32_t) (name.data - data);
        head->headers[head->n_headers].name_length = (uint32_t) name.length;
        head->headers[head->n_headers].value = (uint32_t) (value.data - data);
        head->headers[head->n_headers].value_length = (uint32_t) value.length;
        head->n_headers++;
        return note_header(head, name, value);
}

int reply_head_read(char *data, size_t length, ReplyHead *ret_head) {
        const char *end = memmem(data, MIN(length, (size_t) MAX_HEAD), "\r\n\r\n", 4), *line_end;
        Text line = { data, 0 };
        int r;

        if (!end)
                return length < MAX_HEAD ? 0 : -EBADMSG;

        ret_head->status = 0;
        ret_head->n_headers = 0;
        ret_head->content_length = SIZE_MAX;
        ret_head->length = (size_t) (end + 4 - data);

        for (;;) {
                line_end = memmem(line.data, (size_t) (end + 2 - line.data), "\r\n", 2);
                line.length = (size_t) (line_end - line.data);

                r = ret_head->status == 0 ? read_status(line, ret_head) : read_header(data, line, ret_head);
                if (r < 0)
                        return r;
                if (line_end == end)
                        return 1;
                line.data = line_end + 2;
        }
}
