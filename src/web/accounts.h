/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * People and what they are let in with: logging in and out, the session, their own password, tokens and second factor.
 */

#include "domain/session.h"
#include "domain/token.h"
#include "domain/two-factor.h"
#include "domain/user.h"
#include "web/confirm-password.h"
#include "web/password-check.h"

/* -- log-in.c -- */

typedef struct LogIn {
        PasswordCheck check;
        bool remember, is_form;
        Text email, address;
        User user;
        NewSession session;             /* or the beginning of one */
} LogIn;

extern const Stage post_log_in[];

/* -- second-step.c -- */

typedef struct SecondStep {
        Call call;
        bool is_form;
        Text code, address;
        User user;
        Totp totp;                      /* all zero: none that is confirmed */
        TwoFactorPass pass;
        size_t passed;                  /* number of the statement */
        NewSession session;
} SecondStep;

extern const Stage post_second_step[];

/* -- own-password.c -- */

typedef struct OwnPassword {
        ConfirmedCall confirmed;
        NewSession session;
        size_t stored;                  /* number of the statement */
} OwnPassword;

extern const Stage post_own_password[];

/* -- own-tokens.c -- */

typedef struct OwnToken {
        Call call;
        Token token;
        Text jwt;
} OwnToken;

extern const Stage get_own_tokens[], post_own_token[], delete_own_token[];

/* -- own-two-factor.c -- */

typedef struct OwnTwoFactor {
        ConfirmedCall confirmed;        /* but for who only has a code to show */
        Text secret, code;
        size_t stored;                  /* number of the statement */
        char codes[BACKUP_CODES][BACKUP_CODE_SIZE];
} OwnTwoFactor;

extern const Stage get_own_two_factor[], post_own_two_factor[], put_own_two_factor[], delete_own_two_factor[],
        post_own_backup_codes[];

/* -- session.c -- */

extern const Stage get_session[], get_log_out[], delete_log_out[];

/* Logged in: the cookie, and for programs 200 {"user":…,"csrf_token":…}; forms come from pages, which go on. */
int reply_logged_in(Call *call, const User *user, const NewSession *session, bool is_form);
/* 200 {"user":…,"csrf_token":…} */
int reply_session(Call *call, const User *user, Text secret);
/* 429, with the time to wait. */
int refuse_guesses(Call *call, uint64_t seconds);
/* 302 */
int redirect(Call *call, const char *target);
