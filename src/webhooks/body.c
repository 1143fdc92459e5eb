/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies by their type. The rules are the original's (http-api 0.3): without a type the body does not count, an empty one
 * is {}, JSON that is no object is wrapped in one.
 */

#include <errno.h>

#include "json/check.h"
#include "webhooks/body.h"
#include "webhooks/form.h"
#include "webhooks/inflate.h"
#include "webhooks/media-type.h"
#include "webhooks/multipart.h"

#define JSON_WRAPPING (sizeof "{\"_json\":}" - 1)

static int read_json(Text bytes, const BodySource *source, Arena *arena, Buffer *buffer, const char **ret_problem);
static int read_urlencoded(Text bytes, const BodySource *source, Arena *arena, Buffer *buffer, const char **ret_problem);
static int read_multipart(Text bytes, const BodySource *source, Arena *arena, Buffer *buffer, const char **ret_problem);
static bool is_json(Text type);
static bool is_urlencoded(Text type);
static bool is_multipart(Text type);

/* A reader leaves `buffer` empty when the bytes are to be stored as they are. */
static const struct {
        bool (*matches)(Text type);
        int (*read)(Text bytes, const BodySource *source, Arena *arena, Buffer *buffer, const char **ret_problem);
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
                return arena_printf(arena, "The body is not JSON: it ends too early, after %zu bytes.", bytes.length);

        for (size_t i = 0; i < offset; i++)
                if (bytes.data[i] == '\n') {
                        line++;
                        line_start = i + 1;
                }
        return arena_printf(arena, "The body is not JSON: unexpected byte 0x%02x at offset %zu (line %zu, column %zu).",
                            (uint8_t) bytes.data[offset], offset, line, offset - line_start + 1);
}

static int read_json(Text bytes, _unused_ const BodySource *source, Arena *arena, Buffer *buffer,
                     const char **ret_problem) {
        size_t offset = 0;
        JsonKind kind;

        if (bytes.length == 0) {
                buffer_append_string(buffer, "{}");
                return 0;
        }
        if (json_check(bytes, &kind, &offset) < 0) {
                *ret_problem = describe_offset(bytes, offset, arena);
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

static int read_urlencoded(Text bytes, _unused_ const BodySource *source, Arena *arena, Buffer *buffer,
                           const char **ret_problem) {
        int r = form_read_urlencoded(arena, bytes, buffer);

        if (r >= 0)
                return 0;

        *ret_problem = arena_printf(arena, "The form cannot be read: %s.", form_problem(r));
        return -EBADMSG;
}

static int read_multipart(Text bytes, const BodySource *source, Arena *arena, Buffer *buffer, const char **ret_problem) {
        Text boundary = media_parameter(source->content_type, "boundary", arena);
        int r = multipart_read(arena, bytes, boundary, buffer);

        if (r >= 0)
                return 0;

        *ret_problem = arena_printf(arena, "The form cannot be read: %s.",
                                    r == -EBADMSG ? "its parts do not match its boundary" : form_problem(r));
        return -EBADMSG;
}

/* -- any ---------------------------------------------------------------------------------------------- */

static bool is_gzip(Text encoding) {
        return text_is_nocase(encoding, "gzip") || text_is_nocase(encoding, "x-gzip");
}

static int unpack(const BodySource *source, Buffer *buffer, Text *ret_bytes, const char **ret_problem) {
        Text encoding = text_trim(source->content_encoding);
        int r;

        if (encoding.length == 0 || text_is_nocase(encoding, "identity")) {
                *ret_bytes = source->bytes;
                return 0;
        }
        if (!is_gzip(encoding))
                return BODY_E_UNSUPPORTED;

        r = inflate_gzip(source->bytes, source->max, buffer);
        if (r == -EBADMSG)
                *ret_problem = "The body is not what Content-Encoding says: gzip cannot unpack it.";
        if (r < 0)
                return r;

        *ret_bytes = text_make(buffer->data ? buffer->data : "", buffer->length);
        return 0;
}

static int read_as(Text type, Text bytes, const BodySource *source, Arena *arena, Buffer *buffer,
                   const char **ret_problem) {
        for (size_t i = 0; i < ELEMENTSOF(readers); i++)
                if (readers[i].matches(type))
                        return readers[i].read(bytes, source, arena, buffer, ret_problem);
        return BODY_E_UNSUPPORTED;
}

int body_read(const BodySource *source, Arena *arena, Buffer *buffer, Text *ret_json, const char **ret_problem) {
        _cleanup_(buffer_deinit) Buffer plain = BUFFER_NULL;
        Text bytes;
        int r;

        if (source->bytes.length > source->max)
                return -EMSGSIZE;
        if (!source->content_type.data) {
                *ret_json = TEXT("{}");
                return 0;
        }

        r = unpack(source, &plain, &bytes, ret_problem);
        if (r != 0)
                return r;

        r = read_as(media_value(source->content_type), bytes, source, arena, buffer, ret_problem);
        if (r != 0)
                return r;

        if (buffer->length == 0 && bytes.data == plain.data) {
                buffer_deinit(buffer);
                *buffer = plain;
                plain = BUFFER_NULL;
        }
        *ret_json = buffer->length > 0 ? buffer_text(buffer) : bytes;
        /* Forms may grow when they become JSON: what is stored counts. */
        return ret_json->length > source->max + JSON_WRAPPING ? -EMSGSIZE : 0;
}
