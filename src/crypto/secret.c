/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets in memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "crypto/locked.h"
#include "crypto/secret.h"
#include "log/log.h"

#define FILE_MAX (64 * 1024)

/* Of this process only: what secret_equal() computes never leaves it. */
static uint8_t equal_key[crypto_generichash_KEYBYTES];

void crypto_start(void) {
        if (sodium_init() < 0) {
                log_error("libsodium does not start: no randomness or no memory.");
                abort();
        }
        randombytes_buf(equal_key, sizeof equal_key);
}

/* A sanitizer finds what is done wrong only in memory that it hands out itself. */
#ifdef __SANITIZE_ADDRESS__
#define room_new(size) xcalloc(1, size)
#define room_free(memory, size) (sodium_memzero(memory, size), free(memory))
#else
#define room_new locked_new
#define room_free locked_free
#endif

Secret *secret_new(const void *data, size_t length) {
        Secret *secret;

        if (length > SIZE_MAX / 2)
                out_of_memory();

        secret = room_new(sizeof *secret + length + 1);
        secret->length = length;
        if (data && length > 0)
                memcpy(secret->data, data, length);
        return secret;
}

Secret *secret_random(size_t length) {
        Secret *secret = secret_new(NULL, length);

        randombytes_buf(secret->data, length);
        return secret;
}

void secret_wipe(const void *memory, size_t size) {
        if (size > 0)
                sodium_memzero((void *) (uintptr_t) memory, size);
}

Secret *secret_free(Secret *secret) {
        if (secret)
                room_free(secret, sizeof *secret + secret->length + 1);
        return NULL;
}

static void keyed_digest(Text text, uint8_t digest[static crypto_generichash_BYTES]) {
        crypto_generichash(digest, crypto_generichash_BYTES, (const uint8_t *) text.data, text.length,
                           equal_key, sizeof equal_key);
}

bool secret_equal(Text a, Text b) {
        uint8_t digest_a[crypto_generichash_BYTES], digest_b[crypto_generichash_BYTES];

        if (a.length == b.length)
                return a.length == 0 || sodium_memcmp(a.data, b.data, a.length) == 0;

        keyed_digest(a, digest_a);
        keyed_digest(b, digest_b);
        return sodium_memcmp(digest_a, digest_b, sizeof digest_a) == 0;
}

/* Up to `size` bytes; less only at the end of the file. */
static ssize_t read_all(int fd, char *data, size_t size) {
        size_t length = 0;

        while (length < size) {
                ssize_t n = read(fd, data + length, size - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                length += (size_t) n;
        }
        return (ssize_t) length;
}

int secret_read_file(const char *path, Secret **ret_secret) {
        _cleanup_(secret_freep) Secret *room = secret_new(NULL, FILE_MAX + 1);
        size_t length;
        ssize_t n;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        n = read_all(fd, room->data, room->length);
        close(fd);
        if (n < 0)
                return (int) n;
        if (n > FILE_MAX)
                return -EFBIG;

        length = (size_t) n;
        if (length > 0 && room->data[length - 1] == '\n')
                length--;
        *ret_secret = secret_new(room->data, length);
        return 0;
}
