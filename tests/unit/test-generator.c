/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The generator: which address the public socket gets from which environment file.
 */

#include <errno.h>

#include "generator/listen.h"
#include "check.h"

#define DROP_IN(address)                                                                           \
        "# From LISTEN_ADDRESS and PORT in FILE.\n[Socket]\nListenStream=\nListenStream=" address "\n"

static void check_drop_in(const char *file, int expect_r, const char *expect) {
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
        _cleanup_(env_file_freep) EnvFile *env = NULL;

        CHECK_INT(env_file_parse("FILE", text_of(file), &env), 0);
        CHECK_INT(listen_drop_in(env, &text), expect_r);
        CHECK_STRING(buffer_string(&text), expect);
}

static void test_addresses(void) {
        static const struct { const char *env, *address; } cases[] = {
                { "PORT=8080",                                  DROP_IN("127.0.0.1:8080") },
                { "PORT=1",                                     DROP_IN("127.0.0.1:1") },
                { "PORT=65535",                                 DROP_IN("127.0.0.1:65535") },
                { "LISTEN_ADDRESS=0.0.0.0",                     DROP_IN("0.0.0.0:4000") },
                { "LISTEN_ADDRESS=\"10.1.2.3\"\nPORT='80'",     DROP_IN("10.1.2.3:80") },
                { "LISTEN_ADDRESS=::",                          DROP_IN("[::]:4000") },
                { "LISTEN_ADDRESS=[::1]\nPORT=80",              DROP_IN("[::1]:80") },
                { "LISTEN_ADDRESS=fe80::1",                     DROP_IN("[fe80::1]:4000") },
                { "LISTEN_ADDRESS=::ffff:10.0.0.1",             DROP_IN("[::ffff:10.0.0.1]:4000") },
                { "PORT=80\nURL_PORT=443\nPORT=81",             DROP_IN("127.0.0.1:81") },
                { "PORT=http\nPORT=81",                         DROP_IN("127.0.0.1:81") },
                { "PORT=\nLISTEN_ADDRESS=1.2.3.4",              DROP_IN("1.2.3.4:4000") },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_drop_in(cases[i].env, 0, cases[i].address);
}

static void test_unset(void) {
        static const char *const cases[] = {
                "",
                "URL_PORT=80\n",
                "# PORT=80\n",
                "port=80\n",
                "PORT=\nLISTEN_ADDRESS=''\n",
                "PORT=80\nPORT=\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_drop_in(cases[i], LISTEN_E_UNSET, "");
}

static void test_complaints(void) {
        static const struct { const char *env, *complaint; } cases[] = {
                { "PORT=0",                     "FILE:1: PORT must be a port between 1 and 65535, not '0'.\n" },
                { "\nPORT=65536",               "FILE:2: PORT must be a port between 1 and 65535, not '65536'.\n" },
                { "PORT=-1",                    "FILE:1: PORT must be a port between 1 and 65535, not '-1'.\n" },
                { "PORT=80 80",                 "FILE:1: PORT must be a port between 1 and 65535, not '80 80'.\n" },
                { "PORT='1\n2'",                "FILE:1: PORT must be a port between 1 and 65535, not '1?2'.\n" },
                { "PORT=99999999999999999999",
                  "FILE:1: PORT must be a port between 1 and 65535, not '99999999999999999999'.\n" },
                { "LISTEN_ADDRESS=localhost",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not 'localhost'.\n" },
                { "LISTEN_ADDRESS=1.2.3",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '1.2.3'.\n" },
                { "LISTEN_ADDRESS=1.2.3.4:80",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '1.2.3.4:80'.\n" },
                { "LISTEN_ADDRESS=[1.2.3.4]",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '[1.2.3.4]'.\n" },
                { "LISTEN_ADDRESS=[",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '['.\n" },
                { "LISTEN_ADDRESS=[]",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '[]'.\n" },
                { "LISTEN_ADDRESS=1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not "
                  "'1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa'.\n" },
                { "LISTEN_ADDRESS='::1\nListenStream=/etc/x'",
                  "FILE:1: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not '::1?ListenStream=/etc/x'.\n" },
                { "PORT=x\nLISTEN_ADDRESS=y",
                  "FILE:2: LISTEN_ADDRESS must be an IPv4 or IPv6 address, not 'y'.\n"
                  "FILE:1: PORT must be a port between 1 and 65535, not 'x'.\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_drop_in(cases[i].env, -EINVAL, cases[i].complaint);
}

int main(void) {
        test_addresses();
        test_unset();
        test_complaints();
        return 0;
}
