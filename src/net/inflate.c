/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gzip by zlib, a piece at a time: a small body may unpack to a thousand times its size, and is only followed
 * as far as bodies may go.
 */

#include <errno.h>
#include <zlib.h>

#include "net/inflate.h"

#define PIECE (32 * 1024)

/* Members may follow each other (RFC 1952, 2.2). */
static int inflate_all(z_stream *stream, size_t max, Buffer *plain) {
        size_t start = plain->length;
        int r;

        do {
                size_t room = MIN((size_t) PIECE, max - (plain->length - start) + 1);

                buffer_reserve(plain, room);
                stream->next_out = (Bytef *) plain->data + plain->length;
                stream->avail_out = (uInt) room;
                r = inflate(stream, Z_NO_FLUSH);
                plain->length += room - stream->avail_out;

                if (plain->length - start > max)
                        return -EMSGSIZE;
                if (r == Z_STREAM_END && stream->avail_in > 0)
                        r = inflateReset(stream);
        } while (r == Z_OK);

        return r == Z_STREAM_END ? 0 : -EBADMSG;
}

int inflate_gzip(Text packed, size_t max, Buffer *plain) {
        z_stream stream = {
                .next_in = (Bytef *) packed.data,
                .avail_in = (uInt) packed.length,
        };
        int r;

        /* 16: gzip's frame and no other. */
        if (packed.length > UINT32_MAX || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
                return -EBADMSG;

        r = inflate_all(&stream, max, plain);
        (void) inflateEnd(&stream);
        return r;
}
