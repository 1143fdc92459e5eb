/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line that all daemons share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX_LISTEN 8

typedef struct ServiceConfig ServiceConfig;

typedef struct Options {
        const char *listen[OPTIONS_MAX_LISTEN];
        size_t n_listen;
        uint64_t exit_idle_usec;
        bool has_exit_idle;
} Options;

/* 1: go on; 0: all is done (--help and the like); -EINVAL: said on stderr. */
int options_parse(const ServiceConfig *config, int argc, char *argv[], Options *ret_options);
