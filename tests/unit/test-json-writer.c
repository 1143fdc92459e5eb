/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON of ours: commas, escapes, and the shapes of values.
 */

#include "check.h"
#include "json/check.h"
#include "json/writer.h"

static void test_document(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter writer = JSON_WRITER(&buffer), *w = &writer;
        Uuid uuid = { { 0x0a, 0x1b } };
        JsonKind kind;

        json_begin(w, NULL);
        json_string(w, "name", "x");
        json_string(w, "none", NULL);
        json_text(w, "text", TEXT("a"));
        json_text(w, "no text", TEXT_NULL);
        json_text(w, "empty", TEXT(""));
        json_int(w, "low", INT64_MIN);
        json_int(w, "high", INT64_MAX);
        json_bool(w, "yes", true);
        json_bool(w, "no", false);
        json_null(w, "null");
        json_uuid(w, "id", &uuid);
        json_uuid(w, "no id", NULL);
        json_uuid(w, "null id", &UUID_NULL);
        json_time_usec(w, "usec", 1727423491748984);
        json_time_sec(w, "sec", 1727423491748984);
        json_time_usec(w, "never", 0);
        json_time_sec(w, "never", 0);
        json_raw(w, "raw", TEXT("{\"a\": 1.10}"));
        json_raw(w, "no raw", TEXT_NULL);
        json_begin_array(w, "list");
        json_int(w, NULL, 1);
        json_begin(w, NULL);
        json_end(w);
        json_begin_array(w, NULL);
        json_end_array(w);
        json_begin_array(w, NULL);
        json_null(w, NULL);
        json_string(w, NULL, "two");
        json_end_array(w);
        json_end_array(w);
        json_begin(w, "inner");
        json_key_text(w, TEXT("a \"key\""));
        json_int(w, NULL, 1);
        json_key_text(w, TEXT("b"));
        json_begin(w, NULL);
        json_int(w, "c", 2);
        json_end(w);
        json_int(w, "d", 3);
        json_end(w);
        json_bool(w, "last", true);
        json_end(w);

        CHECK_TEXT(buffer_text(&buffer),
                   "{\"name\":\"x\",\"none\":null,\"text\":\"a\",\"no text\":null,\"empty\":\"\","
                   "\"low\":-9223372036854775808,\"high\":9223372036854775807,\"yes\":true,\"no\":false,"
                   "\"null\":null,"
                   "\"id\":\"0a1b0000-0000-0000-0000-000000000000\",\"no id\":null,\"null id\":null,"
                   "\"usec\":\"2024-09-27T07:51:31.748984Z\",\"sec\":\"2024-09-27T07:51:31Z\",\"never\":null,"
                   "\"never\":null,\"raw\":{\"a\": 1.10},\"no raw\":null,\"list\":[1,{},[],[null,\"two\"]],"
                   "\"inner\":{\"a \\\"key\\\"\":1,\"b\":{\"c\":2},\"d\":3},\"last\":true}");
        CHECK_INT(json_check(buffer_text(&buffer), &kind, NULL), 0);
}

static void test_strings(void) {
        static const struct {
                Text text;
                const char *written;
        } cases[] = {
                { TEXT(""),                             "\"\""                                  },
                { TEXT_NULL,                            "\"\""                                  },
                { TEXT("plain text of some length"),    "\"plain text of some length\""         },
                { TEXT("say \"hi\" \\ there"),          "\"say \\\"hi\\\" \\\\ there\""         },
                { TEXT("\b\t\n\v\f\r"),                 "\"\\b\\t\\n\\u000b\\f\\r\""            },
                { TEXT("\0\1\x1f\x7f"),                 "\"\\u0000\\u0001\\u001f\x7f\""         },
                { TEXT("</script>"),                    "\"</script>\""                         },
                { TEXT("Gr\xc3\xbc\xf0\x9f\x98\x80"),   "\"Gr\xc3\xbc\xf0\x9f\x98\x80\""        },
                { TEXT("a\xff" "b"),                    "\"a\xef\xbf\xbd" "b\""                 },
                { TEXT("\xc3"),                         "\"\xef\xbf\xbd\""                      },
                { TEXT("\xed\xa0\x80"),                 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
                { TEXT("\xe2\x82" "a"),                 "\"\xef\xbf\xbd\xef\xbf\xbd" "a\""      },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

                json_append_string(&buffer, cases[i].text);
                CHECK_TEXT(buffer_text(&buffer), cases[i].written);
        }
}

/* Whatever bytes there are, what is written is JSON. */
static void test_any_bytes(void) {
        for (unsigned bytes = 0; bytes < 0x10000; bytes++) {
                _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
                char text[] = { 'a', (char) (bytes >> 8), (char) bytes, 'b' };
                JsonKind kind;

                json_append_string(&buffer, text_make(text, sizeof text));
                CHECK_INT(json_check(buffer_text(&buffer), &kind, NULL), 0);
                CHECK_INT(kind, JSON_STRING);
        }
}

int main(void) {
        test_document();
        test_strings();
        test_any_bytes();
        return 0;
}
