/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command line that all daemons share: one table for parsing and for --help.
 */

#include "serve/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "basic/clock.h"
#include "basic/parse.h"
#include "serve/route.h"
#include "serve/service.h"

enum { OPTION_EXIT_IDLE = 256, OPTION_HELP, OPTION_LISTEN, OPTION_LIST_ROUTES, OPTION_VERSION };

static const struct option long_options[] = {
        { "exit-idle-time", required_argument, NULL, OPTION_EXIT_IDLE   },
        { "help",           no_argument,       NULL, OPTION_HELP        },
        { "listen",         required_argument, NULL, OPTION_LISTEN      },
        { "list-routes",    no_argument,       NULL, OPTION_LIST_ROUTES },
        { "version",        no_argument,       NULL, OPTION_VERSION     },
        {}
};

static void print_help(const ServiceConfig *config) {
        printf("%s [OPTION…]\n\n%s\n\n"
               "  --exit-idle-time=SEC  leave after this time without anything to do; 0: stay.\n"
               "                        Only for a service that its socket starts again\n"
               "  --help                show this\n"
               "  --listen=ADDRESS      for development: host:port or the path of a socket;\n"
               "                        otherwise sockets come from systemd\n"
               "  --list-routes         show the routes with their rights\n"
               "  --version             show the version\n\n"
               "Settings come from the environment: see fulgur.env(5).\n",
               config->name, config->summary);
}

static int parse_idle(const char *text, Options *options) {
        uint64_t seconds;

        if (parse_u64(text_of(text), &seconds) < 0 || seconds > UINT32_MAX) {
                fprintf(stderr, "--exit-idle-time=%s is not a number of seconds\n", text);
                return -EINVAL;
        }

        options->exit_idle_usec = seconds * USEC_PER_SEC;
        options->has_exit_idle = true;
        return 1;
}

static int add_listen(const char *address, Options *options) {
        if (options->n_listen == OPTIONS_MAX_LISTEN) {
                fprintf(stderr, "--listen is given more than %d times\n", OPTIONS_MAX_LISTEN);
                return -EINVAL;
        }

        options->listen[options->n_listen++] = address;
        return 1;
}

static int list_routes(const ServiceConfig *config) {
        if (!config->routes)
                return 0;
        if (routes_check(config->routes) < 0)
                return -EINVAL;

        routes_print(config->routes, stdout);
        return 0;
}

static int apply(const ServiceConfig *config, int option, const char *value, Options *options) {
        switch (option) {
        case OPTION_EXIT_IDLE:
                return parse_idle(value, options);
        case OPTION_HELP:
                print_help(config);
                return 0;
        case OPTION_LISTEN:
                return add_listen(value, options);
        case OPTION_LIST_ROUTES:
                return list_routes(config);
        case OPTION_VERSION:
                printf("%s %s\n", config->name, FULGUR_VERSION);
                return 0;
        default:
                return -EINVAL; /* getopt has said it */
        }
}

int options_parse(const ServiceConfig *config, int argc, char *argv[], Options *ret_options) {
        Options options = {};
        int option, r;

        while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                r = apply(config, option, optarg, &options);
                if (r <= 0)
                        return r;
        }

        if (optind < argc) {
                fprintf(stderr, "%s takes no arguments: %s\n", config->name, argv[optind]);
                return -EINVAL;
        }

        *ret_options = options;
        return 1;
}
