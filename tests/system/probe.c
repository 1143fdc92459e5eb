/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an intruder would try first, tried from inside a unit's sandbox.
 *
 *     probe server|jobs
 *
 * tests/system/sandbox starts this in place of a unit's own program, with all else of the unit as it is. Each act is
 * made so that nothing comes of it where it is not refused. It runs in a process of its own, which ends with its
 * errno, or with 0 when it could be done. An act counts as refused only with an errno of its row: EINVAL, say, means that
 * the kernel has let it through to look at the arguments.
 *
 * "jobs" is for the workers. They run programs and call out, so the acts that are these are left out.
 *
 * PROBE_VICTIM= is a process of the same user in another unit; PROBE_SECRET= a credential of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "basic/macros.h"

typedef enum Refusal {
        DENIED = 0,             /* EPERM, EACCES, EROFS: for every act */
        HIDDEN = 1 << 0,        /* ENOENT: there is nothing by this name in the sandbox */
        FAMILY = 1 << 1,        /* EAFNOSUPPORT: RestrictAddressFamilies= */
        UNKNOWN = 1 << 2,       /* ENOSYS: what RestrictNamespaces= makes of clone3() */
        LOADER = 1 << 3,        /* 127: the loader runs, but may not map the program */
        JOBS_MAY = 1 << 4,      /* workers run other programs and call out */
} Refusal;

typedef struct Act Act;

struct Act {
        const char *name;
        int (*try)(const Act *act);
        Refusal refusal;
        const char *path;
        long number;            /* of a namespace, a family, a system call */
};

static int outcome(long r) {
        return r < 0 ? -errno : 0;
}

static pid_t victim(void) {
        const char *pid = getenv("PROBE_VICTIM");

        return pid ? atoi(pid) : 1;
}

/* -- files ----------------------------------------------------------------------------------------- */

static int try_read(const Act *act) {
        char byte;
        int fd = open(act->path, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? -errno : outcome(read(fd, &byte, 1));
}

static int try_secret(const Act *act) {
        const char *path = getenv("PROBE_SECRET");
        Act other = { .path = path };

        return path ? try_read(&other) : 0;
}

static int try_list(const Act *act) {
        return outcome(open(act->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* Opened and left as it is. */
static int try_write(const Act *act) {
        return outcome(open(act->path, O_WRONLY | O_CLOEXEC));
}

/* A file without a name: gone with the descriptor. */
static int try_create(const Act *act) {
        return outcome(open(act->path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
}

static int try_mknod(const Act *act) {
        char path[64];

        snprintf(path, sizeof path, "/tmp/probe-%d", getpid());
        if (mknod(path, S_IFCHR | 0600, makedev(1, 1)) < 0)
                return -errno;
        unlink(path);
        return 0;
}

static int try_set_id(const Act *act) {
        int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

        if (fd < 0)
                return 0;       /* writing to /tmp is allowed: something else is wrong */
        return outcome(fchmod(fd, 0600 | (mode_t) act->number));
}

/* -- programs and code ----------------------------------------------------------------------------- */

static int try_exec(const Act *act) {
        execl(act->path, act->path, "-c", "exit 0", NULL);
        return -errno;
}

static int try_loader(const Act *act) {
        execl(act->path, act->path, "/bin/true", NULL);
        return -errno;
}

static int copy_true(int to) {
        char data[65536];
        int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
        ssize_t n;

        while ((n = read(from, data, sizeof data)) > 0)
                if (write(to, data, (size_t) n) != n)
                        return -EIO;
        return n < 0 ? -errno : 0;
}

/* A program that the intruder brings along. */
static int try_exec_copy(const Act *act) {
        char path[64];
        pid_t pid;
        int fd, status, r;

        snprintf(path, sizeof path, "%s/probe-%d", act->path, getpid());
        fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);
        if (fd < 0)
                return -errno;
        r = copy_true(fd);
        close(fd);
        pid = r == 0 ? fork() : -1;
        if (pid == 0) {
                execl(path, path, NULL);
                _exit(errno);
        }
        if (pid > 0 && waitpid(pid, &status, 0) == pid)
                r = -WEXITSTATUS(status);
        unlink(path);
        return r;
}

static int try_exec_memory(const Act *act) {
        char path[32];
        int fd, r;

        fd = memfd_create("probe", 0);
        if (fd < 0)
                return -errno;
        r = copy_true(fd);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fcntl(fd, F_DUPFD, 100));
        close(fd);
        execl(path, path, NULL);
        return errno == ETXTBSY ? 0 : -errno;
}

static int try_map_write_execute(const Act *act) {
        void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return memory == MAP_FAILED ? -errno : 0;
}

static int try_make_executable(const Act *act) {
        void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int try_map_file(const Act *act) {
        int fd = open(act->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        void *memory;

        if (fd < 0 || ftruncate(fd, 4096) < 0)
                return -errno;
        memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        return memory == MAP_FAILED ? -errno : 0;
}

static int try_personality(const Act *act) {
        return outcome(personality(PER_BSD));
}

/* -- the network ----------------------------------------------------------------------------------- */

static int try_socket(const Act *act) {
        return outcome(socket((int) act->number, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int try_raw_socket(const Act *act) {
        return outcome(socket((int) act->number, SOCK_RAW | SOCK_CLOEXEC, 1));
}

/* -- other processes ------------------------------------------------------------------------------- */

static int try_kill(const Act *act) {
        return outcome(kill(victim(), 0));
}

static int try_pidfd_signal(const Act *act) {
        int fd = (int) syscall(SYS_pidfd_open, victim(), 0);

        return fd < 0 ? -errno : outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

static int try_pidfd_getfd(const Act *act) {
        int fd = (int) syscall(SYS_pidfd_open, victim(), 0);

        return fd < 0 ? -errno : outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int try_ptrace(const Act *act) {
        if (ptrace(PTRACE_SEIZE, victim(), NULL, NULL) < 0)
                return -errno;
        ptrace(PTRACE_DETACH, victim(), NULL, NULL);
        return 0;
}

/* Nothing is mapped at address 1: EFAULT once the kernel agrees. */
static int try_read_memory(const Act *act) {
        char byte;
        struct iovec here = { &byte, 1 }, there = { (void *) 1, 1 };

        return outcome(process_vm_readv(victim(), &here, 1, &there, 1, 0));
}

static int try_write_memory(const Act *act) {
        char byte = 0;
        struct iovec here = { &byte, 1 }, there = { (void *) 1, 1 };

        return outcome(process_vm_writev(victim(), &here, 1, &there, 1, 0));
}

static int try_environment(const Act *act) {
        char path[64];
        Act other = { .path = path };

        snprintf(path, sizeof path, "/proc/%d/environ", victim());
        return try_read(&other);
}

/* -- namespaces and the tree ----------------------------------------------------------------------- */

static int try_unshare(const Act *act) {
        return outcome(unshare((int) act->number));
}

static int try_clone(const Act *act) {
        long pid = syscall(SYS_clone, act->number | SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return outcome(pid);
}

static int try_clone3(const Act *act) {
        struct {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        } arguments = { .flags = (uint64_t) act->number, .exit_signal = SIGCHLD };
        long pid = syscall(SYS_clone3, &arguments, sizeof arguments);

        if (pid == 0)
                _exit(0);
        return outcome(pid);
}

static int try_setns(const Act *act) {
        int fd = open(act->path, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? -errno : outcome(setns(fd, 0));
}

static int try_mount(const Act *act) {
        return outcome(mount("probe", "/tmp", "no-such-file-system", 0, NULL));
}

static int try_remount(const Act *act) {
        return outcome(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int try_umount(const Act *act) {
        return outcome(umount2("/nonexistent", MNT_DETACH));
}

static int try_pivot_root(const Act *act) {
        return outcome(syscall(SYS_pivot_root, "/nonexistent", "/nonexistent"));
}

static int try_chroot(const Act *act) {
        return outcome(chroot("/"));
}

/* -- the machine ----------------------------------------------------------------------------------- */

/* Zeros make a call without effect of each that is tried like this. */
static int try_call(const Act *act) {
        return outcome(syscall(act->number, 0, 0, 0, 0, 0, 0));
}

static int try_reboot(const Act *act) {
        return outcome(syscall(SYS_reboot, 0, 0, 0, NULL));
}

static int try_kexec(const Act *act) {
        return outcome(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL));
}

static int try_hostname(const Act *act) {
        char name[65];

        return gethostname(name, sizeof name) < 0 ? 0 : outcome(sethostname(name, strlen(name)));
}

static int try_set_clock(const Act *act) {
        struct timespec invalid = { .tv_nsec = -1 };

        return outcome(syscall(SYS_clock_settime, CLOCK_REALTIME, &invalid));
}

static int try_adjust_clock(const Act *act) {
        struct timex reading = {};

        return outcome(clock_adjtime(CLOCK_REALTIME, &reading));
}

static int try_swapon(const Act *act) {
        return outcome(syscall(SYS_swapon, "/nonexistent", 0));
}

static int try_add_key(const Act *act) {
        return outcome(syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int try_keyring(const Act *act) {
        return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

static int try_realtime(const Act *act) {
        struct sched_param parameter = { .sched_priority = 1 };

        return outcome(sched_setscheduler(0, SCHED_FIFO, &parameter));
}

static int try_priority(const Act *act) {
        return outcome(setpriority(PRIO_PROCESS, 0, -5));
}

static int try_core(const Act *act) {
        struct rlimit large = { 1 << 20, 1 << 20 };

        return outcome(setrlimit(RLIMIT_CORE, &large));
}

static int try_set_user(const Act *act) {
        return outcome(syscall(act->number, 1, 1, 1));
}

#ifdef SYS_ioperm
static int try_port(const Act *act) {
        return outcome(ioperm(0x80, 1, 1));
}
#endif

/* -- the table ------------------------------------------------------------------------------------- */

static const Act acts[] = {
        { "read-shadow",           try_read,              DENIED,            "/etc/shadow" },
        { "read-credential",       try_secret,            HIDDEN },
        { "read-credential-store", try_list,              HIDDEN,            "/etc/credstore" },
        { "read-host-secret",      try_read,              HIDDEN,            "/var/lib/systemd/credential.secret" },
        { "read-postgresql",       try_list,              HIDDEN,            "/var/lib/postgresql/15/main" },
        { "read-root-home",        try_list,              HIDDEN,            "/root" },
        { "read-home",             try_read,              HIDDEN,            "/home/probe/secret" },
        { "read-init-environ",     try_read,              HIDDEN,            "/proc/1/environ" },
        { "read-init-memory",      try_read,              HIDDEN,            "/proc/1/mem" },
        { "read-init-root",        try_list,              HIDDEN,            "/proc/1/root/etc" },
        { "read-victim-environ",   try_environment,       HIDDEN },
        { "read-kcore",            try_read,              HIDDEN,            "/proc/kcore" },
        { "read-dev-mem",          try_read,              HIDDEN,            "/dev/mem" },
        { "read-kmsg",             try_read,              HIDDEN,            "/dev/kmsg" },
        { "write-etc",             try_create,            DENIED,            "/etc" },
        { "write-configuration",   try_create,            DENIED,            "/etc/fulgur" },
        { "write-units",           try_create,            DENIED,            "/run/systemd/system" },
        { "write-usr",             try_create,            DENIED,            "/usr" },
        { "write-programs",        try_create,            DENIED,            "/usr/lib/fulgur" },
        { "write-var",             try_create,            DENIED,            "/var/lib" },
        { "write-home",            try_create,            HIDDEN,            "/home/probe" },
        { "write-run",             try_create,            DENIED,            "/run" },
        { "write-lock",            try_create,            DENIED,            "/run/lock" },
        { "write-sockets",         try_create,            DENIED,            "/run/fulgur" },
        { "write-root",            try_create,            DENIED,            "/" },
        { "write-kernel-tunable",  try_write,             HIDDEN,            "/proc/sys/kernel/hostname" },
        { "write-sysrq",           try_write,             HIDDEN,            "/proc/sysrq-trigger" },
        { "write-sys",             try_write,             HIDDEN,            "/sys/kernel/mm/transparent_hugepage/enabled" },
        { "write-cgroup",          try_write,             DENIED,            "/sys/fs/cgroup/cgroup.procs" },
        { "mknod",                 try_mknod,             DENIED },
        { "set-user-id-bit",       try_set_id,            DENIED,            NULL, S_ISUID },
        { "set-group-id-bit",      try_set_id,            DENIED,            NULL, S_ISGID },
        { "exec-shell",            try_exec,              JOBS_MAY,          "/bin/sh" },
        { "exec-bash",             try_exec,              JOBS_MAY,          "/bin/bash" },
        { "exec-perl",             try_loader,            JOBS_MAY,          "/usr/bin/perl" },
        { "exec-sibling",          try_exec,              JOBS_MAY,          "/usr/lib/systemd/systemd-reply-password" },
        { "exec-by-loader",        try_loader,            LOADER | JOBS_MAY, "/lib64/ld-linux-x86-64.so.2" },
        { "exec-from-tmp",         try_exec_copy,         JOBS_MAY,          "/tmp" },
        { "exec-from-var-tmp",     try_exec_copy,         JOBS_MAY,          "/var/tmp" },
        { "exec-from-shm",         try_exec_copy,         JOBS_MAY,          "/dev/shm" },
        { "exec-from-memory",      try_exec_memory,       JOBS_MAY },
        { "map-write-execute",     try_map_write_execute, JOBS_MAY },
        { "make-executable",       try_make_executable,   JOBS_MAY },
        { "map-file-execute",      try_map_file,          JOBS_MAY,          "/tmp" },
        { "personality",           try_personality,       DENIED },
        { "socket-inet",           try_socket,            FAMILY | JOBS_MAY, NULL, AF_INET },
        { "socket-inet6",          try_socket,            FAMILY | JOBS_MAY, NULL, AF_INET6 },
        { "socket-netlink",        try_socket,            FAMILY,            NULL, AF_NETLINK },
        { "socket-vsock",          try_socket,            FAMILY,            NULL, AF_VSOCK },
        { "socket-packet",         try_raw_socket,        FAMILY,            NULL, AF_PACKET },
        { "socket-raw",            try_raw_socket,        FAMILY,            NULL, AF_INET },
        { "socket-raw-inet6",      try_raw_socket,        FAMILY,            NULL, AF_INET6 },
        { "socket-alg",            try_socket,            FAMILY,            NULL, AF_ALG },
        { "kill",                  try_kill,              DENIED },
        { "kill-by-pidfd",         try_pidfd_signal,      DENIED },
        { "take-descriptor",       try_pidfd_getfd,       DENIED },
        { "ptrace",                try_ptrace,            DENIED },
        { "read-memory",           try_read_memory,       DENIED },
        { "write-memory",          try_write_memory,      DENIED },
        { "unshare-user",          try_unshare,           DENIED,            NULL, CLONE_NEWUSER },
        { "unshare-mount",         try_unshare,           DENIED,            NULL, CLONE_NEWNS },
        { "unshare-network",       try_unshare,           DENIED,            NULL, CLONE_NEWNET },
        { "unshare-pid",           try_unshare,           DENIED,            NULL, CLONE_NEWPID },
        { "unshare-ipc",           try_unshare,           DENIED,            NULL, CLONE_NEWIPC },
        { "unshare-uts",           try_unshare,           DENIED,            NULL, CLONE_NEWUTS },
        { "unshare-cgroup",        try_unshare,           DENIED,            NULL, CLONE_NEWCGROUP },
        { "clone-user",            try_clone,             DENIED,            NULL, CLONE_NEWUSER },
        { "clone3-user",           try_clone3,            UNKNOWN,           NULL, CLONE_NEWUSER },
        { "setns",                 try_setns,             DENIED,            "/proc/self/ns/net" },
        { "mount",                 try_mount,             DENIED },
        { "remount",               try_remount,           DENIED },
        { "umount",                try_umount,            DENIED },
        { "pivot-root",            try_pivot_root,        DENIED },
        { "chroot",                try_chroot,            DENIED },
        { "open-tree",             try_call,              DENIED,            NULL, SYS_open_tree },
        { "reboot",                try_reboot,            DENIED },
        { "kexec",                 try_kexec,             DENIED },
        { "init-module",           try_call,              DENIED,            NULL, SYS_init_module },
        { "delete-module",         try_call,              DENIED,            NULL, SYS_delete_module },
        { "set-hostname",          try_hostname,          DENIED },
        { "set-clock",             try_set_clock,         DENIED },
        { "adjust-clock",          try_adjust_clock,      DENIED },
        { "swapon",                try_swapon,            DENIED },
        { "quotactl",              try_call,              DENIED,            NULL, SYS_quotactl },
        { "acct",                  try_call,              DENIED,            NULL, SYS_acct },
        { "syslog",                try_call,              DENIED,            NULL, SYS_syslog },
        { "bpf",                   try_call,              DENIED,            NULL, SYS_bpf },
        { "perf-event",            try_call,              DENIED,            NULL, SYS_perf_event_open },
        { "userfaultfd",           try_call,              DENIED,            NULL, SYS_userfaultfd },
        { "io-uring",              try_call,              DENIED,            NULL, SYS_io_uring_setup },
        { "open-by-handle",        try_call,              DENIED,            NULL, SYS_open_by_handle_at },
        { "add-key",               try_add_key,           DENIED },
        { "keyring",               try_keyring,           DENIED },
        { "set-user",              try_set_user,          DENIED,            NULL, SYS_setresuid },
        { "set-group",             try_set_user,          DENIED,            NULL, SYS_setresgid },
        { "realtime",              try_realtime,          DENIED },
        { "priority",              try_priority,          DENIED },
        { "raise-core-limit",      try_core,              DENIED },
#ifdef SYS_ioperm
        { "io-port",               try_port,              DENIED },
#endif
        /* Last: the rows above are those of every unit. */
        { "read-environment-file", try_read,              DENIED,            "/etc/fulgur/fulgur.env" },
};

/* -- trying them ----------------------------------------------------------------------------------- */

static bool is_refusal(const Act *act, int error) {
        switch (error) {
        case EPERM:
        case EACCES:
        case EROFS:
                return true;
        case ENOENT:
                return act->refusal & HIDDEN;
        case EAFNOSUPPORT:
                return act->refusal & FAMILY;
        case ENOSYS:
                return act->refusal & UNKNOWN;
        case 127:
                return act->refusal & LOADER;
        default:
                return false;
        }
}

/* What try() returned, positive; -1 if it did not live to tell. */
static int run(const Act *act) {
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -1;
        if (pid == 0) {
                alarm(30);
                _exit(-act->try(act));
        }
        if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
                return -1;
        return WEXITSTATUS(status);
}

/* The server's own users may read the server's environment file; those who run jobs may not. */
static bool concerns(const Act *act, bool jobs) {
        return jobs ? !(act->refusal & JOBS_MAY) : strcmp(act->name, "read-environment-file") != 0;
}

int main(int argc, char *argv[]) {
        bool jobs = argc == 2 && strcmp(argv[1], "jobs") == 0;
        unsigned n_refused = 0, n_allowed = 0;

        if (!jobs && (argc != 2 || strcmp(argv[1], "server") != 0)) {
                fprintf(stderr, "Usage: %s server|jobs\n", argv[0]);
                return 64;
        }

        for (size_t i = 0; i < ELEMENTSOF(acts); i++) {
                int error;
                bool refused;

                if (!concerns(&acts[i], jobs))
                        continue;
                error = run(&acts[i]);
                refused = is_refusal(&acts[i], error);
                *(refused ? &n_refused : &n_allowed) += 1;
                printf("%s %s: %s\n", refused ? "refused" : "ALLOWED", acts[i].name,
                       error < 0 ? "killed" : error == 0 ? "done" : error == 127 ? "no loader" : strerror(error));
                fflush(stdout);
        }

        printf("%u refused, %u allowed\n", n_refused, n_allowed);
        return n_allowed == 0 ? 0 : 1;
}
