/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The scrubber: an automaton (Aho and Corasick, 1975) over all samples at once, so that a text costs one
 * pass, whatever it holds and however many secrets there are.
 *
 * The original replaces sample after sample, the longest first. Where occurrences do not overlap, the
 * outcome is the same. Where they do, it leaves the rest of the shorter one standing; here nothing of either
 * is left.
 */

#include <stdint.h>

#include "crypto/password.h"
#include "domain/scrub.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

#define MASK "***"

/* Pairs grow with the square: of more values than a credential may have, the first ones are paired. */
#define MAX_PAIRED 100

typedef struct Node {
        uint32_t child, sibling;        /* 0: none; a node's children hang on each other */
        uint32_t fail;                  /* the longest proper suffix that is a node as well */
        uint32_t depth;                 /* bytes from the root to here */
        uint32_t longest;               /* of the samples that end here or along `fail`; 0: none */
        uint8_t byte;
        bool is_sample;
} Node;

struct Scrubber {
        Node *nodes;                    /* the first one is the root */
        uint32_t n_nodes, room;
        uint32_t first[256];            /* the root's children: nearly every byte is looked up here */
        size_t n_samples;
        bool is_linked;                 /* `fail` and `longest` are up to date */
};

Scrubber *scrubber_new(void) {
        Scrubber *scrubber = xnew(Scrubber, 1);

        scrubber->room = 64;
        scrubber->nodes = xnew(Node, scrubber->room);
        scrubber->n_nodes = 1;
        return scrubber;
}

/* The bytes along the edges are the secrets. */
static void wipe_nodes(Scrubber *scrubber) {
        explicit_bzero(scrubber->nodes, scrubber->n_nodes * sizeof(Node));
        free(scrubber->nodes);
}

Scrubber *scrubber_free(Scrubber *scrubber) {
        if (!scrubber)
                return NULL;

        wipe_nodes(scrubber);
        explicit_bzero(scrubber, sizeof *scrubber);
        free(scrubber);
        return NULL;
}

size_t scrubber_n_samples(const Scrubber *scrubber) {
        return scrubber->n_samples;
}

/* -- the automaton --------------------------------------------------------------------------------- */

static uint32_t find_child(const Scrubber *scrubber, uint32_t node, uint8_t byte) {
        uint32_t child;

        if (node == 0)
                return scrubber->first[byte];

        child = scrubber->nodes[node].child;
        while (child && scrubber->nodes[child].byte != byte)
                child = scrubber->nodes[child].sibling;
        return child;
}

static void grow(Scrubber *scrubber) {
        uint32_t room = 2 * scrubber->room;
        Node *nodes = xnew(Node, room);

        memcpy(nodes, scrubber->nodes, scrubber->n_nodes * sizeof(Node));
        wipe_nodes(scrubber);
        scrubber->nodes = nodes;
        scrubber->room = room;
}

static uint32_t add_child(Scrubber *scrubber, uint32_t node, uint8_t byte) {
        uint32_t child = scrubber->n_nodes;

        if (child == scrubber->room)
                grow(scrubber);
        scrubber->nodes[child] = (Node) {
                .byte = byte,
                .sibling = scrubber->nodes[node].child,
                .depth = scrubber->nodes[node].depth + 1,
        };
        scrubber->nodes[node].child = child;
        if (node == 0)
                scrubber->first[byte] = child;
        scrubber->n_nodes++;
        return child;
}

void scrubber_add_sample(Scrubber *scrubber, Text sample) {
        uint32_t node = 0;

        if (sample.length == 0 || sample.length > UINT32_MAX)
                return;

        for (size_t i = 0; i < sample.length; i++) {
                uint8_t byte = (uint8_t) sample.data[i];
                uint32_t child = find_child(scrubber, node, byte);

                node = child ? child : add_child(scrubber, node, byte);
        }
        if (scrubber->nodes[node].is_sample)
                return;

        scrubber->nodes[node].is_sample = true;
        scrubber->n_samples++;
        scrubber->is_linked = false;
}

/* Where the text goes on from `node` with `byte`. */
static uint32_t step(const Scrubber *scrubber, uint32_t node, uint8_t byte) {
        for (;;) {
                uint32_t child = find_child(scrubber, node, byte);

                if (child || node == 0)
                        return child;
                node = scrubber->nodes[node].fail;
        }
}

/* Level by level, so that what a node fails to is finished before the node is. */
static void link_nodes(Scrubber *scrubber) {
        uint32_t *queue = xnew(uint32_t, scrubber->n_nodes), head = 0, tail = 0;
        Node *nodes = scrubber->nodes;

        for (uint32_t child = nodes[0].child; child; child = nodes[child].sibling)
                queue[tail++] = child;

        while (head < tail) {
                uint32_t at = queue[head++];
                Node *node = &nodes[at];

                node->longest = node->is_sample ? node->depth : nodes[node->fail].longest;
                for (uint32_t child = node->child; child; child = nodes[child].sibling) {
                        nodes[child].fail = step(scrubber, node->fail, nodes[child].byte);
                        queue[tail++] = child;
                }
        }
        free(queue);
        scrubber->is_linked = true;
}

/* -- scrubbing ------------------------------------------------------------------------------------- */

/* More than that at once are masked as one, which only shows in the number of stars. */
#define MAX_PENDING 65536

typedef struct Occurrence {
        size_t from, to;
        bool is_first;          /* nothing before it reaches into it or what follows */
} Occurrence;

/* A text at work: where samples were found that one still to be found may overlap, at most one for each
 * place where one ends. */
typedef struct Scrubbing {
        Text text;
        Buffer *out;
        size_t written;         /* of the text */
        Occurrence *pending;    /* in the order of their ends */
        size_t n_pending, room;
} Scrubbing;

/* The longest first, of equal ones the first. */
static int compare(const void *a, const void *b) {
        const Occurrence *x = a, *y = b;
        size_t x_length = x->to - x->from, y_length = y->to - y->from;

        if (x_length != y_length)
                return x_length > y_length ? -1 : 1;
        return x->from < y->from ? -1 : x->from > y->from;
}

/* How many of these, all within `from` and `to`, the original would have replaced: each one that is not in
 * the way of one before. */
static size_t count_replaced(Occurrence *occurrences, size_t n, size_t from, size_t to) {
        _cleanup_(freep) bool *taken = NULL;
        size_t n_replaced = 0;

        if (n == 1)
                return 1;

        taken = xnew(bool, to - from);
        qsort(occurrences, n, sizeof *occurrences, compare);
        for (size_t i = 0; i < n; i++) {
                size_t first = occurrences[i].from - from, end = occurrences[i].to - from;

                /* None that was taken is shorter, so one that overlaps covers an end of this one. */
                if (taken[first] || taken[end - 1])
                        continue;
                memset(taken + first, true, end - first);
                n_replaced++;
        }
        return n_replaced;
}

static void mask(Scrubbing *scrubbing, Occurrence *occurrences, size_t n, size_t from) {
        size_t to = occurrences[n - 1].to;

        buffer_append(scrubbing->out, scrubbing->text.data + scrubbing->written, from - scrubbing->written);
        for (size_t i = count_replaced(occurrences, n, from, to); i > 0; i--)
                buffer_append_string(scrubbing->out, MASK);
        scrubbing->written = to;
}

/* Masks what is pending, part by part: a part is what hangs together by overlapping. */
static void flush(Scrubbing *scrubbing) {
        Occurrence *pending = scrubbing->pending;
        size_t from = SIZE_MAX, n;

        /* Backwards, because a long one may reach over several that end before it. */
        for (size_t i = scrubbing->n_pending; i > 0; i--) {
                from = MIN(from, pending[i - 1].from);
                pending[i - 1].is_first = i == 1 || pending[i - 2].to <= from;
                if (pending[i - 1].is_first)
                        from = SIZE_MAX;
        }

        for (size_t i = 0; i < scrubbing->n_pending; i += n) {
                from = pending[i].from;
                for (n = 1; i + n < scrubbing->n_pending && !pending[i + n].is_first; n++)
                        from = MIN(from, pending[i + n].from);
                mask(scrubbing, pending + i, n, from);
        }
        scrubbing->n_pending = 0;
}

static void add_occurrence(Scrubbing *scrubbing, size_t from, size_t to) {
        if (scrubbing->n_pending == MAX_PENDING)
                flush(scrubbing);
        if (scrubbing->n_pending == scrubbing->room) {
                scrubbing->room = MAX(2 * scrubbing->room, (size_t) 8);
                scrubbing->pending = xrealloc(scrubbing->pending, scrubbing->room * sizeof(Occurrence));
        }
        scrubbing->pending[scrubbing->n_pending++] =
                (Occurrence) { .from = MAX(from, scrubbing->written), .to = to };
}

void scrub(Scrubber *scrubber, Text text, Buffer *out) {
        Scrubbing scrubbing = { .text = text, .out = out };
        const Node *nodes;
        uint32_t node = 0;

        if (!scrubber || scrubber->n_samples == 0) {
                buffer_append_text(out, text);
                return;
        }
        if (!scrubber->is_linked)
                link_nodes(scrubber);

        nodes = scrubber->nodes;
        buffer_reserve(out, text.length);
        for (size_t i = 0; i < text.length; i++) {
                size_t end = i + 1;

                node = step(scrubber, node, (uint8_t) text.data[i]);
                /* Whatever is found later begins at `end - depth` or behind. */
                if (scrubbing.n_pending > 0 &&
                    end - nodes[node].depth >= scrubbing.pending[scrubbing.n_pending - 1].to)
                        flush(&scrubbing);
                if (nodes[node].longest > 0)
                        add_occurrence(&scrubbing, end - nodes[node].longest, end);
        }
        flush(&scrubbing);
        buffer_append(out, text.data + scrubbing.written, text.length - scrubbing.written);
        free(scrubbing.pending);
}

/* -- samples of a credential ----------------------------------------------------------------------- */

static void add_base64(Scrubber *scrubber, Text value) {
        _cleanup_(buffer_deinit) Buffer encoded = BUFFER_NULL;

        base64_append(&encoded, value);
        scrubber_add_sample(scrubber, buffer_text(&encoded));
        explicit_bzero(encoded.data, encoded.length);
}

/* base64 of `x:y`, as in the header of basic authentication. */
static void add_pair(Scrubber *scrubber, Text x, Text y) {
        _cleanup_(buffer_deinit) Buffer pair = BUFFER_NULL;

        buffer_reserve(&pair, x.length + 1 + y.length);
        buffer_append_text(&pair, x);
        buffer_append_byte(&pair, ':');
        buffer_append_text(&pair, y);
        add_base64(scrubber, buffer_text(&pair));
        explicit_bzero(pair.data, pair.length);
}

/* As it stands in JSON: what is logged inside an object stays JSON. */
static void add_escaped(Scrubber *scrubber, Text value) {
        _cleanup_(buffer_deinit) Buffer escaped = BUFFER_NULL;

        buffer_reserve(&escaped, 6 * value.length + 2);
        json_append_string(&escaped, value);
        scrubber_add_sample(scrubber, text_make(escaped.data + 1, escaped.length - 2));
        explicit_bzero(escaped.data, escaped.length);
}

static Text top_level_string(Arena *arena, Text body, const char *name) {
        Text value = json_member(body, name), text = TEXT_NULL;

        if (value.data)
                (void) json_unescape(arena, value, &text);
        return text;
}

static void add_basic_auth(Scrubber *scrubber, Arena *arena, Text body) {
        static const char *const names[] = { "username", "email" };
        Text password = top_level_string(arena, body, "password");

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Text name = top_level_string(arena, body, names[i]);

                if (name.data)
                        add_pair(scrubber, name, password);
        }
}

void scrubber_add_credential(Scrubber *scrubber, Text body) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        size_t n_values, n_paired;
        Text *values;

        if (json_kind(body) != JSON_OBJECT)
                return;

        n_values = sensitive_values(&arena, body, &values);
        n_paired = MIN(n_values, (size_t) MAX_PAIRED);
        for (size_t i = 0; i < n_values; i++) {
                scrubber_add_sample(scrubber, values[i]);
                add_escaped(scrubber, values[i]);
                add_base64(scrubber, values[i]);
        }
        for (size_t i = 0; i < n_paired; i++)
                for (size_t j = 0; j < n_paired; j++)
                        add_pair(scrubber, values[i], values[j]);
        add_basic_auth(scrubber, &arena, body);

        /* Each is a copy in the arena. */
        for (size_t i = 0; i < n_values; i++)
                explicit_bzero((char *) values[i].data, values[i].length);
}
