/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answer to a WebSocket handshake: base64 of the SHA-1 of the key and a fixed text. It proves that the
 * server speaks WebSocket, not more; that is why SHA-1 will do and why it is here and not in crypto/.
 */

#include "net/websocket-key.h"

#include <stdint.h>

#include "basic/macros.h"

#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define BLOCK 64
#define DIGEST 20

typedef struct Sha1 {
        uint32_t h[5];
} Sha1;

static uint32_t rotate(uint32_t x, unsigned n) {
        return (x << n) | (x >> (32 - n));
}

static void sha1_block(Sha1 *sha1, const uint8_t block[static BLOCK]) {
        uint32_t w[80], a = sha1->h[0], b = sha1->h[1], c = sha1->h[2], d = sha1->h[3], e = sha1->h[4];

        for (unsigned t = 0; t < 16; t++)
                w[t] = (uint32_t) block[4 * t] << 24 | (uint32_t) block[4 * t + 1] << 16 |
                       (uint32_t) block[4 * t + 2] << 8 | block[4 * t + 3];
        for (unsigned t = 16; t < 80; t++)
                w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);

        for (unsigned t = 0; t < 80; t++) {
                uint32_t f, k, sum;

                if (t < 20)
                        f = (b & c) | (~b & d), k = 0x5a827999;
                else if (t < 40)
                        f = b ^ c ^ d, k = 0x6ed9eba1;
                else if (t < 60)
                        f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
                else
                        f = b ^ c ^ d, k = 0xca62c1d6;

                sum = rotate(a, 5) + f + e + k + w[t];
                e = d;
                d = c;
                c = rotate(b, 30);
                b = a;
                a = sum;
        }

        sha1->h[0] += a;
        sha1->h[1] += b;
        sha1->h[2] += c;
        sha1->h[3] += d;
        sha1->h[4] += e;
}

/* At most two blocks: a key has 24 characters. */
static void sha1_short(const uint8_t *data, size_t length, uint8_t digest[static DIGEST]) {
        Sha1 sha1 = { { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 } };
        uint8_t padded[2 * BLOCK] = {};
        size_t end = length + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

        memcpy(padded, data, length);
        padded[length] = 0x80;
        padded[end - 2] = (uint8_t) (length * 8 >> 8);
        padded[end - 1] = (uint8_t) (length * 8);

        for (size_t at = 0; at < end; at += BLOCK)
                sha1_block(&sha1, padded + at);
        for (unsigned i = 0; i < DIGEST; i++)
                digest[i] = (uint8_t) (sha1.h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64_digest(const uint8_t digest[static DIGEST], char text[static WEBSOCKET_ACCEPT_SIZE]) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        uint8_t padded[DIGEST + 1] = {};

        memcpy(padded, digest, DIGEST);
        for (unsigned i = 0; i < DIGEST + 1; i += 3) {
                uint32_t bits = (uint32_t) padded[i] << 16 | (uint32_t) padded[i + 1] << 8 | padded[i + 2];

                for (unsigned k = 0; k < 4; k++)
                        *text++ = alphabet[bits >> (18 - 6 * k) & 63];
        }
        text[-1] = '=';
        *text = '\0';
}

void websocket_accept_key(Text key, char accept[static WEBSOCKET_ACCEPT_SIZE]) {
        uint8_t data[2 * BLOCK - 9], digest[DIGEST];
        size_t length = MIN(key.length, sizeof data - (sizeof MAGIC - 1));

        memcpy(data, key.data, length);
        memcpy(data + length, MAGIC, sizeof MAGIC - 1);
        sha1_short(data, length + sizeof MAGIC - 1, digest);
        base64_digest(digest, accept);
}
