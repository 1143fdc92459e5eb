/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Guesses at secrets, counted in the database so that the limit holds over all processes and machines. A count begins
 * with the first guess and ends ATTEMPT_SECONDS later.
 */

#include "db/batch.h"

#define ATTEMPT_SECONDS (15 * 60)

typedef enum AttemptKind {
        ATTEMPT_EMAIL,                  /* a password, by the e-mail it is for */
        ATTEMPT_ADDRESS,                /* any, by where it comes from */
        ATTEMPT_PASSWORD,               /* one's own password again, by user */
        ATTEMPT_CODE,                   /* a second factor, by user */
        _ATTEMPT_KIND_MAX,
} AttemptKind;

/* Before looking: counts one more. Returns the statement's number, for attempt_wait_seconds(). Kinds in their order: no
 * two transactions then wait for each other. */
size_t attempt_count(Batch *batch, AttemptKind kind, Text whose);
/* 0: go on; else after how many seconds the next one may come. */
uint64_t attempt_wait_seconds(const Rows *rows);

/* It was right: nothing was guessed. */
void attempt_forget(Batch *batch, AttemptKind kind, Text whose);
/* The same, but what others guessed from there still counts. */
void attempt_take_back(Batch *batch, AttemptKind kind, Text whose);
