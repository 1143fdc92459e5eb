/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fulgurctl doctor: what its checks share. A check looks and changes nothing; it fills in its finding.
 */

#include "ctl/ctl.h"
#include "ctl/program.h"

typedef enum Health {
        HEALTH_OK,
        HEALTH_WARNING,         /* it works; somebody should look */
        HEALTH_FAILED,
        HEALTH_LEFT_OUT,        /* could not be looked at: the note says why */
} Health;

typedef struct Doctor {
        Ctl *ctl;               /* ->settings and ->conn: NULL when they are what is wrong */
        const char *note;       /* what was found; "" or more */
        const char *fix;        /* the command that mends it, where it is not the check's own; NULL otherwise */
} Doctor;

/* Sets the note and returns `health`: `return doctor_find(doctor, HEALTH_FAILED, "…")`. */
Health doctor_find(Doctor *doctor, Health health, const char *format, ...) _printf_(3, 4);

/* doctor-database.c */
Health doctor_database(Doctor *doctor);
Health doctor_tls(Doctor *doctor);
Health doctor_migrations(Doctor *doctor);
Health doctor_seals(Doctor *doctor);
Health doctor_database_clock(Doctor *doctor);
Health doctor_workers(Doctor *doctor);
Health doctor_backup(Doctor *doctor);

/* doctor-machine.c */
Health doctor_settings(Doctor *doctor);
Health doctor_keys(Doctor *doctor);
Health doctor_clock(Doctor *doctor);
Health doctor_disk(Doctor *doctor);
Health doctor_sockets(Doctor *doctor);
Health doctor_answer(Doctor *doctor);
Health doctor_units(Doctor *doctor);
Health doctor_sandbox(Doctor *doctor);
Health doctor_worker_keys(Doctor *doctor);
Health doctor_mail(Doctor *doctor);

/* Everything above in order, without a report: for set-up. Returns how many failed. */
unsigned doctor_count(Ctl *ctl, unsigned *ret_n_warnings);
