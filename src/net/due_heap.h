/* SPDX-License-Identifier: MIT
 *
 * Which of many objects is due first: a binary heap of fixed size whose items live in their
 * objects. Internal to net. */
#ifndef NET_DUE_HEAP_H
#define NET_DUE_HEAP_H

#include "base/err.h"
#include "base/usec.h"

struct due_item {
	usec_t at;
	uint32_t place; /* index in the heap + 1; 0 = not in it */
};

struct due_heap {
	struct due_item **items;
	uint32_t n, cap;
};

/* ERR_NOMEM. */
NODISCARD enum err due_heap_init(struct due_heap *h, uint32_t cap);
void due_heap_done(struct due_heap *h);

/* Puts the item in, or moves it, to that time. There must be room. */
void due_heap_set(struct due_heap *h, struct due_item *i, usec_t at);

/* Harmless when it is not in. */
void due_heap_remove(struct due_heap *h, struct due_item *i);

/* The item that is due first, or NULL. */
struct due_item *due_heap_first(const struct due_heap *h);

#endif
