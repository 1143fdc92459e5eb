/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What verbs share: asking the database, reading arguments and files, printing.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

void ctl_print_json(Buffer *buffer) {
        buffer_append_byte(buffer, '\n');
        fwrite(buffer->data, 1, buffer->length, stdout);
        buffer_deinit(buffer);
}

int ctl_report(Ctl *ctl, const BatchResult *result) {
        switch (result->error) {
        case 0:
                return EXIT_OK;
        case -ENOTCONN:
        case -ETIMEDOUT:
                return ctl_fail(EXIT_DATABASE, "the database went away: %s", conn_error(ctl->conn));
        case -ENOTRECOVERABLE:
                return ctl_fail(EXIT_FAILED,
                                "the database is not up to date: run \"fulgurctl migrate\" first");
        default:
                return ctl_fail(EXIT_FAILED, "the database refused: %s",
                                result->message ? result->message : conn_error(ctl->conn));
        }
}

int ctl_query_params(Ctl *ctl, BatchResult *ret_result, const Query *query, const Param *params,
                     size_t n_params) {
        Batch *batch = batch_new(&ctl->arena, 0);

        batch_add_params(batch, query, params, n_params);
        conn_run(ctl->conn, batch, ret_result);
        if (ret_result->error == 0)
                return EXIT_OK;

        int code = ctl_report(ctl, ret_result);
        batch_result_deinit(ret_result);
        return code;
}

bool ctl_read_uuid(const char *text, const char *what, Uuid *ret_uuid) {
        if (uuid_parse(text_of(text), ret_uuid) >= 0)
                return true;
        ctl_fail(EXIT_USAGE, "\"%s\" is no %s id", text, what);
        return false;
}

int ctl_read_file(const char *path, size_t max, Buffer *ret_content) {
        char chunk[65536];
        FILE *file;
        size_t n;
        int r = 0;

        file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        if (!file)
                return -errno;
        while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
                if (ret_content->length + n > max) {
                        r = -EFBIG;
                        break;
                }
                buffer_append(ret_content, chunk, n);
        }
        if (r == 0 && ferror(file))
                r = -EIO;
        if (file != stdin)
                fclose(file);
        explicit_bzero(chunk, sizeof chunk);
        return r;
}
