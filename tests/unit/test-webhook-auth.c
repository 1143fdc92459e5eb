/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may call a webhook, what is taken out of the headers that are stored, and what a path may mean.
 */

#include <errno.h>

#include "check.h"
#include "crypto/password.h"
#include "domain/trigger.h"
#include "domain/webhook-auth.h"
#include "log/log.h"

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define API_KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static Vault *vault;

static Buffer seal(const SealedWebhookAuth *sealed, const char *column, const char *plain) {
        const VaultPlace place = { "webhook_auth_methods", column, sealed->id, sealed->project_id };
        Buffer buffer = BUFFER_NULL;

        vault_seal(vault, &place, text_of(plain), &buffer);
        return buffer;
}

/* `moved`: its secrets were sealed for another row. */
static void add(WebhookAuth *auth, const char *type, const char *username, const char *password, const char *api_key,
                bool retired, bool moved) {
        SealedWebhookAuth sealed = { .id = uuid_new(), .project_id = uuid_new(), .type = text_of(type),
                                     .retired = retired };
        _cleanup_(buffer_deinit) Buffer u = seal(&sealed, "username", username ?: "");
        _cleanup_(buffer_deinit) Buffer p = seal(&sealed, "password", password ?: "");
        _cleanup_(buffer_deinit) Buffer k = seal(&sealed, "api_key", api_key ?: "");

        sealed.username = buffer_text(&u);
        sealed.password = buffer_text(&p);
        sealed.api_key = buffer_text(&k);
        if (moved)
                sealed.id = uuid_new();
        webhook_auth_add(auth, vault, &sealed);
}

static Text basic(Arena *arena, const char *scheme, const char *credentials) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

        buffer_append_string(&buffer, scheme);
        base64_append(&buffer, text_of(credentials));
        return arena_text(arena, buffer_text(&buffer));
}

static int check(const WebhookAuth *auth, Text authorization, Text api_key) {
        return webhook_auth_check(auth, &(WebhookCaller) { authorization, api_key });
}

static void test_open(void) {
        _cleanup_(webhook_auth_deinit) WebhookAuth auth = {};

        CHECK_INT(check(&auth, TEXT_NULL, TEXT_NULL), 0);
        CHECK_INT(check(&auth, TEXT("Basic nonsense"), TEXT("x")), 0);
}

static void test_matrix(void) {
        _cleanup_(webhook_auth_deinit) WebhookAuth auth = {};
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;

        add(&auth, "basic", "alice", "pass:word", NULL, false, false);
        add(&auth, "api", NULL, NULL, API_KEY, false, false);
        add(&auth, "basic", "bob", "second password", NULL, false, false);
        CHECK_INT(auth.n_methods, 3);

        CHECK_INT(check(&auth, TEXT_NULL, TEXT_NULL), WEBHOOK_AUTH_E_MISSING);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:pass:word"), TEXT_NULL), 0);
        CHECK_INT(check(&auth, basic(&arena, "bAsIc   ", "alice:pass:word"), TEXT_NULL), 0);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "bob:second password"), TEXT_NULL), 0);
        CHECK_INT(check(&auth, TEXT_NULL, TEXT(API_KEY)), 0);
        /* One that is right is enough. */
        CHECK_INT(check(&auth, TEXT("Bearer x"), TEXT(API_KEY)), 0);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "bob:second password"), TEXT("wrong")), 0);

        CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:second password"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:pass:wor"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", ":"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic ", ""), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Bearer ", "alice:pass:word"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, basic(&arena, "Basic", "alice:pass:word"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT("Basic"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT("Basic !!!"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT(""), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT_NULL, TEXT("")), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT_NULL, TEXT("alice")), WEBHOOK_AUTH_E_WRONG);
        /* A key is not a password and the other way round. */
        CHECK_INT(check(&auth, basic(&arena, "Basic ", ":" API_KEY), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        CHECK_INT(check(&auth, TEXT_NULL, TEXT("second password")), WEBHOOK_AUTH_E_WRONG);
}

/* Nothing that cannot be checked lets anybody in. */
static void test_unusable(void) {
        static const struct {
                const char *type, *username, *password, *api_key;
                bool retired, moved;
        } cases[] = {
                { "basic", "alice", "password", NULL, false, true  },
                { "basic", "alice", "password", NULL, true,  false },
                { "basic", "alice", "",         NULL, false, false },
                { "api",   NULL,    NULL,       API_KEY, false, true  },
                { "api",   NULL,    NULL,       API_KEY, true,  false },
                { "api",   NULL,    NULL,       "",      false, false },
                { "other", "alice", "password", API_KEY, false, false },
        };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(webhook_auth_deinit) WebhookAuth auth = {};

                add(&auth, cases[i].type, cases[i].username, cases[i].password, cases[i].api_key, cases[i].retired,
                    cases[i].moved);
                CHECK_INT(auth.n_methods, 1);
                CHECK_INT(check(&auth, TEXT_NULL, TEXT_NULL), WEBHOOK_AUTH_E_MISSING);
                CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:password"), TEXT(API_KEY)),
                          WEBHOOK_AUTH_E_WRONG);
                CHECK_INT(check(&auth, basic(&arena, "Basic ", "alice:"), TEXT("")), WEBHOOK_AUTH_E_WRONG);
                CHECK_INT(check(&auth, basic(&arena, "Basic ", ":"), TEXT_NULL), WEBHOOK_AUTH_E_WRONG);
        }
}

static void test_redaction(void) {
        _cleanup_(webhook_auth_deinit) WebhookAuth auth = {};
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        const struct {
                Text value;
                const char *expect;
        } cases[] = {
                { TEXT("Bearer something"), "Bearer something" },
                { TEXT(""), "" },
                { TEXT(API_KEY), "[REDACTED]" },
                { TEXT("Bearer " API_KEY ", " API_KEY "!"), "Bearer [REDACTED], [REDACTED]!" },
                { TEXT("012345678"), "012345678" },
                { basic(&arena, "Basic ", "al:long password"), "Basic [REDACTED]" },
                { basic(&arena, "BASIC  ", "al:long password"), "Basic [REDACTED]" },
                { TEXT("Digest x=long password;"), "Digest x=[REDACTED];" },
                /* The token inside something else, with its padding and without. */
                { basic(&arena, "x ", "al:long password"), "x [REDACTED]" },
                { TEXT("x YWw6bG9uZyBwYXNzd29yZA;"), "x [REDACTED];" },
                { basic(&arena, "Basic ", "somebody:else's"), "Basic c29tZWJvZHk6ZWxzZSdz" },
        };

        add(&auth, "basic", "al", "long password", NULL, false, false);
        add(&auth, "basic", "al", "long", NULL, false, false);
        add(&auth, "api", NULL, NULL, API_KEY, false, false);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

                webhook_auth_redact(&auth, cases[i].value, &buffer);
                CHECK_TEXT(buffer_text(&buffer), cases[i].expect);
        }
}

static void test_addresses(void) {
        static const char id[] = "01234567-89AB-cdef-0123-456789abcdef";
        static const struct {
                const char *first, *second;
                int expect;
                bool is_id;
                const char *custom, *bare;
        } cases[] = {
                { id, NULL, 0, true, NULL, NULL },
                { id, "orders", 0, true, "orders", NULL },
                { id, "a_b-9", 0, true, "a_b-9", NULL },
                { id, "Patient", 0, true, NULL, NULL },
                { id, "", 0, true, NULL, NULL },
                { "orders", "x", 0, false, NULL, "orders" },
                /* Sixteen characters are no raw id. */
                { "abcdefghijklmnop", NULL, 0, false, NULL, "abcdefghijklmnop" },
                { "0123456789abcdef0123456789abcdef", NULL, 0, false, NULL, "0123456789abcdef0123456789abcdef" },
                { "Orders", NULL, -ENOENT, false, NULL, NULL },
                { "a/b", NULL, -ENOENT, false, NULL, NULL },
                { "", NULL, -ENOENT, false, NULL, NULL },
                { "a\xc3\xa9", NULL, -ENOENT, false, NULL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TriggerAddress address;

                CHECK_INT(trigger_address_read(text_of(cases[i].first), text_of(cases[i].second), &address),
                          cases[i].expect);
                if (cases[i].expect < 0)
                        continue;
                CHECK(uuid_is_null(&address.first_id) == !cases[i].is_id);
                CHECK(text_equal(address.custom_path, text_of(cases[i].custom)));
                CHECK(text_equal(address.bare_path, text_of(cases[i].bare)));
        }
}

static void test_path_length(void) {
        char path[TRIGGER_PATH_MAX + 2];

        memset(path, 'a', sizeof path);
        CHECK(trigger_path_is_valid(text_make(path, TRIGGER_PATH_MAX)));
        CHECK(!trigger_path_is_valid(text_make(path, TRIGGER_PATH_MAX + 1)));
        CHECK(!trigger_path_is_valid(TEXT_NULL));
}

int main(void) {
        crypto_start();
        log_set_max_level(LOG_CRIT);    /* of methods that do not open */
        CHECK_INT(vault_new(TEXT(KEY), TEXT_NULL, &vault), 0);
        test_open();
        test_matrix();
        test_unusable();
        test_redaction();
        test_addresses();
        test_path_length();
        vault = vault_free(vault);
        return 0;
}
