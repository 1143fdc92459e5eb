/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forms, query strings and bodies of any type as JSON. What names that contradict each other become was taken
 * from the original's own parser.
 */

#include <errno.h>
#include <zlib.h>

#include "check.h"
#include "json/check.h"
#include "json/form.h"
#include "webhooks/body.h"
#include "net/inflate.h"
#include "webhooks/media-type.h"
#include "webhooks/multipart.h"

/* -- name=value --------------------------------------------------------------------------------------- */

static const struct {
        const char *form, *json;
} forms[] = {
        { "", "{}" },
        { "&", "{}" },
        { "&&a=1&&", "{\"a\":\"1\"}" },
        { "a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "a", "{\"a\":\"\"}" },
        { "a=", "{\"a\":\"\"}" },
        { "=1", "{\"\":\"1\"}" },
        { "=", "{\"\":\"\"}" },
        { "a=b=c", "{\"a\":\"b=c\"}" },
        { "a=1&a=2", "{\"a\":\"2\"}" },
        { "a=1&b=3&a=2", "{\"b\":\"3\",\"a\":\"2\"}" },
        { "a+b=c+d", "{\"a b\":\"c d\"}" },
        { "a%20b=%C3%A9%22", "{\"a b\":\"\xc3\xa9\\\"\"}" },
        { "a=%00", "{\"a\":\"\\u0000\"}" },
        { "a=1;b=2", "{\"a\":\"1;b=2\"}" },
        /* brackets */
        { "a[b]=1", "{\"a\":{\"b\":\"1\"}}" },
        { "a%5Bb%5D=1", "{\"a\":{\"b\":\"1\"}}" },
        { "a[b][c]=1&a[b][d]=2", "{\"a\":{\"b\":{\"c\":\"1\",\"d\":\"2\"}}}" },
        { "a[]=1&a[]=2", "{\"a\":[\"1\",\"2\"]}" },
        { "a[]=", "{\"a\":[\"\"]}" },
        { "a[][b]=1&a[][c]=2", "{\"a\":[{\"b\":\"1\",\"c\":\"2\"}]}" },
        { "a[]=1&a[][b]=2", "{\"a\":[\"1\",{\"b\":\"2\"}]}" },
        { "a[][]=1&a[][]=2", "{\"a\":[[\"1\",\"2\"]]}" },
        { "a[b][]=1&a[b][]=2&a[c]=3", "{\"a\":{\"b\":[\"1\",\"2\"],\"c\":\"3\"}}" },
        { "a[0]=x&a[1]=y", "{\"a\":{\"0\":\"x\",\"1\":\"y\"}}" },
        { "a[b]=1&a[b]=2", "{\"a\":{\"b\":\"2\"}}" },
        /* what looks like brackets and is none */
        { "[a]=1", "{\"[a]\":\"1\"}" },
        { "[]=1", "{\"[]\":\"1\"}" },
        { "]=1", "{\"]\":\"1\"}" },
        { "a]=1", "{\"a]\":\"1\"}" },
        { "a[=1", "{\"a[\":\"1\"}" },
        { "a[b=1", "{\"a[b\":\"1\"}" },
        { "a[b]c=1", "{\"a[b]c\":\"1\"}" },
        { "a[b]c]=1", "{\"a\":{\"b]c\":\"1\"}}" },
        { "a[b[c]=1", "{\"a\":{\"b[c\":\"1\"}}" },
        { "a[b]]=1", "{\"a\":{\"b]\":\"1\"}}" },
        /* contradictions */
        { "a[b]=1&a=2", "{\"a\":\"2\"}" },
        { "a=2&a[b]=1", "{\"a\":{\"b\":\"1\"}}" },
        { "a[b]=1&a=2&a[c]=3", "{\"a\":\"2\"}" },
        { "a[]=1&a=2", "{\"a\":\"2\"}" },
        { "a=2&a[]=1", "{\"a\":[\"1\"]}" },
        { "a[]=1&a[b]=2", "{\"a\":{\"b\":\"2\"}}" },
        { "a[b]=2&a[]=1", "{\"a\":[\"1\"]}" },
        { "a[b]=1&a[b][c]=2", "{\"a\":{\"b\":{\"c\":\"2\"}}}" },
        { "a[b][c]=2&a[b]=1", "{\"a\":{\"b\":\"1\"}}" },
};

static void check_form(const char *form, int expect, const char *json) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonKind kind;
        int r;

        r = form_read_urlencoded(&arena, text_of(form), &buffer);
        if (r != expect)
                fprintf(stderr, "%.80s:\n", form);
        CHECK_INT(r, expect);
        if (r < 0)
                return;

        if (json)
                CHECK_TEXT(buffer_text(&buffer), json);
        CHECK_INT(json_check(buffer_text(&buffer), &kind, NULL), 0);
        CHECK_INT(kind, JSON_OBJECT);
}

static void test_urlencoded(void) {
        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                check_form(forms[i].form, 0, forms[i].json);
}

static char *repeat(const char *head, const char *piece, size_t n, const char *tail) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

        buffer_append_string(&buffer, head);
        for (size_t i = 0; i < n; i++)
                buffer_append_string(&buffer, piece);
        buffer_append_string(&buffer, tail);
        return xstrdup(buffer_string(&buffer));
}

static void test_hostile_forms(void) {
        _cleanup_(freep) char *deep = repeat("a", "[b]", FORM_MAX_DEPTH, "=1");
        _cleanup_(freep) char *deeper = repeat("a", "[b]", FORM_MAX_DEPTH + 1, "=1");
        _cleanup_(freep) char *many = repeat("", "a&", FORM_MAX_FIELDS, "");
        _cleanup_(freep) char *more = repeat("", "a&", FORM_MAX_FIELDS, "a");
        _cleanup_(freep) char *elements = repeat("", "a[]=1&", 10000, "");
        _cleanup_(freep) char *levels = repeat("", "a[][]=1&a[][x]=2&a[y][]=3&", 5000, "");
        static const struct {
                const char *form;
                int expect;
        } cases[] = {
                { "a=%", -EINVAL },    { "a=%4", -EINVAL },      { "a=%zz", -EINVAL },   { "%=1", -EINVAL },
                { "a=%ff", -EILSEQ },  { "%c0%af=1", -EILSEQ },  { "a=\xff", -EILSEQ },  { "a=%ed%a0%80", -EILSEQ },
                { "a=1&b=%", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_form(cases[i].form, cases[i].expect, NULL);
        check_form(deep, 0, NULL);
        check_form(deeper, -E2BIG, NULL);
        check_form(many, 0, "{\"a\":\"\"}");
        check_form(more, -E2BIG, NULL);
        check_form(elements, 0, NULL);
        check_form(levels, 0, NULL);
}

/* As many different names as there may be: each must be found again, or the last of equal ones would not
 * count. */
static void test_many_names(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer form = BUFFER_NULL, json = BUFFER_NULL;
        Text key, value;
        size_t cursor = 0, n = 0;

        for (unsigned i = 0; i < FORM_MAX_FIELDS; i++)
                buffer_printf(&form, "k%u=%u&", i % (FORM_MAX_FIELDS / 2), i);
        CHECK_INT(form_read_urlencoded(&arena, buffer_text(&form), &json), 0);

        while (json_next_member(buffer_text(&json), &cursor, &key, &value)) {
                CHECK_INT(atoi(value.data + 1), atoi(key.data + 1) + FORM_MAX_FIELDS / 2);
                n++;
        }
        CHECK_INT(n, FORM_MAX_FIELDS / 2);
}

/* -- header values -------------------------------------------------------------------------------------- */

static void test_media_type(void) {
        static const struct {
                const char *header, *value, *parameter;
        } cases[] = {
                { "text/plain", "text/plain", NULL },
                { " text/plain ; b=1", "text/plain", "1" },
                { "x; B=1", "x", "1" },
                { "x;a=2;b=\"q;\\\"z\" ;c", "x", "q;\"z" },
                { "x; b = y z ; c=1", "x", "y z" },
                { "x; a=\"b=2\"; b=3", "x", "3" },
                { "x; c; b=3", "x", "3" },
                { "x; b=", "x", "" },
                { "x; b=\"open", "x", "open" },
                { "x; b=\"open\\", "x", "open\\" },
                { "x; bb=1", "x", NULL },
                { "", "", NULL },
                { ";", "", NULL },
                { ";;;=;", "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                Text header = text_of(cases[i].header), parameter = media_parameter(header, "b", &arena);

                CHECK_TEXT(media_value(header), cases[i].value);
                CHECK(!parameter.data == !cases[i].parameter);
                if (cases[i].parameter)
                        CHECK_TEXT(parameter, cases[i].parameter);
        }
}

/* -- multipart ------------------------------------------------------------------------------------------- */

#define FIELD(name, value) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n" value
#define FILE_PART(name, file, type, content) \
        "content-disposition: form-data; name=" name "; filename=\"" file "\"\r\ncontent-type: " type "\r\n\r\n" content

static const struct {
        const char *body;
        int expect;
        const char *json;
} multiparts[] = {
        { "--B\r\n" FIELD("a", "1") "\r\n--B--\r\n", 0, "{\"a\":\"1\"}" },
        { "--B\r\n" FIELD("a", "") "\r\n--B--", 0, "{\"a\":\"\"}" },
        { "preamble\r\n--B  \r\n" FIELD("a", "1") "\r\n--B\r\n" FIELD("b[]", "2\r\n--b") "\r\n--B--epilogue", 0,
          "{\"a\":\"1\",\"b\":[\"2\\r\\n--b\"]}" },
        { "--B--", 0, "{}" },
        { "--B\r\n" FIELD("a", "1") "\r\n--B\r\n" FIELD("a", "2") "\r\n--B--", 0, "{\"a\":\"2\"}" },
        { "--B\r\nx: y\r\n\r\nno name\r\n--B--", 0, "{}" },
        { "--B\r\n\r\nno headers\r\n--B--", 0, "{}" },
        { "--B\r\n" FILE_PART("f", "a.csv", "text/csv", "x;y\r\n1;2") "\r\n--B--", 0,
          "{\"f\":{\"filename\":\"a.csv\",\"content_type\":\"text/csv\",\"encoding\":\"utf8\",\"content\":\"x;y\\r\\n1;2\"}}" },
        { "--B\r\n" FILE_PART("f", "a.bin", "x/y", "\xff\x01") "\r\n--B--", 0,
          "{\"f\":{\"filename\":\"a.bin\",\"content_type\":\"x/y\",\"encoding\":\"base64\",\"content\":\"/wE=\"}}" },
        { "--B\r\n" FILE_PART("f", "", "x/y", "") "\r\n--B--", 0, "{}" },
        { "--B\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%e2%82%ac.txt\r\n\r\nx\r\n--B--", 0,
          "{\"f\":{\"filename\":\"\xe2\x82\xac.txt\",\"content_type\":null,\"encoding\":\"utf8\",\"content\":\"x\"}}" },
        { "", -EBADMSG, NULL },
        { "no delimiter", -EBADMSG, NULL },
        { "--B", -EBADMSG, NULL },
        { "--B\r\n", -EBADMSG, NULL },
        { "--B\r\n" FIELD("a", "1"), -EBADMSG, NULL },
        { "--Bx\r\n" FIELD("a", "1") "\r\n--B--", -EBADMSG, NULL },
        { "--B\r\n" FIELD("a", "\xff") "\r\n--B--", -EILSEQ, NULL },
        { "--B\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%ff\r\n\r\nx\r\n--B--", -EILSEQ, NULL },
};

static void test_multipart(void) {
        for (size_t i = 0; i < ELEMENTSOF(multiparts); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                _cleanup_(buffer_deinit) Buffer json = BUFFER_NULL;
                int r = multipart_read(&arena, text_of(multiparts[i].body), TEXT("B"), &json);

                if (r != multiparts[i].expect)
                        fprintf(stderr, "%s:\n", multiparts[i].body);
                CHECK_INT(r, multiparts[i].expect);
                if (r == 0)
                        CHECK_TEXT(buffer_text(&json), multiparts[i].json);
        }
}

/* -- whole bodies
 * ----------------------------------------------------------------------------------------- */

static const struct {
        const char *type, *body;
        int expect;
        const char *json;
} bodies[] = {
        { NULL, "{\"a\":1}", 0, "{}" },
        { "application/json", "", 0, "{}" },
        { "application/json", " {\"a\": 1e400} ", 0, " {\"a\": 1e400} " },
        { "Application/JSON; charset=utf-8", "{}", 0, "{}" },
        { "application/fhir+json", "{\"a\":-0}", 0, "{\"a\":-0}" },
        { "application/json", " [1, 2]\n", 0, "{\"_json\": [1, 2]\n}" },
        { "application/json", "\"x\"", 0, "{\"_json\":\"x\"}" },
        { "application/json", "null", 0, "{\"_json\":null}" },
        { "application/json", " ", -EBADMSG, "The body is not JSON: it ends too early, after 1 bytes." },
        { "application/json", "{\"a\":", -EBADMSG, "The body is not JSON: it ends too early, after 5 bytes." },
        { "application/json", "{\n\"a\":x}", -EBADMSG,
          "The body is not JSON: unexpected byte 0x78 at offset 6 (line 2, column 5)." },
        { "application/x-www-form-urlencoded", "a=1", 0, "{\"a\":\"1\"}" },
        { "application/x-www-form-urlencoded", "", 0, "{}" },
        { "application/x-www-form-urlencoded", "a=%", -EBADMSG, "The form cannot be read: a percent escape is broken." },
        { "multipart/form-data; boundary=B", "--B\r\n" FIELD("a", "1") "\r\n--B--", 0, "{\"a\":\"1\"}" },
        { "multipart/form-data", "--B--", -EBADMSG, "The form cannot be read: its parts do not match its boundary." },
        { "text/xml", "<a/>", BODY_E_UNSUPPORTED, NULL },
        { "text/xml", "", BODY_E_UNSUPPORTED, NULL },
        { "text/x+json", "{}", BODY_E_UNSUPPORTED, NULL },
        { "", "{}", BODY_E_UNSUPPORTED, NULL },
        { "application/json", "{\"twenty bytes\": 345}", -EMSGSIZE, NULL },
        /* Grows when it becomes JSON. */
        { "application/x-www-form-urlencoded", "a=%01%02%03%04%05", -EMSGSIZE, NULL },
};

static Buffer gzip(Text plain) {
        z_stream stream = { .next_in = (Bytef *) plain.data, .avail_in = (uInt) plain.length };
        Buffer packed = BUFFER_NULL;

        CHECK_INT(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
        buffer_reserve(&packed, deflateBound(&stream, plain.length));
        stream.next_out = (Bytef *) packed.data;
        stream.avail_out = (uInt) packed.room;
        CHECK_INT(deflate(&stream, Z_FINISH), Z_STREAM_END);
        packed.length = stream.total_out;
        CHECK_INT(deflateEnd(&stream), Z_OK);
        return packed;
}

static void check_body(size_t i, const char *encoding, Text bytes, size_t max) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        const BodySource source = {
                .content_type = text_of(bodies[i].type),
                .content_encoding = text_of(encoding),
                .bytes = bytes,
                .max = max,
        };
        const char *problem = NULL;
        Text json = TEXT_NULL;
        int r = body_read(&source, &arena, &buffer, &json, &problem);

        if (r != bodies[i].expect)
                fprintf(stderr, "%s: %s:\n", bodies[i].type, bodies[i].body);
        CHECK_INT(r, bodies[i].expect);
        if (r == -EBADMSG)
                CHECK_STRING(problem, bodies[i].json);
        else if (r == 0)
                CHECK_TEXT(json, bodies[i].json);
}

static void test_bodies(void) {
        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                Text plain = text_of(bodies[i].body);
                /* For what is too large the limit is just too small. */
                size_t max = bodies[i].expect == -EMSGSIZE ? 19 : 1000;
                _cleanup_(buffer_deinit) Buffer packed = gzip(plain);

                check_body(i, NULL, plain, max);
                check_body(i, " identity ", plain, max);
                if (max == 1000)
                        check_body(i, "gzip", buffer_text(&packed), max);
        }
}

/* A gzip of zeros is a thousandth of what is in it: only as much as is allowed is ever unpacked. */
static void test_gzip(void) {
        _cleanup_(freep) char *zeros = xcalloc(1, 20000000);
        _cleanup_(buffer_deinit) Buffer bomb = gzip(text_make(zeros, 20000000));
        _cleanup_(buffer_deinit) Buffer small = gzip(TEXT("hello ")), twice = BUFFER_NULL, plain = BUFFER_NULL;

        CHECK(bomb.length < 100000);
        CHECK_INT(inflate_gzip(buffer_text(&bomb), 1000000, &plain), -EMSGSIZE);
        CHECK(plain.room < 4000000);
        buffer_clear(&plain);
        CHECK_INT(inflate_gzip(buffer_text(&bomb), 20000000, &plain), 0);
        CHECK_INT(plain.length, 20000000);
        buffer_clear(&plain);
        CHECK_INT(inflate_gzip(buffer_text(&bomb), 19999999, &plain), -EMSGSIZE);

        buffer_append_text(&twice, buffer_text(&small));
        buffer_append_text(&twice, buffer_text(&small));
        buffer_clear(&plain);
        CHECK_INT(inflate_gzip(buffer_text(&twice), 100, &plain), 0);
        CHECK_TEXT(buffer_text(&plain), "hello hello ");

        for (size_t length = 0; length < small.length; length++)
                CHECK_INT(inflate_gzip(text_make(small.data, length), 100, &plain), -EBADMSG);
        CHECK_INT(inflate_gzip(TEXT("not gzip at all, for sure"), 100, &plain), -EBADMSG);
}

static void test_encodings(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        static const char *const encodings[] = { "br", "deflate", "gzip, gzip", "zstd" };
        const char *problem = NULL;
        Text json;

        for (size_t i = 0; i < ELEMENTSOF(encodings); i++) {
                const BodySource source = {
                        .content_type = TEXT("application/json"),
                        .content_encoding = text_of(encodings[i]),
                        .bytes = TEXT("{}"),
                        .max = 100,
                };

                CHECK_INT(body_read(&source, &arena, &buffer, &json, &problem), BODY_E_UNSUPPORTED);
        }
}

int main(void) {
        test_urlencoded();
        test_hostile_forms();
        test_many_names();
        test_media_type();
        test_multipart();
        test_bodies();
        test_gzip();
        test_encodings();
        return 0;
}
