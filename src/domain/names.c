/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What things may be called.
 */

#include "domain/names.h"

#define NAME_MAX 255

static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool all_of(Text name, const char *others) {
        for (size_t i = 0; i < name.length; i++)
                if (!is_word(name.data[i]) && (name.data[i] == '\0' || !strchr(others, name.data[i])))
                        return false;
        return name.length > 0 && name.length <= NAME_MAX;
}

bool name_is_project(Text name) {
        return all_of(name, "-");
}

bool name_is_job(Text name) {
        return all_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_- ");
}

bool name_is_path(Text name) {
        return all_of(name, "_-");
}

bool name_is_collection(Text name) {
        bool word = false;

        for (size_t i = 0; i < name.length; i++) {
                if (!is_word(name.data[i]) && !(word && strchr("-_.", name.data[i]) && name.data[i]))
                        return false;
                word = is_word(name.data[i]);
        }
        return word && name.length <= NAME_MAX;
}
