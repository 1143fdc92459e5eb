/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fuzz target without a fuzzer: feeds it every file of the directories given, so that what was found
 * once is looked at in every test run.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void feed(const char *directory, const char *name) {
        char path[4096];
        FILE *file;
        long size;
        uint8_t *data;

        snprintf(path, sizeof path, "%s/%s", directory, name);
        file = fopen(path, "re");
        if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
                perror(path);
                exit(1);
        }
        rewind(file);

        /* Exactly as large as the file: a sanitizer sees the first byte that is read too much. */
        data = malloc((size_t) size);
        if (size > 0 && (!data || fread(data, (size_t) size, 1, file) != 1)) {
                perror(path);
                exit(1);
        }
        fclose(file);

        LLVMFuzzerTestOneInput(data, (size_t) size);
        free(data);
}

static size_t feed_all(const char *directory) {
        struct dirent *entry;
        size_t n_files = 0;
        DIR *dir = opendir(directory);

        if (!dir) {
                perror(directory);
                exit(1);
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                feed(directory, entry->d_name);
                n_files++;
        }
        closedir(dir);
        return n_files;
}

int main(int argc, char **argv) {
        size_t n_files = 0;

        for (int i = 1; i < argc; i++)
                n_files += feed_all(argv[i]);

        printf("%zu files\n", n_files);
        return n_files > 0 ? 0 : 1;
}
