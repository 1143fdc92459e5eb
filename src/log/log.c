/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where messages go.
 *
 * Under systemd stderr is a stream into the journal; then messages are sent to the journal's own
 * socket, because only there they can carry fields. Everywhere else (a terminal, a test, a container)
 * they are lines on stderr, each with the "<level>" prefix of sd-daemon(3) unless a person is looking.
 */

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "log/log.h"

#define MESSAGE_SIZE 2048
#define FIELD_SIZE 512

static struct {
        const char *name;
        int max_level;
        bool journal;
        bool prefix;
} output = {
        .name = "-",
        .max_level = LOG_INFO,
        .prefix = true,
};

static const struct {
        const char *name;
        int level;
} level_names[] = {
        /* The first name of a level is the one it is shown by. */
        { "emergency", LOG_EMERG   },
        { "emerg",     LOG_EMERG   },
        { "alert",     LOG_ALERT   },
        { "critical",  LOG_CRIT    },
        { "crit",      LOG_CRIT    },
        { "error",     LOG_ERR     },
        { "err",       LOG_ERR     },
        { "warning",   LOG_WARNING },
        { "warn",      LOG_WARNING },
        { "notice",    LOG_NOTICE  },
        { "info",      LOG_INFO    },
        { "debug",     LOG_DEBUG   },
};

int log_level_from_string(const char *text, int *ret_level) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (strcasecmp(level_names[i].name, text) == 0) {
                        *ret_level = level_names[i].level;
                        return 0;
                }
        return -EINVAL;
}

const char *log_level_to_string(int level) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (level_names[i].level == level)
                        return level_names[i].name;
        return "?";
}

/* $JOURNAL_STREAM names the stream systemd made; after a redirection stderr is another file
 * (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *name) {
        output.name = name;
        output.journal = stderr_is_journal();
        output.prefix = !isatty(STDERR_FILENO);
}

void log_set_max_level(int level) {
        output.max_level = level;
}

int log_get_max_level(void) {
        return output.max_level;
}

void log_context_set(LogContext *context, const char *name, const char *value) {
        size_t i = 0;

        while (i < context->n_fields && strcmp(context->fields[i].name, name) != 0)
                i++;

        if (!value) {
                if (i < context->n_fields)
                        context->fields[i] = context->fields[--context->n_fields];
                return;
        }
        if (i == LOG_MAX_FIELDS)
                return;
        context->fields[i] = (LogField) { name, value };
        context->n_fields = MAX(context->n_fields, i + 1);
}

/* -- one message -------------------------------------------------------------------------------- */

typedef struct Record {
        char texts[8 + LOG_MAX_FIELDS][FIELD_SIZE];
        struct iovec fields[9 + LOG_MAX_FIELDS];
        int n_fields;
} Record;

static void _printf_(2, 3) add_field(Record *record, const char *format, ...) {
        char *text = record->texts[record->n_fields];
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(text, FIELD_SIZE, format, arguments);
        va_end(arguments);
        if (length < 0)
                return;

        record->fields[record->n_fields++] = (struct iovec) { text, MIN((size_t) length, FIELD_SIZE - 1UL) };
}

/* `message` begins with "MESSAGE=". */
static int send_to_journal(int level, int error, const LogContext *context, const char *message_id,
                           const char *file, int line, const char *function, char *message) {
        Record record;

        record.n_fields = 0;
        add_field(&record, "PRIORITY=%d", level);
        add_field(&record, "SYSLOG_IDENTIFIER=%s", output.name);
        add_field(&record, "CODE_FILE=%s", file);
        add_field(&record, "CODE_LINE=%d", line);
        add_field(&record, "CODE_FUNC=%s", function);
        if (message_id)
                add_field(&record, "MESSAGE_ID=%s", message_id);
        if (error != 0)
                add_field(&record, "ERRNO=%d", error);
        for (size_t i = 0; context && i < context->n_fields; i++)
                add_field(&record, "%s=%s", context->fields[i].name, context->fields[i].value);

        record.fields[record.n_fields++] = (struct iovec) { message, strlen(message) };
        return sd_journal_sendv(record.fields, record.n_fields);
}

/* One line, one write(2): lines of several processes on one stream do not mix, and what came from outside
 * cannot begin a line of its own. */
static void write_line(int level, const char *message) {
        char line[MESSAGE_SIZE + 8];
        size_t start = output.prefix ? (size_t) snprintf(line, sizeof line, "<%d>", level) : 0;
        size_t length = MIN(strlen(message), sizeof line - start - 1);

        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char) message[i];

                line[start + i] = c < ' ' || c == 0x7f ? ' ' : (char) c;
        }
        line[start + length] = '\n';

        if (write(STDERR_FILENO, line, start + length + 1) < 0)
                return;         /* there is no place left to complain at */
}

int log_write(int level, int error, const LogContext *context, const char *message_id, const char *file,
              int line, const char *function, const char *format, ...) {
        static const char field[] = "MESSAGE=";
        char message[MESSAGE_SIZE];
        size_t skip = sizeof field - 1;
        int saved_errno = errno;
        va_list arguments;

        error = abs(error);
        memcpy(message, field, sizeof field);

        errno = error;          /* for %m */
        va_start(arguments, format);
        if (vsnprintf(message + skip, sizeof message - skip, format, arguments) < 0)
                snprintf(message + skip, sizeof message - skip, "(unprintable) %s", format);
        va_end(arguments);

        if (!output.journal ||
            send_to_journal(level, error, context, message_id, file, line, function, message) < 0)
                write_line(level, message + skip);

        errno = saved_errno;
        return -error;
}
