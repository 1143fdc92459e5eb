/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening sockets. In production all of them come from systemd: they outlive us, so a restart refuses
 * nobody.
 */

#include "serve/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "log/log.h"

static int set_nonblocking(int fd) {
        int flags = fcntl(fd, F_GETFL);

        return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static void free_names(char **names) {
        for (char **name = names; name && *name; name++)
                free(*name);
        free(names);
}

int sockets_from_systemd(HttpServer *server) {
        char **names = NULL;
        int n, r = 0;

        n = sd_listen_fds_with_names(1, &names);
        if (n < 0)
                return log_error_errno(n, "Failed to take the sockets from systemd: %m");

        for (int i = 0; i < n && r >= 0; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
                        r = log_error_errno(-EINVAL, "The socket %s from systemd does not listen for streams",
                                            names[i]);
                else
                        r = set_nonblocking(fd);
                if (r >= 0)
                        r = http_server_listen(server, fd);
        }

        free_names(names);
        return r < 0 ? r : n;
}

/* -- opened here ----------------------------------------------------------------------------------- */

static int open_listening(int family, const struct sockaddr *address, socklen_t length) {
        int yes = 1, fd, r;

        fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;

        if (family != AF_UNIX)
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);

        if (bind(fd, address, length) < 0 || listen(fd, SOMAXCONN) < 0) {
                r = -errno;
                close(fd);
                return r;
        }

        return fd;
}

static int open_path(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct stat st;

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;

        /* Left by one that was killed; anything but a socket is somebody's file. */
        if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                (void) unlink(path);

        memcpy(address.sun_path, path, strlen(path) + 1);
        return open_listening(AF_UNIX, (struct sockaddr *) &address, sizeof address);
}

static int open_host(const char *text) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        struct addrinfo *found;
        _cleanup_(freep) char *copy = xstrdup(text);
        char *host = copy, *port = strrchr(copy, ':');
        size_t length;
        int fd;

        if (!port)
                return -EINVAL;
        *port++ = '\0';

        length = strlen(host);
        if (host[0] == '[' && host[length - 1] == ']') {
                host[length - 1] = '\0';
                host++;
        }

        if (getaddrinfo(*host ? host : NULL, port, &hints, &found) != 0)
                return -EADDRNOTAVAIL;

        fd = open_listening(found->ai_family, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        return fd;
}

/* Port 0 lets the kernel choose: only the log can say which. */
static void log_address(int fd, const char *asked) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        char host[NI_MAXHOST], port[NI_MAXSERV];

        if (getsockname(fd, (struct sockaddr *) &address, &length) == 0 && address.ss_family != AF_UNIX &&
            getnameinfo((struct sockaddr *) &address, length, host, sizeof host, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV) == 0)
                log_info("Listening on %s port %s", host, port);
        else
                log_info("Listening on %s", asked);
}

int sockets_listen(HttpServer *server, const char *address) {
        int fd;

        fd = strchr(address, '/') ? open_path(address) : open_host(address);
        if (fd < 0)
                return log_error_errno(fd, "Failed to listen on %s: %m", address);

        log_address(fd, address);
        return http_server_listen(server, fd);
}
