/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What fulgurctl says about itself, all from the table of verbs in main.c: the help for people, the list of
 * commands of fulgurctl(1), and the words that the shells complete.
 */

#include <ctype.h>
#include <string.h>

#include "ctl/ctl.h"

/* Those of fulgurctl itself; they may stand before the command, --json anywhere. */
static const struct {
        const char *name, *argument, *summary;
} options[] = {
        { "--json", "", "print JSON instead of text, with every command" },
        { "--env-file", "FILE", "read settings from FILE instead of /etc/fulgur/fulgur.env" },
        { "--help", "", "print this" },
        { "--version", "", "print the version" },
};

/* What the manual says beyond a summary. */
static const struct {
        const char *words, *text;
} details[] = {
        { "audit list", "20 events without a limit. With --json also what was before and after each of them." },
        { "bug-report", "Versions, doctor, settings, units and the last notices of the journal, to standard output or a "
                        "new FILE that only its owner may read. Every key and password that root can find is taken "
                        "out; names of projects, people and machines are not." },
        { "config check", "What is wrong is named with its line." },
        { "config reference", "As in fulgur.env(5)." },
        { "doctor", "Each check has a number, what was found, and the command to go on with. Nothing is changed. The exit "
                    "status is 1 if a check failed; warnings are for when there is time. Run it as root: others see "
                    "less." },
        { "key generate", "To standard output, in the shape that fulgur.env takes; nothing is stored. The keys of "
                          "\"worker\" are what the server needs and what the worker needs to trust each other." },
        { "key rotate", "Makes a new primary key, has the services open with both, seals with the new one, seals "
                        "everything in the database anew, and removes the former one. The services go on working; each is "
                        "restarted three times. What was interrupted is finished by the next one. With --check only "
                        "tells whether everything that is sealed opens with the keys that are there. Not while a "
                        "kickstart runs." },
        { "kickstart", "Creates users, projects, credentials and workflows as FILE (- for standard input) declares "
                       "them, or brings them to that state: a second time changes nothing. What a declared project "
                       "has and the file has not, goes. The manifest, JSON with the ids, webhook paths and API "
                       "tokens of what the file declares, is printed or written to OUT." },
        { "log-level", "LEVEL is debug, info, notice, warning, error, critical, alert or emergency; default is what LOG_LEVEL "
                       "says. SERVICE is web, webhooks or workers, all of them without one. It lasts until a reload or "
                       "restart." },
        { "migrate", "With --check only tells whether it is; exit status 1 if not." },
        { "run list", "20 of them without a limit." },
        { "run retry", "Prints the new run's id." },
        { "run tail", "The exit status is 0 if it ended with success, 1 otherwise." },
        { "token create", "It is shown this once: the database keeps a hash." },
        { "worker list", "Connected as the daemons said within the last ten seconds." },
};

static void print_options(FILE *stream) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                int n = fprintf(stream, "  %s %s", options[i].name, options[i].argument);

                fprintf(stream, "%*s%s\n", 20 - n, "", options[i].summary);
        }
}

void help_print(FILE *stream, const Verb *verbs, size_t n_verbs) {
        fprintf(stream, "fulgurctl [--json] [--env-file FILE] COMMAND …\n\nLooks after a Fulgur "
                        "instance.\n\nCommands:\n");
        for (size_t i = 0; i < n_verbs; i++)
                fprintf(stream, "  %s%s%s\n        %s\n", verbs[i].words, *verbs[i].arguments ? " " : "",
                        verbs[i].arguments, verbs[i].summary);
        fprintf(stream, "\nOptions:\n");
        print_options(stream);
        fprintf(stream, "\nSee fulgurctl(1) for exit codes and the format of kickstart files.\n");
}

/* A line for each: what it is, words, arguments, summary, with tabs between. The completions are made of it. */
static void print_list(const Verb *verbs, size_t n_verbs) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                printf("option\t%s\t%s\t%s\n", options[i].name, options[i].argument, options[i].summary);
        for (size_t i = 0; i < n_verbs; i++)
                printf("verb\t%s\t%s\t%s\n", verbs[i].words, verbs[i].arguments, verbs[i].summary);
}

static void print_roff_char(const char **p) {
        if (**p == '-' || **p == '\\')
                printf("\\%s", **p == '-' ? "-" : "e");
        else if (strncmp(*p, "…", 3) == 0) {
                printf("\\|.\\|.\\|.");
                *p += 2;
        } else
                putchar(**p);
        (*p)++;
}

static void print_roff(const char *text) {
        while (*text)
                print_roff_char(&text);
}

/* Bold is what is typed as it stands, italic what stands for something: in capitals. */
static void print_roff_usage(const char *text) {
        while (*text) {
                bool literal = islower((unsigned char)*text) || *text == '-';

                if (!isupper((unsigned char)*text) && !literal) {
                        print_roff_char(&text);
                        continue;
                }
                printf(literal ? "\\fB" : "\\fI");
                while (*text == '-' || isalnum((unsigned char)*text))
                        print_roff_char(&text);
                printf("\\fR");
        }
}

static void print_roff_verb(const Verb *verb) {
        printf(".TP\n");
        print_roff_usage(verb->words);
        if (*verb->arguments)
                putchar(' ');
        print_roff_usage(verb->arguments);
        printf("\n%c", toupper((unsigned char)verb->summary[0]));
        print_roff(verb->summary + 1);
        printf(".\n");

        for (size_t i = 0; i < ELEMENTSOF(details); i++)
                if (strcmp(details[i].words, verb->words) == 0) {
                        print_roff(details[i].text);
                        putchar('\n');
                }
}

int help_run(const Verb *verbs, size_t n_verbs, const char *form) {
        if (!form)
                help_print(stdout, verbs, n_verbs);
        else if (strcmp(form, "--list") == 0)
                print_list(verbs, n_verbs);
        else if (strcmp(form, "--roff") == 0)
                for (size_t i = 0; i < n_verbs; i++)
                        print_roff_verb(&verbs[i]);
        else
                return ctl_fail(EXIT_USAGE, "help takes --list or --roff, not \"%s\"", form);
        return EXIT_OK;
}
