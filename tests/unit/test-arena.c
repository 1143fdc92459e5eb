/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory: what comes from an arena is zeroed, aligned and apart from the rest; a buffer keeps what was
 * appended.
 */

#include <stdalign.h>

#include "basic/arena.h"
#include "basic/buffer.h"
#include "check.h"

static bool is_filled(const char *data, size_t length, char byte) {
        for (size_t i = 0; i < length; i++)
                if (data[i] != byte)
                        return false;
        return true;
}

/* Each piece is filled with a byte of its own; at the end every piece still holds its own. */
static void test_pieces_stay_apart(void) {
        static const size_t sizes[] = { 0,    1,    7,    8,     16,    17,    100,    1000,
                                        2047, 2048, 2049, 16384, 16385, 70000, 1 << 20 };
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        char *pieces[ELEMENTSOF(sizes) * 20];

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                size_t size = sizes[i % ELEMENTSOF(sizes)];

                if (i % 3 == 0)
                        (void) arena_strdup(&arena, "odd");     /* moves the next piece off its alignment */
                pieces[i] = arena_alloc(&arena, size);
                CHECK((uintptr_t) pieces[i] % alignof(max_align_t) == 0);
                CHECK(is_filled(pieces[i], size, 0));
                memset(pieces[i], (int) i + 1, size);
        }
        for (size_t i = 0; i < ELEMENTSOF(pieces); i++)
                CHECK(is_filled(pieces[i], sizes[i % ELEMENTSOF(sizes)], (char) (i + 1)));
}

static void test_copies(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Text text = arena_text(&arena, TEXT("a\0b"));
        char *large;

        CHECK(text_equal(text, TEXT("a\0b")) && text.data[3] == 0);
        CHECK_STRING(arena_strdup(&arena, "copied"), "copied");
        CHECK_STRING(arena_text_string(&arena, text_make("cut here", 3)), "cut");
        CHECK_STRING(arena_printf(&arena, "%s-%d", "run", 7), "run-7");
        CHECK(memcmp(arena_memdup(&arena, "\1\2\3", 3), "\1\2\3", 3) == 0);

        large = arena_printf(&arena, "%*s", 100000, "x");
        CHECK_INT(strlen(large), 100000);

        CHECK(!arena_strdup(&arena, NULL) && !arena_text_string(&arena, TEXT_NULL));
        CHECK(!arena_text(&arena, TEXT_NULL).data && !arena_memdup(&arena, NULL, 0));
        CHECK_TEXT(arena_text(&arena, TEXT("")), "");
        CHECK(arena_text(&arena, TEXT("")).data);
}

static void test_arena_is_reusable(void) {
        Arena arena = ARENA_NULL;

        arena_deinit(&arena);
        (void) arena_alloc(&arena, 100);
        arena_deinit(&arena);
        CHECK(!arena.blocks && arena.left == 0);
        CHECK(arena_new(&arena, uint64_t, 4)[3] == 0);
        arena_deinit(&arena);
}

static void test_buffer(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

        CHECK_TEXT(buffer_text(&buffer), "");
        CHECK_STRING(buffer_string(&buffer), "");

        buffer_append_string(&buffer, "one");
        buffer_append_byte(&buffer, ' ');
        buffer_append_text(&buffer, TEXT("two"));
        buffer_append_text(&buffer, TEXT_NULL);
        buffer_printf(&buffer, " %d%s", 3, "!");
        CHECK_TEXT(buffer_text(&buffer), "one two 3!");
        CHECK_STRING(buffer_string(&buffer), "one two 3!");
        CHECK_INT(buffer.length, 10);

        buffer_clear(&buffer);
        CHECK_STRING(buffer_string(&buffer), "");

        buffer_reserve(&buffer, 100000);
        CHECK(buffer.room - buffer.length >= 100000);
}

static void test_buffer_grows(void) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;

        for (size_t i = 0; i < 100000; i++)
                buffer_append(&buffer, &i, sizeof i);
        CHECK_INT(buffer.length, 100000 * sizeof(size_t));
        for (size_t i = 0; i < 100000; i++)
                CHECK(memcmp(buffer.data + i * sizeof i, &i, sizeof i) == 0);
}

static void test_x(void) {
        _cleanup_(freep) char *copy = xstrndup("a\0b", 3);
        char *other = copy, *taken = TAKE_PTR(other);

        CHECK(memcmp(copy, "a\0b", 4) == 0);
        CHECK(taken == copy && !other);
        copy = xrealloc(copy, 5000);
        CHECK(memcmp(copy, "a\0b", 4) == 0);
}

int main(void) {
        test_pieces_stay_apart();
        test_copies();
        test_arena_is_reusable();
        test_buffer();
        test_buffer_grows();
        test_x();
        return 0;
}
