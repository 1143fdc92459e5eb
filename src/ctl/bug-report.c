/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl bug-report: what somebody who helps would ask for, in one text. Each section is what a command
 * prints. Every secret that root can find, in settings or credstores, is taken out of all of it, in whatever
 * encoding it may have got there.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "basic/clock.h"
#include "ctl/doctor.h"
#include "ctl/setup.h"
#include "domain/scrub.h"

#define MIN_SECRET 6 /* shorter ones, "true" for example, would take half of the text away */

/* Our own program, whichever it is. */
#define SELF "/proc/self/exe"

static const struct {
        const char *title;
        const char *argv[12];
} sections[] = {
        { "machine", { "uname", "-srm" } },
        { "system", { "sed", "-n", "s/^PRETTY_NAME=//p", "/etc/os-release" } },
        { "systemd", { "systemctl", "--version" } },
        { "fulgur", { SELF, "--version" } },
        { "debs", { "dpkg-query", "-W", "fulgur*", "postgresql-[0-9]*", "libpq5", "libh2o-evloop*" } },
        { "rpms", { "rpm", "-q", "fulgur", "fulgur-runner", "postgresql-server", "libpq", "libh2o-evloop" } },
        { "doctor", { SELF, "doctor" } },
        { "settings", { SELF, "config", "show" } },
        { "status", { SELF, "status" } },
        { "workers", { SELF, "worker", "list" } },
        { "units",
          { "systemctl", "list-units", "--all", "--plain", "--no-pager", "fulgur*", "postgresql*" } },
        { "drop-ins",
          { "systemctl", "show", "--property=Id", "--property=DropInPaths", "--property=NRestarts",
            "--property=MemoryCurrent", "fulgur*" } },
        { "journal",
          { "journalctl", "--no-pager", "--no-hostname", "--output=short-iso", "--priority=notice",
            "--lines=300", "--unit=fulgur*", "--unit=postgresql*" } },
};

/* -- secrets ----------------------------------------------------------------------------------- */

static void add_secret(Scrubber *scrubber, Text value) {
        if (value.length >= MIN_SECRET)
                scrubber_add_sample(scrubber, value);
}

/* Of an address the password alone, too: a message need not show the rest. */
static void add_password(Scrubber *scrubber, Text value) {
        const char *start = memmem(value.data, value.length, "://", 3), *at, *colon;

        if (!start)
                return;
        start += 3;
        at = memrchr(start, '@', (size_t) (value.data + value.length - start));
        colon = at ? memchr(start, ':', (size_t) (at - start)) : NULL;
        if (colon)
                add_secret(scrubber, text_make(colon + 1, (size_t) (at - colon - 1)));
}

/* What a unit prints is one line at a time: the lines of a key in PEM count one by one. */
static void add_lines(Scrubber *scrubber, Text value) {
        Text line;

        add_secret(scrubber, value);
        add_password(scrubber, value);
        while (text_split(&value, '\n', &line))
                if (!text_starts_with(line, "-----"))
                        add_secret(scrubber, text_trim(line));
}

static void add_credentials(Scrubber *scrubber, const char *path) {
        DIR *folder = opendir(path);

        for (struct dirent *entry; folder && (entry = readdir(folder));) {
                _cleanup_(secret_freep) Secret *secret = NULL;

                if (strncmp(entry->d_name, "fulgur.", 7) == 0 &&
                    root_read_credential(entry->d_name, &secret) >= 0)
                        add_lines(scrubber, secret_text(secret));
        }
        if (folder)
                closedir(folder);
}

/* Whatever the file holds and "config show" would not show. */
static void add_settings(Scrubber *scrubber, const char *path) {
        _cleanup_(env_file_freep) EnvFile *file = NULL;

        if (env_file_read(path, &file) < 0)
                return;
        for (size_t i = 0; i < file->n_lines; i++)
                if (file->lines[i].name && !settings_is_public(file->lines[i].name))
                        add_lines(scrubber, text_of(file->lines[i].value));
}

static Scrubber *find_secrets(Ctl *ctl) {
        Scrubber *scrubber = scrubber_new();

        add_credentials(scrubber, "/etc/credstore");
        add_credentials(scrubber, "/etc/credstore.encrypted");
        add_settings(scrubber, ctl->env_file ? ctl->env_file : "/etc/fulgur/fulgur.env");
        return scrubber;
}

/* -- the report -------------------------------------------------------------------------------- */

/* Children of ours read the same file. */
static void run_section(size_t i, Scrubber *scrubber, Buffer *text) {
        _cleanup_(buffer_deinit) Buffer output = BUFFER_NULL;
        int status = program_output(sections[i].argv, &output);

        scrub(scrubber, buffer_text(&output), text);
        if (status < 0)
                buffer_printf(text, "(%s: %s)\n", sections[i].argv[0], strerror(-status));
        else if (status > 0)
                buffer_printf(text, "(exit status %d)\n", status);
}

static void write_text(Scrubber *scrubber, Buffer *report) {
        char time[CLOCK_ISO_SIZE];

        buffer_printf(
                report,
                "Fulgur bug report, %s\n\nSecrets are taken out. Names of projects, people and machines are "
                "not: look through it before you give it away.\n",
                clock_format_sec(clock_now_usec(), time));
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                buffer_printf(report, "\n== %s\n\n", sections[i].title);
                run_section(i, scrubber, report);
        }
}

static void write_json(Scrubber *scrubber, Buffer *report) {
        JsonWriter w = JSON_WRITER(report);

        json_begin(&w, NULL);
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;

                run_section(i, scrubber, &text);
                json_string(&w, sections[i].title, buffer_string(&text));
        }
        json_end(&w);
        buffer_append_byte(report, '\n');
}

static int store(const char *path, Text report) {
        FILE *file;
        bool written;
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return ctl_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
        file = fdopen(fd, "w");
        if (!file)
                out_of_memory();
        written = fwrite(report.data, 1, report.length, file) == report.length;
        return fclose(file) == 0 && written ? EXIT_OK
                                            : ctl_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

int verb_bug_report(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_(buffer_deinit) Buffer report = BUFFER_NULL;
        _cleanup_(scrubber_freep) Scrubber *scrubber = NULL;

        if (argc > 2)
                return EXIT_USAGE;

        if (ctl->env_file)
                setenv("FULGUR_ENV_FILE", ctl->env_file, true);
        scrubber = find_secrets(ctl);
        if (ctl->json)
                write_json(scrubber, &report);
        else
                write_text(scrubber, &report);
        if (argc == 2)
                return store(argv[1], buffer_text(&report));
        if (fwrite(report.data, 1, report.length, stdout) != report.length || fflush(stdout) != 0)
                return ctl_fail(EXIT_FAILED, "the report could not be written: %s", strerror(errno));
        return EXIT_OK;
}
