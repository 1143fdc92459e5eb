/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl key: new keys, printed in the shape that fulgur.env and the original's worker take. They go to
 * standard output and nowhere else.
 */

#include <string.h>
#include <unistd.h>

#include "crypto/jwt.h"
#include "crypto/password.h"
#include "ctl/ctl.h"

typedef struct KeyLine {
        const char *name;
        Text value;
} KeyLine;

static int print_keys(Ctl *ctl, const KeyLine *lines, size_t n_lines, const char *note) {
        Buffer buffer = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&buffer);

        if (!ctl->json) {
                for (size_t i = 0; i < n_lines; i++)
                        printf("%s=\"%.*s\"\n\n", lines[i].name, (int) lines[i].value.length,
                               lines[i].value.data);
                fprintf(stderr, "%s\n", note);
                return EXIT_OK;
        }

        json_begin(&w, NULL);
        for (size_t i = 0; i < n_lines; i++)
                json_text(&w, lines[i].name, lines[i].value);
        json_end(&w);
        ctl_print_json(&buffer);
        return EXIT_OK;
}

static void random_base64(size_t n_bytes, Buffer *ret_text) {
        uint8_t bytes[64];

        if (getentropy(bytes, n_bytes) < 0)
                out_of_memory();
        base64_append(ret_text, text_make(bytes, n_bytes));
        explicit_bzero(bytes, sizeof bytes);
}

static int generate_encryption(Ctl *ctl) {
        _cleanup_(buffer_deinit) Buffer key = BUFFER_NULL;

        random_base64(32, &key);
        return print_keys(ctl, (KeyLine[]) { { "PRIMARY_ENCRYPTION_KEY", buffer_text(&key) } }, 1,
                          "Encrypts secrets at rest. Keep a copy: without it they cannot be read again.\n"
                          "As a systemd credential it is fulgur.primary-key.");
}

static int generate_session(Ctl *ctl) {
        _cleanup_(buffer_deinit) Buffer key = BUFFER_NULL;

        random_base64(64, &key);
        return print_keys(ctl, (KeyLine[]) { { "SECRET_KEY_BASE", buffer_text(&key) } }, 1,
                          "Signs cookies and links. As a systemd credential it is fulgur.session-key.");
}

static int generate_worker(Ctl *ctl) {
        _cleanup_(secret_freep) Secret *private_key = NULL;
        _cleanup_(buffer_deinit) Buffer public_key = BUFFER_NULL, secret = BUFFER_NULL;

        if (run_key_generate(&private_key, &public_key) < 0)
                return ctl_fail(EXIT_FAILED, "no RSA key could be made");
        random_base64(32, &secret);

        const KeyLine lines[] = {
                { "WORKER_RUNS_PRIVATE_KEY", secret_text(private_key) },
                { "WORKER_SECRET", buffer_text(&secret) },
                { "WORKER_LIGHTNING_PUBLIC_KEY", buffer_text(&public_key) },
        };
        return print_keys(
                ctl, lines, ELEMENTSOF(lines),
                "The server takes WORKER_RUNS_PRIVATE_KEY (credential fulgur.run-token-key) and "
                "WORKER_SECRET "
                "(fulgur.worker-secret);\nworkers take WORKER_SECRET and WORKER_LIGHTNING_PUBLIC_KEY.");
}

int verb_key_generate(Ctl *ctl, int argc, char *argv[]) {
        static const struct {
                const char *kind;
                int (*generate)(Ctl *ctl);
        } kinds[] = {
                { "encryption", generate_encryption },
                { "session", generate_session },
                { "worker", generate_worker },
        };

        if (argc != 2)
                return EXIT_USAGE;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(argv[1], kinds[i].kind) == 0)
                        return kinds[i].generate(ctl);
        return EXIT_USAGE;
}
