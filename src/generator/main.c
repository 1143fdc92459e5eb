/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-generator: runs whenever systemd loads its units and turns LISTEN_ADDRESS and PORT of
 * /etc/fulgur/fulgur.env into a drop-in for fulgur-web.socket. At boot that is before there is a journal or any
 * file system but the root (systemd.generator(7)), so nothing else is looked at.
 *
 * A value that makes no sense leaves no drop-in: the socket keeps its default address and the web service,
 * which reads the same file, refuses to start and says why.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/env-file.h"
#include "generator/listen.h"

#define NAME "fulgur-generator"
#define ENV_PATH "/etc/fulgur/fulgur.env"

/* Before "override.conf", so that what an administrator wrote with `systemctl edit` has the last word. */
#define DROP_IN "10-listen-address.conf"

static int run(const char *directory);
static int write_drop_in(const char *directory, Text text);
static void report(Text lines);
static int report_errno(const char *action, const char *path, int error);

int main(int argc, char *argv[]) {
        /* systemd passes three directories, for three priorities; the first is the ordinary one. */
        if (argc != 2 && argc != 4) {
                fprintf(stderr, "Usage: %s NORMAL-DIRECTORY [EARLY-DIRECTORY LATE-DIRECTORY]\n", argv[0]);
                return 2;
        }

        umask(0022);
        return run(argv[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const char *directory) {
        const char *path = getenv("FULGUR_ENV_FILE") ?: ENV_PATH;
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;
        _cleanup_(env_file_freep) EnvFile *env = NULL;
        int r;

        r = env_file_read(path, &env);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return report_errno("read", path, r);

        r = listen_drop_in(env, &text);
        if (r < 0)
                report(buffer_text(&text));
        if (r != 0)
                return r;

        r = write_drop_in(directory, buffer_text(&text));
        if (r < 0)
                return report_errno("write the drop-in below", directory, r);

        return 0;
}

static int write_all(int fd, Text text) {
        while (text.length > 0) {
                ssize_t n = write(fd, text.data, text.length);

                if (n < 0)
                        return -errno;
                text = text_make(text.data + n, text.length - (size_t) n);
        }

        return 0;
}

static int write_file(const char *path, Text text) {
        int fd, r;

        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
        if (fd < 0)
                return -errno;

        r = write_all(fd, text);
        if (close(fd) < 0 && r == 0)
                r = -errno;

        return r;
}

static int write_drop_in(const char *directory, Text text) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        const char *folder = arena_printf(&arena, "%s/fulgur-web.socket.d", directory);

        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
                return -errno;

        return write_file(arena_printf(&arena, "%s/" DROP_IN, folder), text);
}

/* Under systemd the kernel log, from where the journal collects it, one record per write; containers have none, but
 * there may be a journal already. A person who runs us by hand reads stderr. */
static void report_line(const char *line) {
        int fd;

        if (!getenv("SYSTEMD_SCOPE")) {
                fprintf(stderr, "%s\n", line);
                return;
        }

        fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || dprintf(fd, "<3>" NAME "[%d]: %s\n", (int) getpid(), line) < 0)
                syslog(LOG_ERR | LOG_DAEMON, "%s", line);
        if (fd >= 0)
                close(fd);
}

static void report(Text lines) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text line;

        openlog(NAME, LOG_PID, LOG_DAEMON);
        while (text_split(&lines, '\n', &line))
                if (line.length > 0)
                        report_line(arena_text_string(&arena, line));
}

static int report_errno(const char *action, const char *path, int error) {
        _cleanup_(buffer_deinit) Buffer text = BUFFER_NULL;

        buffer_printf(&text, "Failed to %s %s: %s", action, path, strerror(-error));
        report(buffer_text(&text));
        return error;
}
