/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Passwords, on the side.
 */

#include "web/password-check.h"

#include <errno.h>

#include "serve/service.h"
#include "web/web.h"

/* On one core the last one waits 3 s, which people do. */
#define MAX_CHECKS 32

/* -- places ------------------------------------------------------------------------------------ */

static void end(PasswordCheck *check) {
        Web *web = check->call.service->state;

        check->has_place = false;
        web->n_password_checks--;
        check->given = secret_free(check->given);
        check->wanted = secret_free(check->wanted);
}

/* While a helper works with it, on_done() ends it. */
static void on_finished(Call *call) {
        PasswordCheck *check = container_of(call, PasswordCheck, call);

        if (check->has_place && !check->is_running)
                end(check);
}

int password_check_begin(PasswordCheck *check) {
        Web *web = check->call.service->state;

        if (web->n_password_checks >= MAX_CHECKS)
                return -EBUSY;

        web->n_password_checks++;
        check->has_place = true;
        check->call.finished = on_finished;
        return 0;
}

/* -- on a helper thread ------------------------------------------------------------------------ */

static void work(Job *job) {
        PasswordCheck *check = container_of(job, PasswordCheck, job);
        const Secret *next = check->wanted;

        check->matches = password_matches(secret_text(check->given), check->hash);
        if (check->matches && !next && password_is_stale(check->hash))
                next = check->given;
        if (check->matches && next)
                check->error = password_hash(secret_text(next), check->new_hash);
}

/* -- on the loop ------------------------------------------------------------------------------- */

static void on_done(Job *job) {
        PasswordCheck *check = container_of(job, PasswordCheck, job);

        check->is_running = false;
        end(check);
        call_resume(&check->call, CALL_NEXT);
}

int password_check_wait(PasswordCheck *check, const char *hash) {
        int r = call_wait(&check->call);

        check->hash = hash;
        check->job = (Job) { .work = work, .done = on_done };
        check->is_running = true;
        offload_submit(check->call.service->offload, &check->job);
        return r;
}
