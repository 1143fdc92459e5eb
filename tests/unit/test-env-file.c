/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Environment files, read as systemd reads them. The expectations were compared with a service's environment
 * under systemd 252.
 */

#include <errno.h>
#include <unistd.h>

#include "basic/buffer.h"
#include "basic/env-file.h"
#include "check.h"

/* Each case is a file and what comes out of it: line, name and value of each assignment. */
static void test_assignments(void) {
        static const struct { const char *file, *expect; } cases[] = {
                { "",                                   "" },
                { "\n\n  \n",                           "" },
                { "A=1",                                "1 A [1]\n" },
                { "A=1\nB=2\n",                         "1 A [1]\n2 B [2]\n" },
                { "A=1\nA=2\n",                         "1 A [1]\n2 A [2]\n" },
                { "A=\nB=x\n",                          "1 A []\n2 B [x]\n" },
                { "  A = 1  \r\nB=2",                   "1 A [1]\n2 B [2]\n" },
                { "# A=1\n; B=2\n\nC=3",                "4 C [3]\n" },
                { "# no end \\\nA=1\nB=2\n",            "3 B [2]\n" },
                { "no assignment\nA=1\n",               "1 - [-]\n2 A [1]\n" },
                { "A=a b  c \n",                        "1 A [a b  c]\n" },
                { "A=a#b ;c\n",                         "1 A [a#b ;c]\n" },
                { "A=x'y\"z\n",                         "1 A [x'y\"z]\n" },
                { "A=a\\\nb\nC=1",                      "1 A [ab]\n3 C [1]\n" },
                { "A=\\\\ \\x\n",                       "1 A [\\ x]\n" },
                { "A=a\\ \nB=1",                        "1 A [a ]\n2 B [1]\n" },
                { "A='a\"b\\n' \nB=1",                  "1 A [a\"b\\n]\n2 B [1]\n" },
                { "A=\"a'b\\\"\\$\\n\"\n",              "1 A [a'b\"$\\n]\n" },
                { "A=\"a\\\nb\"\nB=1",                  "1 A [ab]\n3 B [1]\n" },
                { "A='1\n2\n3'\nB=1",                   "1 A [1\n2\n3]\n4 B [1]\n" },
                { "A='a' \"b\" c d\n",                  "1 A [abc d]\n" },
                { "A='never closed\nB=1\n",             "1 A [never closed\nB=1\n]\n" },
                { "export A=1\n",                       "1 export A [1]\n" },
                { "=1\nA=1",                            "1 - [-]\n2 A [1]\n" },
                { "A=b=c\n",                            "1 A [b=c]\n" },
                { "A",                                  "1 - [-]\n" },
                { "#",                                  "" },
                { "A=\\",                               "1 A []\n" },
                { "A=\"b\\",                            "1 A [b]\n" },
                { "A=b \\\n\nC=1",                    "1 A [b ]\n3 C [1]\n" },
                { "A=b\rC=1",                          "1 A [b]\n1 C [1]\n" },
                { "A='b\r'",                            "1 A [b\r]\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(env_file_freep) EnvFile *file = NULL;
                _cleanup_(buffer_deinit) Buffer got = BUFFER_NULL;

                CHECK_INT(env_file_parse("FILE", text_of(cases[i].file), &file), 0);
                CHECK_STRING(file->path, "FILE");
                for (size_t j = 0; j < file->n_lines; j++) {
                        const EnvLine *line = &file->lines[j];

                        buffer_printf(&got, "%u %s [%s]\n", line->line, line->name ?: "-", line->value ?: "-");
                }
                CHECK_STRING(buffer_string(&got), cases[i].expect);
        }
}

static void test_last_one_counts(void) {
        _cleanup_(env_file_freep) EnvFile *file = NULL;

        CHECK_INT(env_file_parse("FILE", TEXT("A=1\nB=2\nno assignment\nA=3\n"), &file), 0);
        CHECK_STRING(env_file_get(file, "A")->value, "3");
        CHECK_INT(env_file_get(file, "A")->line, 4);
        CHECK_STRING(env_file_get(file, "B")->value, "2");
        CHECK(!env_file_get(file, "C"));
        CHECK(!env_file_get(NULL, "A"));
}

static void write_file(const char *path, const char *start, size_t size) {
        FILE *stream = fopen(path, "w");

        CHECK(stream);
        CHECK(fputs(start, stream) >= 0);
        for (size_t i = 0; i < size; i++)
                CHECK(fputc('a' + (int) (i % 26), stream) != EOF);
        CHECK(fclose(stream) == 0);
}

static void check_read(const char *path, int expect_r, size_t expect_length) {
        _cleanup_(env_file_freep) EnvFile *file = NULL;

        CHECK_INT(env_file_read(path, &file), expect_r);
        if (expect_r < 0)
                CHECK(!file);
        else if (expect_length == 0)
                CHECK(file->n_lines == 0);
        else
                CHECK_INT(strlen(file->lines[0].value), expect_length);
}

static void test_read(void) {
        char directory[] = "/tmp/test-env-file-XXXXXX";
        char path[64];

        CHECK(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/env", directory);

        check_read(path, -ENOENT, 0);
        check_read(directory, -EISDIR, 0);
        write_file(path, "", 0);
        check_read(path, 0, 0);
        write_file(path, "A=", 100000);
        check_read(path, 0, 100000);
        write_file(path, "A=", 1024 * 1024 - 2);
        check_read(path, 0, 1024 * 1024 - 2);
        write_file(path, "A=", 1024 * 1024 - 1);
        check_read(path, -EFBIG, 0);

        CHECK(unlink(path) == 0);
        CHECK(rmdir(directory) == 0);
}

static void test_nul(void) {
        EnvFile *file = NULL;

        CHECK_INT(env_file_parse("FILE", TEXT("A=1\0"), &file), -EBADMSG);
        CHECK(!file);
}

int main(void) {
        test_assignments();
        test_last_one_counts();
        test_nul();
        test_read();
        return 0;
}
