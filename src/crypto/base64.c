/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Base64 in the variants that are met: standard and URL-safe, with and without padding. libsodium's codec,
 * because its time does not depend on the data and it refuses encodings that are not the canonical one.
 */

#include <errno.h>
#include <sodium.h>

#include "crypto/password.h"
#include "crypto/secret.h"

static void append(Buffer *buffer, Text data, int variant) {
        size_t size = sodium_base64_encoded_len(data.length, variant);

        buffer_reserve(buffer, size);
        sodium_bin2base64(buffer->data + buffer->length, size, (const uint8_t *) data.data, data.length,
                          variant);
        buffer->length += size - 1;     /* the NUL is not counted */
}

void base64_append(Buffer *buffer, Text data) {
        append(buffer, data, sodium_base64_VARIANT_ORIGINAL);
}

void base64url_append(Buffer *buffer, Text data) {
        append(buffer, data, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Padding is either absent or complete. */
static int drop_padding(Text *text) {
        size_t length = text->length, n_padding = 0;

        while (n_padding < 2 && length > 0 && text->data[length - 1] == '=') {
                length--;
                n_padding++;
        }
        if (n_padding > 0 && text->length % 4 != 0)
                return -EINVAL;
        text->length = length;
        return 0;
}

/* `data` has room for three quarters of the text. */
static int decode(Text text, char *data, size_t *ret_length) {
        bool url_safe;
        int r;

        r = drop_padding(&text);
        if (r < 0)
                return r;
        if (text.length == 0) {
                *ret_length = 0;
                return 0;
        }

        url_safe = memchr(text.data, '-', text.length) || memchr(text.data, '_', text.length);
        if (sodium_base642bin((uint8_t *) data, text.length / 4 * 3 + 3, text.data, text.length, NULL,
                              ret_length, NULL,
                              url_safe ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
                                       : sodium_base64_VARIANT_ORIGINAL_NO_PADDING) < 0)
                return -EINVAL;
        return 0;
}

int base64_decode(Text text, Buffer *data) {
        size_t length;
        int r;

        buffer_reserve(data, text.length / 4 * 3 + 3);
        r = decode(text, data->data + data->length, &length);
        if (r < 0)
                return r;

        data->length += length;
        return 0;
}

int secret_from_base64(Text text, Secret **ret_secret) {
        _cleanup_(secret_freep) Secret *room = secret_new(NULL, text.length / 4 * 3 + 3);
        size_t length;
        int r;

        r = decode(text, room->data, &length);
        if (r < 0)
                return r;

        *ret_secret = secret_new(room->data, length);
        return 0;
}
