/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The RSA key run tokens are signed with: out of a setting, into one.
 */

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/password.h"
#include "crypto/run-key.h"

#define BITS_MIN 2048

static void free_bio(BIO **bio) {
        BIO_free(*bio);
}

RunKey *run_key_free(RunKey *key) {
        if (!key)
                return NULL;

        EVP_PKEY_free(key->pkey);
        free(key);
        return NULL;
}

static bool is_usable(const EVP_PKEY *pkey) {
        return pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA && EVP_PKEY_get_bits(pkey) >= BITS_MIN &&
               EVP_PKEY_get_size(pkey) <= RUN_KEY_MAX_SIZE;
}

/* Without one libcrypto would ask the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata) {
        return -1;
}

typedef EVP_PKEY *(*PemReader)(BIO *bio, EVP_PKEY **pkey, pem_password_cb *passphrase, void *userdata);

static int read_pem(Text pem, PemReader reader, RunKey **ret_key) {
        _cleanup_(free_bio) BIO *bio = NULL;
        _cleanup_(run_key_freep) RunKey *key = xnew(RunKey, 1);

        if (pem.length == 0 || pem.length > INT32_MAX)
                return -EINVAL;
        bio = BIO_new_mem_buf(pem.data, (int) pem.length);
        if (!bio)
                out_of_memory();

        key->pkey = reader(bio, NULL, no_passphrase, NULL);
        ERR_clear_error();
        if (!is_usable(key->pkey))
                return -EINVAL;

        *ret_key = TAKE_PTR(key);
        return 0;
}

static int read_setting(Text text, PemReader reader, RunKey **ret_key) {
        _cleanup_(secret_freep) Secret *pem = NULL;
        int r;

        text = text_trim(text);
        if (text_starts_with(text, "-----BEGIN "))
                return read_pem(text, reader, ret_key);

        r = secret_from_base64(text, &pem);
        if (r < 0)
                return r;
        return read_pem(secret_text(pem), reader, ret_key);
}

int run_key_new(Text key, RunKey **ret_key) {
        return read_setting(key, PEM_read_bio_PrivateKey, ret_key);
}

int run_key_new_public(Text key, RunKey **ret_key) {
        return read_setting(key, PEM_read_bio_PUBKEY, ret_key);
}

/* -- into a setting ----------------------------------------------------------------------------- */

static void append_base64(BIO *bio, Buffer *buffer) {
        char *pem = NULL;
        long length = BIO_get_mem_data(bio, &pem);

        base64_append(buffer, text_make(pem, (size_t) length));
        while (buffer->length > 0 && buffer->data[buffer->length - 1] == '=')
                buffer->length--;
}

int run_key_public(const RunKey *key, Buffer *ret_public) {
        _cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
                out_of_memory();

        append_base64(bio, ret_public);
        return 0;
}

int run_key_generate(Secret **ret_private, Buffer *ret_public) {
        _cleanup_(run_key_freep) RunKey *key = xnew(RunKey, 1);
        _cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_mem());
        Buffer private = BUFFER_NULL;

        key->pkey = EVP_RSA_gen(BITS_MIN);
        if (!key->pkey) {
                ERR_clear_error();
                return -EIO;
        }
        if (!bio || PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
                out_of_memory();

        append_base64(bio, &private);   /* grows once, so no copy is left behind */
        *ret_private = secret_new(private.data, private.length);
        explicit_bzero(private.data, private.room);
        buffer_deinit(&private);
        return run_key_public(key, ret_public);
}
