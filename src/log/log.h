/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The journal. One message per thing an administrator wants to know, with structured fields
 * (FULGUR_RUN_ID=…) taken from the scope it happens in; stderr with a "<level>" prefix when there is no
 * journal. Bodies, tokens and secrets never come here.
 *
 * Field names and message ids: docs/ARCHITECTURE.md, "Journal"; catalog texts: units/fulgur.catalog.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <syslog.h>

#include "basic/macros.h"

typedef struct LogField {
        const char *name;       /* static, "FULGUR_RUN_ID" */
        const char *value;
} LogField;

#define LOG_MAX_FIELDS 12

/* What a scope adds to each message: a call carries one. Values are borrowed. */
typedef struct LogContext {
        LogField fields[LOG_MAX_FIELDS];
        size_t n_fields;
} LogContext;

/* Chooses journal or stderr; call once, first thing in main(). Before it, and without a journal, messages
 * are lines on stderr. The level is LOG_INFO until log_set_max_level(). `name` is SYSLOG_IDENTIFIER
 * (borrowed). */
void log_open(const char *name);
void log_set_max_level(int level);
int log_get_max_level(void);
/* "debug" … "emergency", also "warn", "err", "crit", "emerg". -EINVAL otherwise. */
int log_level_from_string(const char *text, int *ret_level);
const char *log_level_to_string(int level);

/* Sets or replaces a field; NULL removes it. Values longer than some 500 bytes are cut when they are
 * written; what does not fit into LOG_MAX_FIELDS is dropped. */
void log_context_set(LogContext *context, const char *name, const char *value);

/* `message_id`: one of log/message-id.h or NULL; `error`: errno value (either sign) for %m and ERRNO=, or 0.
 * Returns -abs(error), so that `return log_error_errno(r, "…: %m")` passes the error on. */
int log_write(int level, int error, const LogContext *context, const char *message_id, const char *file,
              int line, const char *function, const char *format, ...) _printf_(8, 9);

#define log_full(level, error, context, id, ...)                                                   \
        ({                                                                                         \
                int _level = (level), _error = (error);                                            \
                _level <= log_get_max_level()                                                      \
                        ? log_write(_level, _error, (context), (id), __FILE__, __LINE__, __func__, \
                                    __VA_ARGS__)                                                   \
                        : -abs(_error);                                                            \
        })

#define log_debug(...) log_full(LOG_DEBUG, 0, NULL, NULL, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, 0, NULL, NULL, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, 0, NULL, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, 0, NULL, NULL, __VA_ARGS__)
#define log_error(...) log_full(LOG_ERR, 0, NULL, NULL, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, (error), NULL, NULL, __VA_ARGS__)
#define log_error_errno(error, ...) log_full(LOG_ERR, (error), NULL, NULL, __VA_ARGS__)
