/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of a multipart body (RFC 7578). The delimiter is "\r\n--boundary"; the first one may stand at the
 * very beginning. What is before the first and behind the last part does not count.
 */

#include <errno.h>

#include "basic/parse.h"
#include "crypto/password.h"
#include "json/form.h"
#include "json/writer.h"
#include "webhooks/media-type.h"
#include "webhooks/multipart.h"

#define BOUNDARY_MAX 200                /* the standard says 70 */

typedef struct Part {
        Text disposition, content_type;
        Text content;
} Part;

typedef struct Parts {
        Text rest;                      /* behind the last delimiter */
        Text delimiter;
} Parts;

/* -- taking parts off --------------------------------------------------------------------------------- */

/* Cuts `rest` behind the next delimiter; what stood before it is *ret_before. */
static bool next_delimiter(Parts *parts, Text *ret_before) {
        const char *found;

        if (parts->rest.length < parts->delimiter.length)
                return false;

        found = memmem(parts->rest.data, parts->rest.length, parts->delimiter.data, parts->delimiter.length);
        if (!found)
                return false;

        *ret_before = text_make(parts->rest.data, (size_t) (found - parts->rest.data));
        parts->rest.length -= ret_before->length + parts->delimiter.length;
        parts->rest.data = found + parts->delimiter.length;
        return true;
}

static int parts_init(Parts *parts, Arena *arena, Text body, Text boundary) {
        Text dashes, preamble;

        if (boundary.length == 0 || boundary.length > BOUNDARY_MAX)
                return -EBADMSG;

        parts->rest = body;
        parts->delimiter.data = arena_printf(arena, "\r\n--%.*s", (int) boundary.length, boundary.data);
        parts->delimiter.length = strlen(parts->delimiter.data);
        dashes = text_make(parts->delimiter.data + 2, parts->delimiter.length - 2);

        if (body.length >= dashes.length && memcmp(body.data, dashes.data, dashes.length) == 0) {
                parts->rest = text_make(body.data + dashes.length, body.length - dashes.length);
                return 0;
        }
        return next_delimiter(parts, &preamble) ? 0 : -EBADMSG;
}

/* A line without its end; false when there is none. */
static bool next_line(Text *rest, Text *ret_line) {
        const char *end = rest->length > 0 ? memmem(rest->data, rest->length, "\r\n", 2) : NULL;

        if (!end)
                return false;

        *ret_line = text_make(rest->data, (size_t) (end - rest->data));
        rest->length -= ret_line->length + 2;
        rest->data = end + 2;
        return true;
}

static void read_header(Part *part, Text line) {
        Text value = line, name;

        if (!text_split(&value, ':', &name) || !value.data)
                return;

        name = text_trim(name);
        if (text_is_nocase(name, "content-disposition"))
                part->disposition = text_trim(value);
        else if (text_is_nocase(name, "content-type"))
                part->content_type = text_trim(value);
}

/* 1: a part; 0: that was the last one. */
static int next_part(Parts *parts, Part *ret_part) {
        Part part = {};
        Text line;

        if (text_starts_with(parts->rest, "--"))
                return 0;
        /* White space may stand between the delimiter and the end of its line. */
        if (!next_line(&parts->rest, &line) || text_trim(line).length > 0)
                return -EBADMSG;

        for (;;) {
                if (!next_line(&parts->rest, &line))
                        return -EBADMSG;
                if (line.length == 0)
                        break;
                read_header(&part, line);
        }

        /* An empty part's delimiter begins with the very end of its headers. */
        parts->rest.data -= 2;
        parts->rest.length += 2;
        if (!next_delimiter(parts, &part.content))
                return -EBADMSG;
        if (part.content.length >= 2)
                part.content = text_make(part.content.data + 2, part.content.length - 2);

        *ret_part = part;
        return 1;
}

/* -- making JSON of them ------------------------------------------------------------------------------ */

/* Text that a job can read as it is: UTF-8 without control characters, which JSON would blow up. */
static bool is_plain_text(Text content) {
        for (size_t i = 0; i < content.length; i++) {
                uint8_t c = (uint8_t) content.data[i];

                if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
                        return false;
        }
        return text_is_utf8(content);
}

static Text write_file(const Part *part, Text filename, Arena *arena) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL, encoded = BUFFER_NULL;
        bool plain = is_plain_text(part->content);
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin(&w, NULL);
        json_text(&w, "filename", filename);
        json_text(&w, "content_type", part->content_type);
        json_string(&w, "encoding", plain ? "utf8" : "base64");
        if (!plain)
                base64_append(&encoded, part->content);
        json_text(&w, "content", plain ? part->content : buffer_text(&encoded));
        json_end(&w);
        return arena_text(arena, buffer_text(&buffer));
}

/* The filename* form carries its character set and escapes. */
static int decode_filename(Text filename, Arena *arena, Text *ret_filename) {
        static const char charset[] = "utf-8''";
        const size_t n = sizeof charset - 1;

        if (filename.length < n || strncasecmp(filename.data, charset, n) != 0) {
                *ret_filename = filename;
                return 0;
        }
        if (parse_percent(text_make(filename.data + n, filename.length - n), false, arena, ret_filename) < 0)
                return -EILSEQ;
        return 0;
}

/* TEXT_NULL: not a file. */
static int read_filename(const Part *part, Arena *arena, Text *ret_filename) {
        Text filename = media_parameter(part->disposition, "filename", arena);

        if (filename.data) {
                *ret_filename = filename;
                return 0;
        }
        return decode_filename(media_parameter(part->disposition, "filename*", arena), arena, ret_filename);
}

static int add_part(Form *form, const Part *part, Arena *arena) {
        Text name, filename;
        int r;

        name = media_parameter(part->disposition, "name", arena);
        if (!name.data)
                return 0;

        r = read_filename(part, arena, &filename);
        if (r < 0)
                return r;
        /* What a browser sends for a file input that was left empty. */
        if (filename.data && filename.length == 0)
                return 0;
        if (!text_is_utf8(name) || (!filename.data && !text_is_utf8(part->content)))
                return -EILSEQ;

        if (filename.data)
                return form_add(form, name, write_file(part, filename, arena), true);
        return form_add(form, name, part->content, false);
}

int multipart_read(Arena *arena, Text body, Text boundary, Buffer *json) {
        Form *form = form_new(arena);
        Parts parts;
        Part part;
        int r;

        r = parts_init(&parts, arena, body, boundary);
        if (r < 0)
                return r;

        while ((r = next_part(&parts, &part)) > 0) {
                r = add_part(form, &part, arena);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        form_write(form, json);
        return 0;
}
