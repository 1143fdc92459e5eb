/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An intrusive doubly linked ring. The head is a List too; an unlinked List points to itself,
 * so list_unlink() may be called on anything that was initialised.
 */

#include <stdbool.h>

#include "basic/macros.h"

typedef struct List List;
struct List {
        List *next, *previous;
};

static inline void list_init(List *list) {
        list->next = list->previous = list;
}

static inline bool list_is_empty(const List *head) {
        return head->next == head;
}

static inline void list_append(List *head, List *link) {
        link->previous = head->previous;
        link->next = head;
        head->previous->next = link;
        head->previous = link;
}

static inline void list_prepend(List *head, List *link) {
        list_append(head->next, link);
}

static inline void list_unlink(List *link) {
        link->previous->next = link->next;
        link->next->previous = link->previous;
        list_init(link);
}

static inline List *list_pop(List *head) {
        List *first = head->next;

        if (first == head)
                return NULL;
        list_unlink(first);
        return first;
}

#define list_entry(link, type, member) container_of(link, type, member)

/* Safe against unlinking the entry at hand. */
#define list_for_each(link, head)                                                                  \
        for (List *link = (head)->next, *_next_##link = link->next; link != (head);                \
             link = _next_##link, _next_##link = link->next)
