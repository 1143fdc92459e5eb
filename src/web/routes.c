/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What fulgur-web serves itself. RIGHT_READ_PROJECT is kept by the statements: each takes the user and joins the
 * project's members.
 */

#include "web/web.h"

#define GET_PUBLIC(pattern, stages) { "GET", pattern, stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC }

const Route web_routes[] = {
        GET_PUBLIC("/",              get_front_page),
        GET_PUBLIC("/health_check",  get_health),
        GET_PUBLIC("/{rest...}",     get_unknown),
        {}
};
