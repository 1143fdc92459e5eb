/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who is logged in shows the password again, before what whoever finds a browser open must not do. Guesses are counted.
 */

#include "domain/user.h"
#include "web/password-check.h"

/* What the structs of such calls begin with. */
typedef struct ConfirmedCall {
        PasswordCheck check;
        User user;
        bool remembered;                /* the session is kept when the browser is closed */
} ConfirmedCall;

/* Reads {"current_password"}, and with `wanted` also {"password"}, a new one, which is hashed. */
int confirm_read(ConfirmedCall *confirmed, bool wanted);
/* Two stages. */
int confirm_ask(Call *call);
int confirm_check(Call *call);
/* In the stage after them: CALL_NEXT, or what to return. */
int confirm_result(ConfirmedCall *confirmed);
/* It was right: adds that nothing was guessed. */
void confirm_forget_guesses(ConfirmedCall *confirmed, Batch *batch);
