/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of settings: one row per variable. For settings/ only; others ask settings.h.
 */

#include "basic/text.h"
#include "settings/settings.h"

typedef enum SettingType {
        SETTING_HEADING,        /* a caption of the reference: no variable */
        SETTING_TEXT,
        SETTING_INT,            /* whole number within min..max */
        SETTING_FLOAT,          /* at least min */
        SETTING_BOOL,
        SETTING_LEVEL,          /* log level */
        SETTING_SECRET,         /* text that is locked in memory, wiped and never shown */
        _SETTING_TYPE_MAX,
} SettingType;

typedef enum SettingFlags {
        SETTING_RELOAD = 1 << 0,        /* settings_reload() takes it over */
        SETTING_HIDDEN = 1 << 1,        /* a text that may hold a password: never shown */
        SETTING_NOT_NEEDED = 1 << 2,    /* accepted and said to be not needed here */
        SETTING_NO_VARIABLE = 1 << 3,   /* only a credential; `name` is for people */
} SettingFlags;

/* NULL, or what is wrong with the value, to follow the variable's name: "is not …". */
typedef const char *(*SettingCheck)(Text value, bool production);

typedef struct Setting {
        const char *name;
        SettingType type;
        const char *fallback;           /* the default; NULL: none */
        const char *production;         /* the default in production where it differs */
        size_t place;                   /* 1 + offset in Settings; 0: no member */
        int64_t min, max;
        const char *words;              /* one of these, separated by blanks */
        SettingCheck check;
        const char *credential;
        const char *keygen;             /* how to make one */
        unsigned need;                  /* SettingsNeed */
        unsigned flags;
        const char *help;
} Setting;

extern const Setting setting_table[];   /* ends with {} */
extern const size_t n_settings;

/* The row, or NULL. */
const Setting *setting_by_name(Text name);
static inline size_t setting_index(const Setting *row) {
        return (size_t) (row - setting_table);
}

/* What the rows check with (settings/check.c). */
const char *check_address(Text value, bool production);
const char *check_base64(Text value, bool production);
const char *check_base64_json(Text value, bool production);
const char *check_public_key(Text value, bool production);
const char *check_primary_key(Text value, bool production);
const char *check_primary_keys(Text value, bool production);
const char *check_run_key(Text value, bool production);
const char *check_session_key(Text value, bool production);
const char *check_scheme(Text value, bool production);
const char *check_socket_path(Text value, bool production);
const char *check_work_mem(Text value, bool production);
const char *check_worker_secret(Text value, bool production);

struct SettingValue {
        char *text;                     /* what is in force; NULL: nothing */
        Secret *secret;
        bool is_set;                    /* not the default */
};

/* Checks `value` by its row: NULL, or what is wrong. `problem` is room for a message that is put together. */
const char *setting_check(const Setting *row, Text value, bool production, char problem[static 256]);
