/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who holds which run, and for how long: workers that show life keep theirs, connections that are lost start
 * a clock, what nobody joined goes back into the queue. And the note that this daemon is there, without
 * which no lease means anything.
 */

#include "basic/uuid.h"
#include "domain/claim.h"
#include "loop/loop.h"
#include "serve/call.h"

typedef struct Workers Workers;

typedef struct Leases {
        Workers *workers;
        Timer renew, sweep;
        Soon shorten;
        RunSet lost;            /* whose connection has just gone */
        bool has_lost;
        Uuid instance_id;
        bool is_sweeping;
} Leases;

void leases_start(Leases *leases, Workers *workers);
/* The daemon stops: no more timers, the note is removed. */
void leases_stop(Leases *leases);

void leases_free(Leases *leases);

/* The connection of a joined run has gone. */
void leases_connection_lost(Leases *leases, const Uuid *run_id, const Uuid *project_id);

/* Says in the journal which runs were given back. */
void leases_note_given_back(Call *call, const Rows *rows, const char *why);
