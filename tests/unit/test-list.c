/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ring: order, and leaving it at any time.
 */

#include "basic/list.h"
#include "check.h"

typedef struct Item {
        char name;
        List link;
} Item;

static void check_order(List *head, const char *want) {
        char got[16] = "";
        size_t n = 0;

        list_for_each(link, head)
                got[n++] = list_entry(link, Item, link)->name;
        CHECK_STRING(got, want);

        n = 0;
        for (List *link = head->previous; link != head; link = link->previous)
                got[strlen(want) - 1 - n++] = list_entry(link, Item, link)->name;
        CHECK_STRING(got, want);
        CHECK(list_is_empty(head) == (*want == 0));
}

int main(void) {
        Item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
        List head, other;

        list_init(&head);
        list_init(&other);
        list_init(&a.link);
        list_init(&b.link);
        list_init(&c.link);
        check_order(&head, "");
        CHECK(!list_pop(&head));

        list_append(&head, &b.link);
        list_append(&head, &c.link);
        list_prepend(&head, &a.link);
        check_order(&head, "abc");

        list_unlink(&b.link);
        list_unlink(&b.link);
        check_order(&head, "ac");
        list_append(&other, &b.link);
        check_order(&other, "b");

        CHECK(list_entry(list_pop(&head), Item, link) == &a);
        check_order(&head, "c");
        CHECK(a.link.next == &a.link);

        list_append(&head, &a.link);
        list_unlink(&b.link);
        list_append(&head, &b.link);
        check_order(&head, "cab");

        list_for_each(link, &head)
                list_unlink(link);
        check_order(&head, "");
        return 0;
}
