/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Authentication of webhook callers: opened once when a trigger is looked up, compared on each call.
 */

#include "crypto/password.h"
#include "domain/webhook-auth.h"
#include "log/log.h"

#define REDACTED "[REDACTED]"

static const Text basic_scheme = TEXT("basic");

/* -- opening ------------------------------------------------------------------------------------------ */

static void method_deinit(WebhookAuthMethod *method) {
        method->username = secret_free(method->username);
        method->password = secret_free(method->password);
        method->token = secret_free(method->token);
        method->api_key = secret_free(method->api_key);
        method->type = WEBHOOK_AUTH_UNUSABLE;
}

void webhook_auth_deinit(WebhookAuth *auth) {
        for (size_t i = 0; i < auth->n_methods; i++)
                method_deinit(&auth->methods[i]);
        free(auth->methods);
        *auth = (WebhookAuth) {};
}

static int open_column(const Vault *vault, const SealedWebhookAuth *sealed, const char *column, Text text,
                       Secret **ret_secret) {
        const VaultPlace place = {
                .table = "webhook_auth_methods",
                .column = column,
                .row = sealed->id,
                .project = sealed->project_id,
        };

        return vault_open(vault, &place, text, ret_secret);
}

static void wipe(Buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->room);
        buffer_deinit(buffer);
}

/* What a good caller's header holds: looked for when the header is stored. */
static Secret *make_token(const Secret *username, const Secret *password) {
        _cleanup_(wipe) Buffer plain = BUFFER_NULL, token = BUFFER_NULL;

        /* Room for all of it at once: a buffer that grew would leave a copy behind. */
        buffer_reserve(&plain, username->length + 1 + password->length);
        buffer_append_text(&plain, secret_text(username));
        buffer_append_byte(&plain, ':');
        buffer_append_text(&plain, secret_text(password));
        buffer_reserve(&token, plain.length * 4 / 3 + 4);
        base64_append(&token, buffer_text(&plain));
        return secret_new(token.data, token.length);
}

static int open_basic(WebhookAuthMethod *method, const Vault *vault, const SealedWebhookAuth *sealed) {
        int r;

        r = open_column(vault, sealed, "username", sealed->username, &method->username);
        if (r < 0)
                return r;

        r = open_column(vault, sealed, "password", sealed->password, &method->password);
        if (r < 0)
                return r;
        if (method->password->length == 0)
                return -EKEYREJECTED;

        method->token = make_token(method->username, method->password);
        method->type = WEBHOOK_AUTH_BASIC;
        return 0;
}

static int open_api_key(WebhookAuthMethod *method, const Vault *vault, const SealedWebhookAuth *sealed) {
        int r;

        r = open_column(vault, sealed, "api_key", sealed->api_key, &method->api_key);
        if (r < 0)
                return r;
        if (method->api_key->length == 0)
                return -EKEYREJECTED;

        method->type = WEBHOOK_AUTH_API_KEY;
        return 0;
}

static void log_unusable(const SealedWebhookAuth *sealed, int error) {
        char id[UUID_STRING_SIZE], project[UUID_STRING_SIZE];
        LogContext context = {};

        log_context_set(&context, "FULGUR_WEBHOOK_AUTH_METHOD_ID", uuid_format(&sealed->id, id));
        log_context_set(&context, "FULGUR_PROJECT_ID", uuid_format(&sealed->project_id, project));
        (void) log_full(LOG_ERR, error, &context, NULL,
                        "The secrets of webhook auth method %s do not open, its callers are refused: %m", id);
}

void webhook_auth_add(WebhookAuth *auth, const Vault *vault, const SealedWebhookAuth *sealed) {
        WebhookAuthMethod method = {};
        int r = -EINVAL;

        if (sealed->retired)
                r = 0;
        else if (text_is(sealed->type, "basic"))
                r = open_basic(&method, vault, sealed);
        else if (text_is(sealed->type, "api"))
                r = open_api_key(&method, vault, sealed);

        if (r < 0) {
                log_unusable(sealed, r);
                method_deinit(&method);
        }

        auth->methods = xrealloc(auth->methods, (auth->n_methods + 1) * sizeof *auth->methods);
        auth->methods[auth->n_methods++] = method;
}

/* -- checking ----------------------------------------------------------------------------------------- */

typedef struct Basic {
        Buffer plain;
        Text username, password;
} Basic;

static void basic_deinit(Basic *basic) {
        wipe(&basic->plain);
}

/* False unless the header is "Basic" and base64 of something with a colon. */
static bool basic_read(Basic *basic, Text authorization) {
        Text rest = text_trim(authorization), scheme;

        if (!text_split(&rest, ' ', &scheme) || !rest.data || scheme.length != basic_scheme.length ||
            !text_is_nocase(scheme, basic_scheme.data))
                return false;

        rest = text_trim(rest);
        buffer_reserve(&basic->plain, rest.length + 1);
        if (base64_decode(rest, &basic->plain) < 0)
                return false;

        basic->password = buffer_text(&basic->plain);
        return text_split(&basic->password, ':', &basic->username) && basic->password.data;
}

/* No early end, and `&` where `&&` would skip the second comparison: what is right must not show in the
 * time. */
static bool basic_matches(const WebhookAuth *auth, const Basic *basic) {
        bool matches = false;

        for (size_t i = 0; i < auth->n_methods; i++) {
                const WebhookAuthMethod *method = &auth->methods[i];
                bool same_name = secret_equal(basic->username, secret_text(method->username));
                bool same_password = secret_equal(basic->password, secret_text(method->password));

                matches |= (method->type == WEBHOOK_AUTH_BASIC) & same_name & same_password;
        }
        return matches;
}

static bool api_key_matches(const WebhookAuth *auth, Text api_key) {
        bool matches = false;

        for (size_t i = 0; i < auth->n_methods; i++) {
                const WebhookAuthMethod *method = &auth->methods[i];
                bool same = secret_equal(api_key, secret_text(method->api_key));

                matches |= (method->type == WEBHOOK_AUTH_API_KEY) & same;
        }
        return matches;
}

int webhook_auth_check(const WebhookAuth *auth, const WebhookCaller *caller) {
        _cleanup_(basic_deinit) Basic basic = {};
        bool matches = false;

        if (auth->n_methods == 0)
                return 0;
        if (!caller->authorization.data && !caller->api_key.data)
                return WEBHOOK_AUTH_E_MISSING;

        if (caller->api_key.data)
                matches |= api_key_matches(auth, caller->api_key);
        if (caller->authorization.data && basic_read(&basic, caller->authorization))
                matches |= basic_matches(auth, &basic);
        return matches ? 0 : WEBHOOK_AUTH_E_WRONG;
}

/* -- redaction ---------------------------------------------------------------------------------------- */

static size_t length_of(Text rest, Text secret) {
        return secret.length > 0 && secret.length <= rest.length &&
                       memcmp(rest.data, secret.data, secret.length) == 0 ?
                       secret.length :
                       0;
}

/* The token with the padding that the caller may have left away. */
static size_t length_of_token(Text rest, Text token) {
        Text bare = token;
        size_t n;

        while (bare.length > 0 && bare.data[bare.length - 1] == '=')
                bare.length--;
        n = length_of(rest, bare);
        while (n > 0 && n < token.length && n < rest.length && rest.data[n] == '=')
                n++;
        return n;
}

/* How much of `rest` is a secret: the longest that it begins with. */
static size_t secret_at(const WebhookAuth *auth, Text rest) {
        size_t longest = 0;

        for (size_t i = 0; i < auth->n_methods; i++) {
                const WebhookAuthMethod *method = &auth->methods[i];

                longest = MAX(longest, length_of(rest, secret_text(method->api_key)));
                longest = MAX(longest, length_of(rest, secret_text(method->password)));
                longest = MAX(longest, length_of_token(rest, secret_text(method->token)));
        }
        return longest;
}

void webhook_auth_redact(const WebhookAuth *auth, Text value, Buffer *buffer) {
        _cleanup_(basic_deinit) Basic basic = {};

        if (auth->n_methods > 0 && basic_read(&basic, value) && basic_matches(auth, &basic)) {
                buffer_append_string(buffer, "Basic " REDACTED);
                return;
        }

        for (size_t i = 0; i < value.length;) {
                size_t n = secret_at(auth, text_make(value.data + i, value.length - i));

                if (n > 0)
                        buffer_append_string(buffer, REDACTED);
                else
                        buffer_append_byte(buffer, value.data[i]);
                i += MAX(n, (size_t) 1);
        }
}
