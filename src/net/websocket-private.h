/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/http-private.h"
#include "net/websocket.h"

/* 0, or -EPROTO when the request was answered with why not. */
int websocket_check_handshake(HttpRequest *request);

/* Answers 101. `on_upgraded` is called later, with a NULL socket if that could not be written. `protocol`:
 * lives as long as the program, or NULL. */
void websocket_upgrade(HttpRequest *request, const char *protocol, h2o_http1_upgrade_cb on_upgraded,
                       void *userdata);
