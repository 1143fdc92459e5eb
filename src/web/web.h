/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of fulgur-web: its table of routes, who asks, and what goes to the siblings.
 */

#include "crypto/jwt.h"
#include "crypto/vault.h"
#include "serve/call.h"
#include "serve/route.h"
#include "serve/service.h"

#define N_SIBLINGS 2

/* service->state */
typedef struct Web {
        char *base_url;                 /* "https://host:port" */
        RunKey *key;                    /* checks API tokens */
        Vault *vault;                   /* seals what people keep secret */
        bool is_missing[N_SIBLINGS];    /* could not be reached last time */
        size_t n_password_checks;       /* under way: password-check.c */
} Web;

extern const Route web_routes[];        /* routes.c */

/* -- forward.c: what is a sibling's ---------------------------------------------------------------- */

/* Takes the request if its path belongs to a sibling. */
bool forward_serve(Service *service, HttpRequest *request);
/* A little more than the webhook receiver takes, so that it says itself what is too large. */
size_t forward_max_body(const Settings *settings);

/* -- plain.c: what has no database ------------------------------------------------------------------- */

extern const Stage get_front_page[], get_health[], get_unknown[];

/* -- resources, one file each --------------------------------------------------------------------------- */

extern const Stage get_jobs[], get_job[];
extern const Stage get_log_lines[];
extern const Stage get_projects[], get_project[];
extern const Stage get_runs[], get_run[];
extern const Stage get_work_orders[], get_work_order[];
extern const Stage get_workflows[], get_workflow[];
