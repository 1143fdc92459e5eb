/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages as they stand on stderr when there is no journal.
 */

#include <unistd.h>

#include "check.h"
#include "log/log.h"

static int captured[2];

/* stderr is a pipe while messages are written; failures must reach the real one. */
static const char *read_line(void) {
        static char line[4096];
        ssize_t n = read(captured[0], line, sizeof line - 1);

        line[n > 0 ? n : 0] = 0;
        return line;
}

static void test_levels(void) {
        static const struct {
                const char *text;
                int level;
                const char *shown;
        } cases[] = {
                { "debug", LOG_DEBUG,   "debug"   }, { "info",     LOG_INFO,  "info"      },
                { "NOTICE", LOG_NOTICE, "notice"  }, { "warn",     LOG_WARNING, "warning" },
                { "warning", LOG_WARNING, "warning" }, { "err",    LOG_ERR,   "error"     },
                { "Error", LOG_ERR,     "error"   }, { "crit",     LOG_CRIT,  "critical"  },
                { "critical", LOG_CRIT, "critical" }, { "alert",   LOG_ALERT, "alert"     },
                { "emerg", LOG_EMERG,   "emergency" }, { "emergency", LOG_EMERG, "emergency" },
        };
        int level = 42;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CHECK_INT(log_level_from_string(cases[i].text, &level), 0);
                CHECK_INT(level, cases[i].level);
                CHECK_STRING(log_level_to_string(level), cases[i].shown);
        }
        CHECK_INT(log_level_from_string("loud", &level), -EINVAL);
        CHECK_INT(log_level_from_string("", &level), -EINVAL);
}

static void test_lines(void) {
        static char nothing[8192];
        int saved = dup(STDERR_FILENO), r;
        char lines[6][64];
        size_t length;

        CHECK(pipe(captured) == 0 && saved >= 0);
        unsetenv("JOURNAL_STREAM");
        dup2(captured[1], STDERR_FILENO);
        log_open("test");

        log_notice("Run %d lost", 7);
        snprintf(lines[0], 64, "%.63s", read_line());
        errno = EBUSY;
        r = log_error_errno(-ENOENT, "Failed to open: %m");
        snprintf(lines[1], 64, "%.63s", read_line());
        snprintf(lines[2], 64, "%d %d", r, errno);
        log_info("two\nlines\x1b[31m");
        snprintf(lines[3], 64, "%.63s", read_line());

        memset(nothing, 'x', sizeof nothing - 1);
        log_info("%s", nothing);
        length = strlen(read_line());

        log_debug("not asked for");
        log_set_max_level(LOG_DEBUG);
        log_debug("asked for");
        snprintf(lines[4], 64, "%.63s", read_line());
        log_set_max_level(LOG_ERR);
        r = log_warning_errno(ENOMEM, "quiet");
        log_error("loud");
        snprintf(lines[5], 64, "%.63s", read_line());

        dup2(saved, STDERR_FILENO);
        CHECK_STRING(lines[0], "<5>Run 7 lost\n");
        CHECK_STRING(lines[1], "<3>Failed to open: No such file or directory\n");
        CHECK_STRING(lines[2], "-2 16");
        CHECK_STRING(lines[3], "<6>two lines [31m\n");
        CHECK(length > 1000 && length < 2100);
        CHECK_STRING(lines[4], "<7>asked for\n");
        CHECK_INT(r, -ENOMEM);
        CHECK_STRING(lines[5], "<3>loud\n");
}

static void test_context(void) {
        static const char *const names[LOG_MAX_FIELDS] = { "A", "B", "C", "D", "E", "F",
                                                           "G", "H", "I", "J", "K", "L" };
        LogContext context = {};

        log_context_set(&context, "A", "1");
        log_context_set(&context, "B", "2");
        log_context_set(&context, "A", "3");
        CHECK_INT(context.n_fields, 2);
        CHECK_STRING(context.fields[0].value, "3");

        log_context_set(&context, "A", NULL);
        log_context_set(&context, "C", NULL);
        CHECK_INT(context.n_fields, 1);
        CHECK_STRING(context.fields[0].name, "B");

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                log_context_set(&context, names[i], "x");
        log_context_set(&context, "ONE_TOO_MANY", "x");
        CHECK_INT(context.n_fields, LOG_MAX_FIELDS);
}

int main(void) {
        test_levels();
        test_lines();
        test_context();
        return 0;
}
