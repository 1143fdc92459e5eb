/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One-time codes: the RFC's own, the clock's tolerance, and no code twice.
 */

#include <errno.h>

#include "basic/clock.h"
#include "check.h"
#include "crypto/secret.h"
#include "crypto/totp.h"

static const Text secret = { "12345678901234567890", 20 };

static int check(const char *code, uint64_t seconds, uint64_t last_step, uint64_t *ret_step) {
        return totp_check(secret, text_of(code), seconds * USEC_PER_SEC, last_step, ret_step);
}

/* RFC 6238, appendix B, the last six of eight digits. */
static void test_known(void) {
        static const struct {
                uint64_t seconds;
                const char *code;
        } cases[] = {
                { 59, "287082" },         { 1111111109, "081804" }, { 1111111111, "050471" },
                { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t step = 0;

                CHECK_INT(check(cases[i].code, cases[i].seconds, 0, &step), 0);
                CHECK(step == cases[i].seconds / 30);
        }
}

static void test_tolerance(void) {
        uint64_t step = 7;

        CHECK_INT(check("005924", 1234567890 - 30, 0, &step), 0);
        CHECK_INT(check("005924", 1234567890 + 30, 0, &step), 0);
        CHECK(step == 1234567890 / 30);

        step = 7;
        CHECK_INT(check("005924", 1234567890 - 60, 0, &step), -EKEYREJECTED);
        CHECK_INT(check("005924", 1234567890 + 60, 0, &step), -EKEYREJECTED);
        CHECK(step == 7);
}

static void test_no_code_twice(void) {
        uint64_t now = 1234567890, step;

        CHECK_INT(check("005924", now, now / 30 - 1, &step), 0);
        CHECK_INT(check("005924", now, step, &step), -EKEYREJECTED);
        CHECK_INT(check("005924", now + 30, step, &step), -EKEYREJECTED);
}

static void test_no_code(void) {
        static const char *const codes[] = { "", "5924", "05924", "0005924", "005925", "00592x", " 05924", "005924 ", "-05924" };
        uint64_t step;

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                CHECK_INT(check(codes[i], 1234567890, 0, &step), -EKEYREJECTED);
        CHECK_INT(check("287082", 0, 0, &step), -EKEYREJECTED);
        CHECK_INT(totp_check(TEXT(""), TEXT("005924"), 1234567890 * USEC_PER_SEC, 0, &step), -EKEYREJECTED);
}

/* RFC 4648, 10, without padding. */
static void test_base32(void) {
        static const char *const cases[][2] = {
                { "", "" },         { "f", "MY" },           { "fo", "MZXQ" },         { "foo", "MZXW6" },
                { "foob", "MZXW6YQ" }, { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Buffer buffer = BUFFER_NULL;

                base32_append(&buffer, text_of(cases[i][0]));
                CHECK_STRING(buffer_string(&buffer), cases[i][1]);
                buffer_deinit(&buffer);
        }
}

int main(void) {
        crypto_start();
        test_known();
        test_tolerance();
        test_no_code_twice();
        test_no_code();
        test_base32();
        return 0;
}
