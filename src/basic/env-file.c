/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Environment files in systemd's grammar: `NAME=value` lines, comments with # or ;, values in single or double
 * quotes, a backslash that joins lines. We read them ourselves to say where a bad value stands, and because the
 * generator and fulgurctl are not started with such a file; both must see what a service sees.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "basic/buffer.h"
#include "basic/env-file.h"

#define MAX_FILE_SIZE (1024 * 1024)

typedef struct Reader {
        const char *next, *end;
        unsigned line;
} Reader;

static bool at_end(const Reader *reader) {
        return reader->next == reader->end;
}

static char take(Reader *reader) {
        char c = *reader->next++;

        reader->line += c == '\n';
        return c;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

/* Either ends a line; lines are counted by \n, so that CR LF is one. */
static bool is_newline(char c) {
        return c == '\n' || c == '\r';
}

static void skip_blanks(Reader *reader) {
        while (!at_end(reader) && is_blank(*reader->next))
                reader->next++;
}

/* A backslash carries a comment on into the next line, too. */
static void skip_comment(Reader *reader) {
        while (!at_end(reader)) {
                char c = take(reader);

                if (is_newline(c))
                        return;
                if (c == '\\' && !at_end(reader))
                        take(reader);
        }
}

/* Behind the opening quote, up to the closing one; both kinds may span lines. In double quotes a backslash stays
 * unless it stands before something a shell would act on. */
static void read_quoted(Reader *reader, char quote, Buffer *value) {
        while (!at_end(reader)) {
                char c = take(reader);

                if (c == quote)
                        return;

                if (c == '\\' && quote == '"') {
                        if (at_end(reader))
                                return;
                        c = take(reader);
                        if (c == '\n')
                                continue;
                        if (!strchr("\"\\`$", c))
                                buffer_append_byte(value, '\\');
                }

                buffer_append_byte(value, c);
        }
}

/* Up to the end of the line. Quotes inside are ordinary; blanks at the end are not part of it, unless a backslash
 * follows. */
static void read_bare(Reader *reader, Buffer *value) {
        size_t length = value->length;

        while (!at_end(reader)) {
                char c = take(reader);

                if (is_newline(c))
                        break;
                if (c == '\\') {
                        if (!at_end(reader) && !is_newline(*reader->next))
                                buffer_append_byte(value, *reader->next);
                        if (!at_end(reader))
                                take(reader);
                        length = value->length;
                        continue;
                }

                buffer_append_byte(value, c);
                if (!is_blank(c))
                        length = value->length;
        }

        value->length = length;
}

/* Quoted parts may follow one another; the first bare character makes the rest of the line bare. */
static void read_value(Reader *reader, Buffer *value) {
        for (;;) {
                skip_blanks(reader);
                if (at_end(reader) || (*reader->next != '"' && *reader->next != '\''))
                        break;
                read_quoted(reader, take(reader), value);
        }

        read_bare(reader, value);
}

/* Up to the '=', which is not the first character. Without one in the line, the line is skipped. */
static bool read_name(Reader *reader, Text *ret_name) {
        const char *start = reader->next;

        take(reader);
        while (!at_end(reader)) {
                char c = take(reader);

                if (is_newline(c))
                        break;
                if (c == '=') {
                        *ret_name = text_trim(text_make(start, (size_t) (reader->next - start) - 1));
                        return true;
                }
        }

        return false;
}

static void read_line(Reader *reader, EnvFile *file) {
        EnvLine line = { .line = reader->line };
        Buffer value = BUFFER_NULL;
        Text name;

        if (read_name(reader, &name)) {
                read_value(reader, &value);
                line.name = xstrndup(name.data, name.length);
                line.value = xstrndup(buffer_string(&value), value.length);
                explicit_bzero(value.data, value.length);
        }

        buffer_deinit(&value);
        file->lines = xrealloc(file->lines, (file->n_lines + 1) * sizeof *file->lines);
        file->lines[file->n_lines++] = line;
}

int env_file_parse(const char *path, Text text, EnvFile **ret_file) {
        Reader reader = { text.data, text.data + text.length, 1 };
        EnvFile *file;

        if (text.length > 0 && memchr(text.data, 0, text.length))
                return -EBADMSG;

        file = xnew(EnvFile, 1);
        file->path = xstrdup(path);

        while (!at_end(&reader))
                if (*reader.next == '#' || *reader.next == ';')
                        skip_comment(&reader);
                else if (is_blank(*reader.next) || is_newline(*reader.next))
                        take(&reader);
                else
                        read_line(&reader, file);

        *ret_file = file;
        return 0;
}

/* -- the file ---------------------------------------------------------------------------------- */

/* One allocation of the largest size: a buffer that grows would leave copies of secrets behind. */
static int read_whole(int fd, char **ret_data, size_t *ret_length) {
        _cleanup_(freep) char *data = xmalloc(MAX_FILE_SIZE + 1);
        size_t length = 0;

        while (length <= MAX_FILE_SIZE) {
                ssize_t n = read(fd, data + length, MAX_FILE_SIZE + 1 - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                length += (size_t) n;
        }

        if (length > MAX_FILE_SIZE)
                return -EFBIG;

        *ret_data = TAKE_PTR(data);
        *ret_length = length;
        return 0;
}

int env_file_read(const char *path, EnvFile **ret_file) {
        _cleanup_(freep) char *data = NULL;
        size_t length;
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        r = read_whole(fd, &data, &length);
        close(fd);
        if (r < 0)
                return r;

        r = env_file_parse(path, text_make(data, length), ret_file);
        explicit_bzero(data, length);
        return r;
}

EnvFile *env_file_free(EnvFile *file) {
        if (!file)
                return NULL;

        for (size_t i = 0; i < file->n_lines; i++) {
                if (file->lines[i].value)
                        explicit_bzero(file->lines[i].value, strlen(file->lines[i].value));
                free(file->lines[i].name);
                free(file->lines[i].value);
        }

        free(file->lines);
        free(file->path);
        free(file);
        return NULL;
}

const EnvLine *env_file_get(const EnvFile *file, const char *name) {
        if (!file)
                return NULL;

        for (size_t i = file->n_lines; i-- > 0;)
                if (file->lines[i].name && strcmp(file->lines[i].name, name) == 0)
                        return &file->lines[i];

        return NULL;
}
