/* SPDX-License-Identifier: MIT */
#include "net/due_heap.h"

#include <assert.h>
#include <stdlib.h>

enum err due_heap_init(struct due_heap *h, uint32_t cap)
{
	*h = (struct due_heap){.cap = cap};
	h->items = calloc(cap ? cap : 1, sizeof(struct due_item *));
	return h->items ? OK : ERR_NOMEM;
}

void due_heap_done(struct due_heap *h)
{
	free(h->items);
	*h = (struct due_heap){0};
}

static void place(struct due_heap *h, uint32_t at, struct due_item *i)
{
	h->items[at] = i;
	i->place = at + 1;
}

static void sift_up(struct due_heap *h, uint32_t at, struct due_item *i)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;

		if (h->items[parent]->at <= i->at)
			break;
		place(h, at, h->items[parent]);
		at = parent;
	}
	place(h, at, i);
}

static void sift_down(struct due_heap *h, uint32_t at, struct due_item *i)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->items[child + 1]->at < h->items[child]->at)
			child++;
		if (i->at <= h->items[child]->at)
			break;
		place(h, at, h->items[child]);
		at = child;
	}
	place(h, at, i);
}

/* i belongs somewhere around `at`, whose place is free. */
static void settle(struct due_heap *h, uint32_t at, struct due_item *i)
{
	if (at > 0 && i->at < h->items[(at - 1) / 2]->at)
		sift_up(h, at, i);
	else
		sift_down(h, at, i);
}

void due_heap_set(struct due_heap *h, struct due_item *i, usec_t at)
{
	i->at = at;
	if (i->place) {
		settle(h, i->place - 1, i);
		return;
	}
	assert(h->n < h->cap);
	sift_up(h, h->n++, i);
}

void due_heap_remove(struct due_heap *h, struct due_item *i)
{
	uint32_t at = i->place;

	if (!at)
		return;
	i->place = 0;
	h->n--;
	if (at - 1 < h->n)
		settle(h, at - 1, h->items[h->n]);
}

struct due_item *due_heap_first(const struct due_heap *h)
{
	return h->n ? h->items[0] : NULL;
}
