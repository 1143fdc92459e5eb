/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of forwarding: connections to siblings (upstream.c), the head of their replies (reply-head.c),
 * what is left when HTTP ends (tunnel.c), and the exchange that uses them (forward.c).
 */

#include "net/http-private.h"

/* -- upstream.c: connections to one unix socket, kept for the next request --------------------- */

typedef struct Upstream Upstream;

/* Made when first asked for, freed with the server. */
int upstream_get(HttpServer *server, const char *path, Upstream **ret_upstream);
/* An idle connection (NULL: none), and a new one. The socket is the caller's until given back or closed. */
h2o_socket_t *upstream_take_idle(Upstream *upstream);
int upstream_connect(Upstream *upstream, h2o_socket_t **ret_socket);
void upstream_give_back(Upstream *upstream, h2o_socket_t *socket);

/* -- reply-head.c ------------------------------------------------------------------------------ */

#define REPLY_MAX_HEADERS 64

typedef struct ReplyHead {
        unsigned status;
        size_t length;                  /* of the head */
        size_t content_length;          /* SIZE_MAX: not said */
        bool keeps_alive;
        size_t n_headers;
        struct {
                uint32_t name, name_length;     /* lower case */
                uint32_t value, value_length;
        } headers[REPLY_MAX_HEADERS];   /* offsets: the data moves when more of it arrives */
} ReplyHead;

/* Lowers the names in place. 0: not complete yet; 1: there it is; -EBADMSG: not HTTP, or in a way that our
 * servers never use (chunks). */
int reply_head_read(char *data, size_t length, ReplyHead *ret_head);

/* -- tunnel.c ---------------------------------------------------------------------------------- */

/* Answers 101 with what the sibling said and joins the two connections; takes `socket`. */
void tunnel_open(HttpServer *server, h2o_req_t *req, h2o_socket_t *socket);
