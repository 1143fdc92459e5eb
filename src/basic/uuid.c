/* SPDX-License-Identifier: Apache-2.0 */

/*
 * UUIDs (RFC 9562). Version 7 here is 48 bits of milliseconds, 12 bits of the fraction of a
 * millisecond, 62 random bits. Time and fraction together are one number of 60 bits that never
 * stands still: an id made in the same quarter of a microsecond as the last one, or after the clock
 * was set back, takes the next number.
 */

#include <errno.h>
#include <sys/random.h>

#include "basic/clock.h"
#include "basic/macros.h"
#include "basic/uuid.h"

/* One system call for 64 ids. */
static void take_random(uint8_t *bytes, size_t size) {
        static uint8_t pool[512];
        static size_t n_left;

        if (n_left < size) {
                size_t filled = 0;

                while (filled < sizeof pool) {
                        ssize_t n = getrandom(pool + filled, sizeof pool - filled, 0);

                        /* Without randomness no id can be made, and any other answer would be a lie. */
                        if (n < 0 && errno != EINTR)
                                abort();
                        filled += n > 0 ? (size_t) n : 0;
                }
                n_left = sizeof pool;
        }

        n_left -= size;
        memcpy(bytes, pool + n_left, size);
        /* Tokens are made of these as well: what was given out is not kept. */
        explicit_bzero(pool + n_left, size);
}

static void set_version(Uuid *uuid, unsigned version) {
        uuid->bytes[6] = (uint8_t) ((uuid->bytes[6] & 0x0f) | (version << 4));
        uuid->bytes[8] = (uint8_t) ((uuid->bytes[8] & 0x3f) | 0x80);
}

/* Milliseconds and their 4096ths. */
static uint64_t next_tick(void) {
        static uint64_t last;
        uint64_t now = clock_now_usec();
        uint64_t tick = (now / USEC_PER_MSEC) << 12 | (now % USEC_PER_MSEC) * 4096 / USEC_PER_MSEC;

        last = MAX(tick, last + 1);
        return last;
}

Uuid uuid_new(void) {
        uint64_t tick = next_tick();
        Uuid uuid;

        for (unsigned i = 0; i < 6; i++)
                uuid.bytes[i] = (uint8_t) (tick >> (52 - 8 * i));
        uuid.bytes[6] = (tick >> 8) & 0x0f;
        uuid.bytes[7] = (uint8_t) tick;
        take_random(uuid.bytes + 8, 8);
        set_version(&uuid, 7);
        return uuid;
}

Uuid uuid_random(void) {
        Uuid uuid;

        take_random(uuid.bytes, sizeof uuid.bytes);
        set_version(&uuid, 4);
        return uuid;
}

uint64_t uuid_time_msec(const Uuid *uuid) {
        uint64_t msec = 0;

        for (unsigned i = 0; i < 6; i++)
                msec = msec << 8 | uuid->bytes[i];
        return msec;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -EINVAL;
}

static bool dash_before(unsigned byte) {
        return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

int uuid_parse(Text text, Uuid *ret_uuid) {
        const char *p = text.data;
        Uuid uuid;

        if (text.length != UUID_TEXT_LENGTH)
                return -EINVAL;

        for (unsigned i = 0; i < sizeof uuid.bytes; i++) {
                int high, low;

                if (dash_before(i) && *p++ != '-')
                        return -EINVAL;
                high = hex_digit(*p++);
                low = hex_digit(*p++);
                if (high < 0 || low < 0)
                        return -EINVAL;
                uuid.bytes[i] = (uint8_t) (high << 4 | low);
        }

        *ret_uuid = uuid;
        return 0;
}

char *uuid_format(const Uuid *uuid, char buffer[static UUID_STRING_SIZE]) {
        static const char digits[] = "0123456789abcdef";
        char *p = buffer;

        for (unsigned i = 0; i < sizeof uuid->bytes; i++) {
                if (dash_before(i))
                        *p++ = '-';
                *p++ = digits[uuid->bytes[i] >> 4];
                *p++ = digits[uuid->bytes[i] & 0x0f];
        }
        *p = 0;
        return buffer;
}
