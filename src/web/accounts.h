/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * People and what they are let in with: logging in and out, the session, their own password and tokens.
 */

#include "domain/session.h"
#include "domain/token.h"
#include "domain/user.h"
#include "web/password-check.h"

/* -- log-in.c -- */

typedef struct LogIn {
        PasswordCheck check;
        bool remember, is_form;
        Text email, address;
        User user;
        NewSession session;
} LogIn;

extern const Stage post_log_in[];

/* -- own-password.c -- */

typedef struct OwnPassword {
        PasswordCheck check;
        User user;
        NewSession session;
} OwnPassword;

extern const Stage post_own_password[];

/* -- own-tokens.c -- */

typedef struct OwnToken {
        Call call;
        Token token;
        Text jwt;
} OwnToken;

extern const Stage get_own_tokens[], post_own_token[], delete_own_token[];

/* -- session.c -- */

extern const Stage get_session[], get_log_out[], delete_log_out[];

/* 200 {"user":…,"csrf_token":…} */
int reply_session(Call *call, const User *user, Text secret);
/* 429, with the time to wait. */
int refuse_guesses(Call *call, uint64_t seconds);
