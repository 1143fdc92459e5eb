/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One-shots: started by a timer, synchronous, straight code. What they do may be done by several machines at
 * once and twice in a row.
 */

#include "basic/arena.h"
#include "db/conn.h"
#include "log/log.h"
#include "settings/settings.h"

typedef struct Task {
        const char *name;               /* "fulgur-cron": journal identifier and application_name */
        const char *summary;            /* one line for --help */
        unsigned needs;                 /* SettingsNeed */
        int (*run)(Settings *settings, Conn *conn, Arena *arena);
} Task;

/* Options --help and --version. Returns main()'s exit status: 0 when run() did. Failures have been logged. */
int task_main(const Task *task, int argc, char *argv[]);

/* Runs a batch and logs what went wrong with `what`: "Failed to %s: …". `accept`: an error the caller
 * expects, not logged; 0 for none. */
int task_batch(Conn *conn, Batch *batch, BatchResult *ret_result, const char *what, int accept);
/* pg_notify, from the side: a ring that fails costs a poll. */
void task_ring(Conn *conn, Arena *arena, const char *channel, const char *payload);
