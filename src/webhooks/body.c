/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies by their type. The rules are the original's (http-api 0.3): without a type the body does not count,
 * an empty one is {}, JSON that is no object is wrapped in one.
 */

#include <errno.h>

#include "json/check.h"
#include "json/form.h"
#include "webhooks/body.h"
#include "net/inflate.h"
#include "webhooks/media-type.h"
#include "webhooks/multipart.h"

#define JSON_WRAPPING (sizeof "{\"_json\":}" - 1)

typedef struct Reading {
        const BodySource *source;
        Text bytes;                     /* unpacked */
        Arena *arena;
        Buffer *buffer;                 /* left empty when the bytes are to be stored as they are */
        const char *problem;
} Reading;

static int read_json(Reading *reading);
static int read_urlencoded(Reading *reading);
static int read_multipart(Reading *reading);
static bool is_json(Text type);
static bool is_urlencoded(Text type);
static bool is_multipart(Text type);

static const struct {
        bool (*matches)(Text type);
        int (*read)(Reading *reading);
} readers[] = {
        { is_json,       read_json       },
        { is_urlencoded, read_urlencoded },
        { is_multipart,  read_multipart  },
};

/* -- JSON --------------------------------------------------------------------------------------------- */

/* The original knows "+json" of application only. */
static bool is_json(Text type) {
        return text_is_nocase(type, "application/json") ||
               (type.length > 17 && strncasecmp(type.data, "application/", 12) == 0 &&
                strncasecmp(type.data + type.length - 5, "+json", 5) == 0);
}

static const char *describe_offset(Text bytes, size_t offset, Arena *arena) {
        size_t line = 1, line_start = 0;

        if (offset >= bytes.length)
                return arena_printf(arena, "The body is not JSON: it ends too early, after %zu bytes.",
                                    bytes.length);

        for (size_t i = 0; i < offset; i++)
                if (bytes.data[i] == '\n') {
                        line++;
                        line_start = i + 1;
                }
        return arena_printf(arena,
                            "The body is not JSON: unexpected byte 0x%02x at offset %zu (line %zu, column %zu).",
                            (uint8_t) bytes.data[offset], offset, line, offset - line_start + 1);
}

static int read_json(Reading *reading) {
        Text bytes = reading->bytes;
        Buffer *buffer = reading->buffer;
        size_t offset = 0;
        JsonKind kind;

        if (bytes.length == 0) {
                buffer_append_string(buffer, "{}");
                return 0;
        }
        if (json_check(bytes, &kind, &offset) < 0) {
                reading->problem = describe_offset(bytes, offset, reading->arena);
                return -EBADMSG;
        }
        if (kind == JSON_OBJECT)
                return 0;

        buffer_reserve(buffer, bytes.length + JSON_WRAPPING);
        buffer_append_string(buffer, "{\"_json\":");
        buffer_append_text(buffer, bytes);
        buffer_append_byte(buffer, '}');
        return 0;
}

/* -- forms -------------------------------------------------------------------------------------------- */

static bool is_urlencoded(Text type) {
        return text_is_nocase(type, "application/x-www-form-urlencoded");
}

static bool is_multipart(Text type) {
        return text_is_nocase(type, "multipart/form-data") || text_is_nocase(type, "multipart/mixed");
}

static int bad_form(Reading *reading, const char *why) {
        reading->problem = arena_printf(reading->arena, "The form cannot be read: %s.", why);
        return -EBADMSG;
}

static int read_urlencoded(Reading *reading) {
        int r = form_read_urlencoded(reading->arena, reading->bytes, reading->buffer);

        return r < 0 ? bad_form(reading, form_problem(r)) : 0;
}

static int read_multipart(Reading *reading) {
        Text boundary = media_parameter(reading->source->content_type, "boundary", reading->arena);
        int r = multipart_read(reading->arena, reading->bytes, boundary, reading->buffer);

        if (r == -EBADMSG)
                return bad_form(reading, "its parts do not match its boundary");
        return r < 0 ? bad_form(reading, form_problem(r)) : 0;
}

/* -- any ---------------------------------------------------------------------------------------------- */

static bool is_gzip(Text encoding) {
        return text_is_nocase(encoding, "gzip") || text_is_nocase(encoding, "x-gzip");
}

static int unpack(Reading *reading, Buffer *plain) {
        const BodySource *source = reading->source;
        Text encoding = text_trim(source->content_encoding);
        int r;

        if (encoding.length == 0 || text_is_nocase(encoding, "identity")) {
                reading->bytes = source->bytes;
                return 0;
        }
        if (!is_gzip(encoding))
                return BODY_E_UNSUPPORTED;

        r = inflate_gzip(source->bytes, source->max, plain);
        if (r < 0) {
                reading->problem = "The body is not what Content-Encoding says: gzip cannot unpack it.";
                return r;
        }

        reading->bytes = text_make(plain->data ? plain->data : "", plain->length);
        return 0;
}

static int read_as(Reading *reading, Text type) {
        for (size_t i = 0; i < ELEMENTSOF(readers); i++)
                if (readers[i].matches(type))
                        return readers[i].read(reading);
        return BODY_E_UNSUPPORTED;
}

/* What was unpacked and may stay as it is. */
static void keep(Buffer *plain, Buffer *buffer) {
        buffer_deinit(buffer);
        *buffer = *plain;
        *plain = BUFFER_NULL;
}

int body_read(const BodySource *source, Arena *arena, Buffer *buffer, Text *ret_json,
              const char **ret_problem) {
        _cleanup_(buffer_deinit) Buffer plain = BUFFER_NULL;
        Reading reading = { .source = source, .arena = arena, .buffer = buffer };
        int r;

        if (source->bytes.length > source->max)
                return -EMSGSIZE;
        if (!source->content_type.data) {
                *ret_json = TEXT("{}");
                return 0;
        }

        r = unpack(&reading, &plain);
        if (r == 0)
                r = read_as(&reading, media_value(source->content_type));
        if (r < 0)
                *ret_problem = reading.problem;
        if (r != 0)
                return r;

        if (buffer->length == 0 && reading.bytes.data == plain.data)
                keep(&plain, buffer);
        *ret_json = buffer->length > 0 ? buffer_text(buffer) : reading.bytes;
        /* Forms may grow when they become JSON: what is stored counts. */
        return ret_json->length > source->max + JSON_WRAPPING ? -EMSGSIZE : 0;
}
