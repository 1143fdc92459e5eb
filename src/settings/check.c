/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a setting's value must be. Every function returns NULL or the end of a sentence that begins with the
 * variable's name; none of them repeats the value, which may be a secret.
 */

#include <ctype.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/buffer.h"
#include "basic/parse.h"
#include "crypto/jwt.h"
#include "crypto/password.h"
#include "crypto/vault.h"
#include "json/check.h"
#include "log/log.h"
#include "settings/table.h"

static bool is_word_of(Text value, const char *words) {
        Text rest = text_of(words), word;

        while (text_split(&rest, ' ', &word))
                if (text_equal(word, value))
                        return true;

        return false;
}

static const char *check_number(const Setting *row, Text value, char problem[static 256]) {
        int64_t number;
        int r;

        r = parse_i64(value, &number);
        if (r < 0 && r != -ERANGE)
                return "is not a whole number";
        if (r == 0 && number >= row->min && number <= row->max)
                return NULL;

        snprintf(problem, 256, "is not between %lld and %lld", (long long) row->min, (long long) row->max);
        return problem;
}

static const char *check_float(const Setting *row, Text value, char problem[static 256]) {
        double number;

        if (parse_double(value, &number) < 0)
                return "is not a number";
        if (number >= (double) row->min && number <= (double) row->max)
                return NULL;

        snprintf(problem, 256, "is not between %lld and %lld", (long long) row->min, (long long) row->max);
        return problem;
}

static const char *check_level(Text value) {
        char name[16];
        int level;

        snprintf(name, sizeof name, "%.*s", (int) value.length, value.data);
        if (log_level_from_string(name, &level) < 0)
                return "is not one of debug, info, notice, warning, error, critical, alert, emergency";

        return NULL;
}

const char *setting_check(const Setting *row, Text value, bool production, char problem[static 256]) {
        const char *wrong = NULL;
        bool yes;

        if (!text_is_utf8(value))
                return "is not UTF-8";

        if (row->type == SETTING_INT)
                wrong = check_number(row, value, problem);
        else if (row->type == SETTING_FLOAT)
                wrong = check_float(row, value, problem);
        else if (row->type == SETTING_BOOL && parse_bool(value, &yes) < 0)
                wrong = "is neither true nor false";
        else if (row->type == SETTING_LEVEL)
                wrong = check_level(value);
        if (wrong)
                return wrong;

        if (row->words && !is_word_of(value, row->words)) {
                snprintf(problem, 256, "is not one of: %s", row->words);
                return problem;
        }

        return row->check ? row->check(value, production) : NULL;
}

/* -- addresses --------------------------------------------------------------------------------- */

const char *check_address(Text value, bool production) {
        char address[ADDRESS_SIZE];

        return parse_address(value, address) == 0 ? NULL : "is not an IPv4 or IPv6 address such as 127.0.0.1";
}

const char *check_scheme(Text value, bool production) {
        return text_is(value, "http") || text_is(value, "https") ? NULL : "is neither http nor https";
}

/* sun_path's size is what bounds it. */
const char *check_socket_path(Text value, bool production) {
        if (value.length == 0 || value.data[0] != '/')
                return "is not an absolute path";
        if (value.length >= sizeof((struct sockaddr_un) {}.sun_path))
                return "is too long for the path of a socket";

        return NULL;
}

/* PostgreSQL's amounts of memory, with the unit: "64MB". */
const char *check_work_mem(Text value, bool production) {
        static const char *const units[] = { "kB", "MB", "GB", "TB" };
        size_t n = 0;

        while (n < value.length && isdigit((unsigned char) value.data[n]))
                n++;

        for (size_t i = 0; n > 0 && i < ELEMENTSOF(units); i++)
                if (text_is_nocase(text_make(value.data + n, value.length - n), units[i]))
                        return NULL;

        return "is not an amount of memory such as 64MB (kB, MB, GB or TB)";
}

/* -- encoded documents ------------------------------------------------------------------------- */

/* What is decoded here is mostly a key. */
static void buffer_wipe(Buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->length);
        buffer_deinit(buffer);
}

const char *check_base64(Text value, bool production) {
        _cleanup_(buffer_wipe) Buffer data = BUFFER_NULL;

        return base64_decode(value, &data) < 0 ? "is not base64" : NULL;
}

const char *check_base64_json(Text value, bool production) {
        _cleanup_(buffer_wipe) Buffer data = BUFFER_NULL;
        JsonKind kind;

        if (base64_decode(value, &data) < 0)
                return "is not base64";
        if (json_check(buffer_text(&data), &kind, NULL) < 0 || kind != JSON_OBJECT)
                return "is not base64 of a JSON object";

        return NULL;
}

/* The DER of an RSA key of 2048 bits is 270 bytes (PKCS#1) or 294 (with its algorithm); smaller keys and
 * elliptic ones stay well below. */
const char *check_public_key(Text value, bool production) {
        _cleanup_(buffer_deinit) Buffer pem = BUFFER_NULL, body = BUFFER_NULL, der = BUFFER_NULL;
        Text rest, line;

        if (base64_decode(value, &pem) < 0)
                return "is not base64";
        if (!text_contains(buffer_text(&pem), "PUBLIC KEY-----"))
                return "is not base64 of a PEM public key";

        rest = buffer_text(&pem);
        while (text_split(&rest, '\n', &line))
                if (!text_starts_with(line, "-----"))
                        buffer_append_text(&body, text_trim(line));

        if (base64_decode(buffer_text(&body), &der) < 0 || der.length < 270)
                return "is not an RSA key of at least 2048 bits";

        return NULL;
}

/* -- secrets ----------------------------------------------------------------------------------- */

/* A placeholder such as "aaaa…" or "changeme" repeated has few different bytes; nothing random of a useful
 * length has. */
static bool is_placeholder(Text value) {
        bool seen[256] = {};
        size_t n = 0;

        for (size_t i = 0; i < value.length; i++) {
                unsigned char byte = (unsigned char) value.data[i];

                n += !seen[byte];
                seen[byte] = true;
        }

        return n < 9;
}

const char *check_primary_key(Text value, bool production) {
        _cleanup_(vault_freep) Vault *vault = NULL;

        if (vault_new(value, TEXT_NULL, &vault) < 0)
                return "is not base64 of 32 bytes";
        if (production && is_placeholder(value))
                return "is a placeholder, not a key";

        return NULL;
}

/* One a line, as a rotation has several. */
const char *check_primary_keys(Text value, bool production) {
        const char *wrong = NULL;
        Text line;

        value = text_trim(value);
        while (!wrong && text_split(&value, '\n', &line))
                wrong = check_primary_key(line, production);
        return wrong;
}

const char *check_run_key(Text value, bool production) {
        _cleanup_(run_key_freep) RunKey *key = NULL;

        if (run_key_new(value, &key) < 0)
                return "is not an RSA private key of at least 2048 bits (base64 of its PEM, or the PEM)";

        return NULL;
}

const char *check_session_key(Text value, bool production) {
        if (value.length < 64)
                return "is shorter than 64 bytes";
        if (production && is_placeholder(value))
                return "is a placeholder, not a key";

        return NULL;
}

/* Workers without a secret sign with the literal `<secret>`. */
const char *check_worker_secret(Text value, bool production) {
        if (production && (value.length < 16 || is_placeholder(value)))
                return "is too short or too simple for production (16 bytes at least)";

        return NULL;
}
