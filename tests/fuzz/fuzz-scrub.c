/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The scrubber against the plain way: mark every occurrence of every sample byte by byte; what is not marked must be there, in
 * order, and where something is marked there must be stars.
 *
 * Input: the number of samples, each with its length before it, and the text.
 */

#include "domain/scrub.h"
#include "fuzz.h"

#define MAX_SAMPLES 32

static Text take(const uint8_t **data, size_t *size) {
        size_t length;
        Text text;

        if (*size == 0)
                return TEXT_NULL;

        length = MIN((size_t) **data, *size - 1);
        text = text_make(*data + 1, length);
        *data += 1 + length;
        *size -= 1 + length;
        return text;
}

static void mark(Text text, Text sample, bool *marked) {
        for (size_t i = 0; sample.length > 0 && i + sample.length <= text.length; i++)
                if (memcmp(text.data + i, sample.data, sample.length) == 0)
                        memset(marked + i, true, sample.length);
}

/* Is out[at…] what is left of text[i…]? With stars in the text itself more than one reading is possible; all are tried. */
static bool matches(Text text, const bool *marked, size_t i, Text out, size_t at) {
        size_t end;

        while (i < text.length && !marked[i]) {
                if (at >= out.length || out.data[at] != text.data[i])
                        return false;
                i++;
                at++;
        }
        if (i == text.length)
                return at == out.length;

        end = i;
        while (end < text.length && marked[end])
                end++;
        for (size_t n = 1; n <= end - i && at + 3 * n <= out.length; n++) {
                if (memcmp(out.data + at + 3 * (n - 1), "***", 3) != 0)
                        return false;
                if (matches(text, marked, end, out, at + 3 * n))
                        return true;
        }
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(scrubber_freep) Scrubber *scrubber = scrubber_new();
        _cleanup_(buffer_deinit) Buffer out = BUFFER_NULL;
        Text samples[MAX_SAMPLES], text;
        size_t n_samples;
        bool *marked;

        if (size == 0)
                return 0;

        n_samples = MIN((size_t) data[0], (size_t) MAX_SAMPLES);
        data++;
        size--;
        for (size_t i = 0; i < n_samples; i++) {
                samples[i] = take(&data, &size);
                scrubber_add_sample(scrubber, samples[i]);
        }
        text = text_make(data, MIN(size, (size_t) 256));

        marked = xnew(bool, text.length + 1);
        for (size_t i = 0; i < n_samples; i++)
                mark(text, samples[i], marked);

        scrub(scrubber, text, &out);
        FUZZ_CHECK(matches(text, marked, 0, text_make(out.data ? out.data : "", out.length), 0));
        free(marked);
        return 0;
}
