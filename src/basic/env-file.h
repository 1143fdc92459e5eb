/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Environment files, read the way systemd reads an EnvironmentFile= (systemd.exec(5)), with the line of each variable
 * kept for messages. Nothing in such a file is an error to systemd, so nothing is here: who knows the names
 * judges them.
 */

#include "basic/macros.h"
#include "basic/text.h"

typedef struct EnvLine {
        char *name, *value;             /* name NULL: the line is no assignment */
        unsigned line;                  /* of the name, from 1: a value may span several */
} EnvLine;

typedef struct EnvFile {
        char *path;
        EnvLine *lines;
        size_t n_lines;
} EnvFile;

/* -ENOENT, -EACCES … as open(2) and read(2); -EFBIG beyond 1 MiB; -EBADMSG for a NUL byte. */
int env_file_read(const char *path, EnvFile **ret_file);
/* The same from memory; `path` is only kept. */
int env_file_parse(const char *path, Text text, EnvFile **ret_file);
/* Wipes the values: there may be secrets among them. */
EnvFile *env_file_free(EnvFile *file);
DEFINE_CLEANUP(EnvFile, env_file_free);

/* The last line of that name, as systemd has it; NULL without one. */
const EnvLine *env_file_get(const EnvFile *file, const char *name);
