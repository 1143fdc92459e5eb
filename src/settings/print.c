/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table for people: what is in force, and what there is to set.
 */

#include "basic/buffer.h"
#include "json/writer.h"
#include "settings/table.h"

static bool is_hidden(const Setting *row) {
        return row->type == SETTING_SECRET || (row->flags & SETTING_HIDDEN);
}

bool settings_is_public(const char *name) {
        const Setting *row = setting_by_name(text_of(name));

        return row && !is_hidden(row);
}

static bool is_variable(const Setting *row) {
        return row->type != SETTING_HEADING && !(row->flags & SETTING_NO_VARIABLE);
}

static const char *shown(const Setting *row, const SettingValue *value) {
        if (is_hidden(row))
                return value->is_set ? "set" : "not set";

        return value->text ? value->text : "";
}

static void print_json(const Settings *settings, FILE *stream) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        json_begin_array(&w, NULL);
        for (const Setting *row = setting_table; row->name; row++) {
                const SettingValue *value = &settings->values[setting_index(row)];

                if (!is_variable(row))
                        continue;

                json_begin(&w, NULL);
                json_string(&w, "name", row->name);
                json_string(&w, "value", is_hidden(row) ? NULL : value->text);
                json_bool(&w, "set", value->is_set);
                json_bool(&w, "secret", is_hidden(row));
                json_string(&w, "credential", row->credential);
                json_string(&w, "help", row->help);
                json_end(&w);
        }
        json_end_array(&w);

        fprintf(stream, "%s\n", buffer_string(&buffer));
}

void settings_print(const Settings *settings, FILE *stream, bool json) {
        if (json) {
                print_json(settings, stream);
                return;
        }

        for (const Setting *row = setting_table; row->name; row++)
                if (is_variable(row))
                        fprintf(stream, "%s=%s\n", row->name,
                                shown(row, &settings->values[setting_index(row)]));
}

/* -- the reference ----------------------------------------------------------------------------- */

static const char *const type_names[_SETTING_TYPE_MAX] = {
        [SETTING_TEXT] = "text",     [SETTING_INT] = "whole number", [SETTING_FLOAT] = "number",
        [SETTING_BOOL] = "yes/no",   [SETTING_LEVEL] = "log level",  [SETTING_SECRET] = "secret",
};

static void print_default(const Setting *row, FILE *stream) {
        if (row->fallback)
                fprintf(stream, ", default %s", row->fallback);
        if (row->production)
                fprintf(stream, ", in production %s", row->production);
        if (row->credential)
                fprintf(stream, ", credential %s", row->credential);
}

/* roff takes a '-' for a hyphen and a leading '.' or '\'' for a request. */
static void print_roff(FILE *stream, const char *text) {
        for (const char *c = text; *c; c++)
                if (*c == '-')
                        fputs("\\-", stream);
                else if (*c == '\\')
                        fputs("\\e", stream);
                else if (c == text && (*c == '.' || *c == '\''))
                        fprintf(stream, "\\&%c", *c);
                else
                        fputc(*c, stream);
}

static void print_row_roff(const Setting *row, FILE *stream) {
        _cleanup_(freep) char *details = NULL;
        size_t length;
        FILE *memory;

        if (row->type == SETTING_HEADING) {
                fputs(".SS ", stream);
                print_roff(stream, row->name);
                fputc('\n', stream);
                return;
        }

        memory = open_memstream(&details, &length);
        if (!memory)
                out_of_memory();
        print_default(row, memory);
        fclose(memory);

        fprintf(stream, ".TP\n\\fB%s\\fR (%s", row->name, type_names[row->type]);
        print_roff(stream, details);
        fputs(")\n", stream);
        print_roff(stream, row->help);
        fputc('\n', stream);
}

static void print_row(const Setting *row, FILE *stream) {
        if (row->type == SETTING_HEADING) {
                fprintf(stream, "\n%s:\n", row->name);
                return;
        }

        fprintf(stream, "  %s (%s", row->name, type_names[row->type]);
        print_default(row, stream);
        fprintf(stream, ")\n      %s\n", row->help);
}

void settings_print_reference(FILE *stream, bool roff) {
        for (const Setting *row = setting_table; row->name; row++)
                if (roff)
                        print_row_roff(row, stream);
                else
                        print_row(row, stream);
}
