/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets in memory and out of files; base64 and digests.
 */

#include <errno.h>
#include <unistd.h>

#include "check.h"
#include "crypto/locked.h"
#include "crypto/password.h"
#include "crypto/secret.h"

static void test_secret(void) {
        _cleanup_(secret_freep) Secret *secret = secret_new("a\0b", 3);
        _cleanup_(secret_freep) Secret *zeroed = secret_new(NULL, 100);
        _cleanup_(secret_freep) Secret *empty = secret_new(NULL, 0);

        CHECK(text_equal(secret_text(secret), TEXT("a\0b")));
        CHECK(secret->data[3] == 0);
        for (size_t i = 0; i <= 100; i++)
                CHECK(zeroed->data[i] == 0);
        CHECK_TEXT(secret_text(empty), "");
        CHECK(!secret_text(NULL).data);
        CHECK(!secret_free(NULL));
}

static long locked_kib(void) {
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];
        long kib = -1;

        while (file && kib < 0 && fgets(line, sizeof line, file))
                (void) sscanf(line, "VmLck: %ld kB", &kib);
        if (file)
                fclose(file);
        return kib;
}

/* Pieces of all sizes, freed out of order: none touches another, all come zeroed, and none takes a lock along. */
static void test_locked(void) {
        static const size_t sizes[] = { 1, 31, 32, 33, 100, 4095, 4096, 4097, 70000 };
        uint8_t *pieces[ELEMENTSOF(sizes) * 40];
        long before;

        for (unsigned round = 0; round < 3; round++) {
                for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                        size_t size = sizes[i % ELEMENTSOF(sizes)];

                        pieces[i] = locked_new(size);
                        for (size_t n = 0; n < size; n++)
                                CHECK(pieces[i][n] == 0);
                        memset(pieces[i], (int) (i % 255) + 1, size);
                }
                for (size_t i = 0; i < ELEMENTSOF(pieces); i++)
                        for (size_t n = 0; n < sizes[i % ELEMENTSOF(sizes)]; n++)
                                CHECK(pieces[i][n] == i % 255 + 1);

                before = locked_kib();
                for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                        size_t at = i * 7 % ELEMENTSOF(pieces);

                        locked_free(pieces[at], sizes[at % ELEMENTSOF(sizes)]);
                }
                /* Nothing is locked where nothing may be. */
                CHECK(before == 0 || locked_kib() > 0);
        }
        locked_free(NULL, 1);
}

static void test_equal(void) {
        static const struct {
                Text a, b;
                bool equal;
        } cases[] = {
                { TEXT(""),      TEXT(""),      true  },
                { TEXT_NULL,     TEXT(""),      true  },
                { TEXT_NULL,     TEXT("a"),     false },
                { TEXT("abc"),   TEXT("abc"),   true  },
                { TEXT("abc"),   TEXT("abd"),   false },
                { TEXT("abc"),   TEXT("bbc"),   false },
                { TEXT("abc"),   TEXT("ab"),    false },
                { TEXT("abc"),   TEXT("abcd"),  false },
                { TEXT("a\0b"),  TEXT("a\0c"),  false },
                { TEXT("a\0"),   TEXT("a"),     false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CHECK(secret_equal(cases[i].a, cases[i].b) == cases[i].equal);
                CHECK(secret_equal(cases[i].b, cases[i].a) == cases[i].equal);
        }
}

/* A file that holds `length` bytes of 'x' and then `tail`. */
static int read_back(size_t length, const char *tail, Secret **ret_secret) {
        char path[] = "/tmp/test-secret-XXXXXX";
        _cleanup_(freep) char *data = xmalloc(length + strlen(tail) + 1);
        int fd = mkstemp(path), r;

        CHECK(fd >= 0);
        memset(data, 'x', length);
        strcpy(data + length, tail);
        CHECK(write(fd, data, strlen(tail) + length) == (ssize_t) (strlen(tail) + length));
        close(fd);

        r = secret_read_file(path, ret_secret);
        unlink(path);
        return r;
}

static void test_file(void) {
        static const struct {
                size_t length;
                const char *tail;
                int r;
                size_t want;
        } cases[] = {
                { 0,     "",       0,      0     },
                { 0,     "\n",     0,      0     },
                { 3,     "",       0,      3     },
                { 3,     "\n",     0,      3     },
                { 3,     "\n\n",   0,      4     },
                { 65536, "",       0,      65536 },
                { 65535, "\n",     0,      65535 },
                { 65536, "\n",     -EFBIG, 0     },
                { 90000, "",       -EFBIG, 0     },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(secret_freep) Secret *secret = NULL;

                CHECK_INT(read_back(cases[i].length, cases[i].tail, &secret), cases[i].r);
                CHECK(!secret == (cases[i].r < 0));
                if (secret)
                        CHECK_INT(secret->length, cases[i].want);
        }

        Secret *none = NULL;
        CHECK_INT(secret_read_file("/nonexistent/credential", &none), -ENOENT);
        CHECK_INT(secret_read_file("/", &none), -EISDIR);
        CHECK(!none);
}

static void test_base64(void) {
        static const struct {
                const char *text;
                Text data;
                int r;
        } cases[] = {
                { "",         TEXT(""),             0       },
                { "Zg==",     TEXT("f"),            0       },
                { "Zg",       TEXT("f"),            0       },
                { "Zm8=",     TEXT("fo"),           0       },
                { "Zm8",      TEXT("fo"),           0       },
                { "Zm9v",     TEXT("foo"),          0       },
                { "Zm9vYmFy", TEXT("foobar"),       0       },
                { "+/+/",     TEXT("\xfb\xff\xbf"), 0       },
                { "-_-_",     TEXT("\xfb\xff\xbf"), 0       },
                { "AAA=",     TEXT("\0\0"),         0       },
                { "+_+_",     TEXT(""),             -EINVAL },
                { "Zg=",      TEXT(""),             -EINVAL },
                { "Zm9v=",    TEXT(""),             -EINVAL },
                { "Z===",     TEXT(""),             -EINVAL },
                { "====",     TEXT(""),             -EINVAL },
                { "=",        TEXT(""),             -EINVAL },
                { "Z",        TEXT(""),             -EINVAL },
                { "Zh==",     TEXT(""),             -EINVAL },       /* stray bits */
                { "Zm9v\n",   TEXT(""),             -EINVAL },
                { "Zm 9v",    TEXT(""),             -EINVAL },
                { "Zg==Zg==", TEXT(""),             -EINVAL },
                { "Zm9*",     TEXT(""),             -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
                _cleanup_(secret_freep) Secret *secret = NULL;

                buffer_append_byte(&buffer, '>');
                CHECK_INT(base64_decode(text_of(cases[i].text), &buffer), cases[i].r);
                CHECK(text_equal(text_make(buffer.data + 1, buffer.length - 1), cases[i].data));
                CHECK_INT(secret_from_base64(text_of(cases[i].text), &secret), cases[i].r);
                CHECK(text_equal(secret_text(secret), cases[i].data));
        }
}

static void test_base64_round_trip(void) {
        char data[256];

        for (size_t i = 0; i < sizeof data; i++)
                data[i] = (char) (i * 167);

        for (size_t length = 0; length < sizeof data; length++) {
                _cleanup_(buffer_deinit) Buffer standard = BUFFER_NULL, url = BUFFER_NULL, back = BUFFER_NULL;

                base64_append(&standard, text_make(data, length));
                base64url_append(&url, text_make(data, length));
                CHECK_INT(standard.length, (length + 2) / 3 * 4);
                CHECK_INT(url.length, (length * 4 + 2) / 3);
                CHECK_INT(base64_decode(buffer_text(&standard), &back), 0);
                CHECK_INT(base64_decode(buffer_text(&url), &back), 0);
                CHECK(back.length == 2 * length &&
                      (length == 0 || (memcmp(back.data, data, length) == 0 &&
                                       memcmp(back.data + length, data, length) == 0)));
        }
}

static void test_digests(void) {
        uint8_t digest[DIGEST_SIZE];
        char accept[29];

        digest_sha256(TEXT("abc"), digest);
        CHECK(memcmp(digest,
                     "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                     "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
                     sizeof digest) == 0);
        digest_sha256(TEXT_NULL, digest);
        CHECK(memcmp(digest, "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14", 8) == 0);

        /* As Python's hashlib.blake2b() says */
        digest_keyed(TEXT("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                          "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"),
                     TEXT("csrf token"), digest);
        CHECK(memcmp(digest,
                     "\x89\x28\x0a\xc6\x8c\x5f\x74\x3e\xce\x43\x48\xe8\xd9\x67\x12\xd1"
                     "\xd1\x1a\x46\x2f\x16\xaa\x45\x70\x09\x47\xe3\x36\xf8\xe5\xa0\x8a",
                     sizeof digest) == 0);

        /* RFC 6455, section 1.3. */
        digest_websocket_accept(TEXT("dGhlIHNhbXBsZSBub25jZQ=="), accept);
        CHECK_STRING(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        digest_websocket_accept(TEXT("+FBr7q9aJb5876dbLu4a/g=="), accept);
        CHECK_STRING(accept, "lRUw1XCbfiTfFVsmAUSJLz3BcZ0=");
}

int main(void) {
        crypto_start();
        test_secret();
        test_locked();
        test_equal();
        test_file();
        test_base64();
        test_base64_round_trip();
        test_digests();
        return 0;
}
