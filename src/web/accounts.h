/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * People and what they are let in with: logging in and out, the session.
 */

#include "domain/user.h"
#include "web/password-check.h"

/* -- log-in.c -- */

typedef struct LogIn {
        PasswordCheck check;
        bool remember, is_form;
        Text email, address;
        User user;
        Text secret;                    /* of the new session */
} LogIn;

extern const Stage post_log_in[];

/* -- session.c -- */

extern const Stage get_session[], get_log_out[], delete_log_out[];

/* 200 {"user":…,"csrf_token":…} */
int reply_session(Call *call, const User *user, Text secret);
/* 429, with the time to wait. */
int refuse_guesses(Call *call, uint64_t seconds);
