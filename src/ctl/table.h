/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows as people and programs read them: a table, or JSON.
 */

#include "ctl/ctl.h"
#include "db/rows.h"
#include "json/writer.h"

/* Columns by name, for people and for JSON alike. */
typedef struct Shown {
        const char *name;
        enum { SHOW_TEXT, SHOW_UUID, SHOW_TIME, SHOW_INT, SHOW_BOOL, SHOW_JSON } type;
        int width;                      /* for people; 0: the last one */
} Shown;

/* All rows, with a line of names above them; an array with --json. `shown` ends with {}. */
void table_print(Ctl *ctl, const Rows *rows, const Shown *shown);
/* One row as an object. */
void table_write_row(JsonWriter *w, const Rows *rows, size_t row, const Shown *shown);
/* One value for people. */
void table_print_value(const Rows *rows, size_t row, const Shown *shown);
