/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Other people's programs, systemd's above all: started without a shell, waited for.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/program.h"

#define MAX_OUTPUT (1024 * 1024)

static int wait_for(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int program_run(const char *const argv[], Text input, int output, bool quiet) {
        posix_spawn_file_actions_t actions;
        int fds[2], r;
        pid_t pid;

        /* What does not fit into a pipe would need a loop; keys and URLs do. */
        if (input.length > 4096)
                return -EFBIG;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = input.length > 0 && write(fds[1], input.data, input.length) != (ssize_t) input.length ? -EIO : 0;
        close(fds[1]);

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
        if (output >= 0)
                posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        else
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        if (quiet)
                posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = -posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(fds[0]);
        return r < 0 ? r : wait_for(pid);
}

int program_output(const char *const argv[], Buffer *ret_output) {
        char path[64];
        int fd, status, r;

        fd = memfd_create("output", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        status = program_run(argv, TEXT_NULL, fd, true);
        r = status < 0 ? status : ctl_read_file(path, MAX_OUTPUT, ret_output);
        close(fd);
        return r < 0 ? r : status;
}
