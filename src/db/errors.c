/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What PostgreSQL's error codes mean to us: one table, the longest prefix that fits wins.
 *
 * The errno decides what a caller can do (ask again, say which field is wrong, say that it is taken), so
 * codes with one remedy share one errno. Codes: PostgreSQL 15, appendix A.
 */

#include <errno.h>
#include <string.h>

#include "db/batch.h"

static const struct {
        const char *prefix;
        int error;
} errors[] = {
        { "08",    -ENOTCONN },         /* connection exceptions */
        { "22",    -EINVAL },           /* a value that does not fit its type: too long, a NUL in a text */
        { "22P03", -EIO },              /* …but a binary parameter of the wrong shape is our own mistake */
        { "23502", -EINVAL },           /* not null */
        { "23503", -ENOENT },           /* foreign key: what it points to is not there */
        { "23505", -EEXIST },           /* unique */
        { "23514", -EINVAL },           /* check */
        { "23P01", -EEXIST },           /* exclusion: unique's big brother */
        { "25006", -EROFS },            /* a standby: the primary has moved */
        { "3F000", -ENOTRECOVERABLE },  /* schema, */
        { "42703", -ENOTRECOVERABLE },  /* column, */
        { "42883", -ENOTRECOVERABLE },  /* function or */
        { "42P01", -ENOTRECOVERABLE },  /* table that is not there: migrations are missing */
        { "40001", -EAGAIN },           /* serialization failure */
        { "40P01", -EAGAIN },           /* deadlock */
        { "44000", -EINVAL },           /* with check option */
        { "53100", -ENOSPC },           /* disk full */
        { "53200", -ENOMEM },
        { "53300", -ENOTCONN },         /* too many connections */
        { "54000", -E2BIG },            /* beyond a limit of PostgreSQL: an index entry of 2 KiB */
        { "55P03", -EBUSY },            /* lock not available: NOWAIT, lock_timeout */
        { "57014", -ETIMEDOUT },        /* statement_timeout */
        { "57P",   -ENOTCONN },         /* shutting down, starting up, crashed, idle too long */
        { "FX403", -EACCES },           /* raised by our own functions */
        { "FX404", -ENOENT },
        { "FX409", -EEXIST },
        { "FX410", -ESTALE },
        { "FX422", -EINVAL },
        { "FX429", -EBUSY },
};

int db_error_from_sqlstate(const char *sqlstate) {
        size_t longest = 0;
        int error = -EIO;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                size_t length = strlen(errors[i].prefix);

                if (length > longest && strncmp(sqlstate, errors[i].prefix, length) == 0) {
                        longest = length;
                        error = errors[i].error;
                }
        }

        return error;
}
