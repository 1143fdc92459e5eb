/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secrets are kept out of log lines (worker-channel 8): every occurrence of a known secret, plain or in the
 * encodings that usually travel, becomes `***`.
 */

#include "basic/arena.h"
#include "basic/buffer.h"
#include "basic/macros.h"

typedef struct Scrubber Scrubber;

Scrubber *scrubber_new(void);
/* Wipes what it knows. */
Scrubber *scrubber_free(Scrubber *scrubber);
DEFINE_CLEANUP(Scrubber, scrubber_free);

/* Everything sensitive in a credential's body (checked JSON), in all its forms. */
void scrubber_add_credential(Scrubber *scrubber, Text body);
/* One more text to look for, as it is. */
void scrubber_add_sample(Scrubber *scrubber, Text sample);
/* How many different samples there are. */
size_t scrubber_n_samples(const Scrubber *scrubber);

/*
 * Appends `text` to `out`, scrubbed. Longer secrets come before shorter ones, as in the original; where
 * occurrences overlap, nothing of any of them is left. One pass, whatever the samples are. `scrubber` NULL
 * knows nothing.
 */
void scrub(Scrubber *scrubber, Text text, Buffer *out);

/* The sensitive values of a credential's body, in its order, each once: for who limits their number, and
 * for tests. In the arena. */
size_t sensitive_values(Arena *arena, Text body, Text **ret_values);
