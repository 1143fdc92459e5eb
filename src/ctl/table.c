/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows as people and programs read them.
 */

#include "ctl/table.h"

#include "basic/clock.h"

void table_write_row(JsonWriter *w, const Rows *rows, size_t row, const Shown *shown) {
        json_begin(w, NULL);
        for (; shown->name; shown++) {
                int column = rows_column(rows, shown->name);
                Uuid uuid;

                switch (shown->type) {
                case SHOW_TEXT:
                        json_text(w, shown->name, rows_text(rows, row, column));
                        break;
                case SHOW_JSON:
                        json_raw(w, shown->name, rows_text(rows, row, column));
                        break;
                case SHOW_UUID:
                        uuid = rows_uuid(rows, row, column);
                        json_uuid(w, shown->name, &uuid);
                        break;
                case SHOW_TIME:
                        json_time_usec(w, shown->name, rows_time(rows, row, column));
                        break;
                case SHOW_INT:
                        if (rows_is_null(rows, row, column))
                                json_null(w, shown->name);
                        else
                                json_int(w, shown->name, rows_int(rows, row, column));
                        break;
                case SHOW_BOOL:
                        json_bool(w, shown->name, rows_bool(rows, row, column));
                        break;
                }
        }
        json_end(w);
}

/* What people call their things must not steer the terminal. */
static void print_cell(const char *text, int width) {
        int n = 0;

        for (; *text; text++)
                if ((unsigned char) *text < 0x20 || *text == 0x7f)
                        n += printf("\\x%02x", (unsigned char) *text);
                else {
                        putchar(*text);
                        n += ((unsigned char) *text & 0xc0) != 0x80;
                }
        printf("%*s%s", n < width ? width - n : 0, "", width ? " " : "\n");
}

void table_print_value(const Rows *rows, size_t row, const Shown *shown) {
        char time[CLOCK_ISO_SIZE], id[UUID_STRING_SIZE], number[24];
        Uuid uuid;
        int column = rows_column(rows, shown->name);
        const char *text = "-";

        if (!rows_is_null(rows, row, column))
                switch (shown->type) {
                case SHOW_TEXT:
                case SHOW_JSON:
                        text = rows_text(rows, row, column).data;
                        break;
                case SHOW_UUID:
                        uuid = rows_uuid(rows, row, column);
                        text = uuid_format(&uuid, id);
                        break;
                case SHOW_TIME:
                        text = clock_format_sec(rows_time(rows, row, column), time);
                        break;
                case SHOW_INT:
                        snprintf(number, sizeof number, "%lld", (long long) rows_int(rows, row, column));
                        text = number;
                        break;
                case SHOW_BOOL:
                        text = rows_bool(rows, row, column) ? "yes" : "no";
                        break;
                }
        print_cell(text, shown->width);
}

void table_print(Ctl *ctl, const Rows *rows, const Shown *shown) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (ctl->json) {
                json_begin_array(&w, NULL);
                for (size_t i = 0; i < rows_count(rows); i++)
                        table_write_row(&w, rows, i, shown);
                json_end_array(&w);
                ctl_print_json(&buffer);
                return;
        }
        for (const Shown *s = shown; s->name; s++)
                printf("%-*s%s", s->width, s->name, s->width ? " " : "\n");
        for (size_t i = 0; i < rows_count(rows); i++)
                for (const Shown *s = shown; s->name; s++)
                        table_print_value(rows, i, s);
}
