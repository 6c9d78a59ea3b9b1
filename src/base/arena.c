/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdlib.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of data */
	_Alignas(16) char data[];
};

void arena_init(struct arena *a, size_t chunk_size, size_t cap)
{
	*a = (struct arena){.chunk_size = chunk_size, .cap = cap};
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_done(struct arena *a)
{
	free_chunks(a->chunks);
	arena_init(a, a->chunk_size, a->cap);
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *first = a->chunks;

	if (!first)
		return;
	/* The list is newest first; the oldest chunk is the one of ordinary size. */
	while (first->next) {
		struct arena_chunk *next = first->next;

		free(first);
		first = next;
	}
	a->chunks = first;
	a->used = first->size;
	a->p = first->data;
	a->end = first->data + first->size;
}

static void *grow(struct arena *a, size_t n)
{
	size_t size = MAX(n, a->chunk_size);
	struct arena_chunk *c;

	if (size > a->cap - a->used || size > SIZE_MAX - sizeof(*c))
		size = n;
	if (size > a->cap - a->used || size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->used += size;
	a->p = c->data + n;
	a->end = c->data + size;
	return c->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = a->p;

	if (n > SIZE_MAX - 15)
		return NULL;
	/* Nothing is something: NULL must mean that there is no memory. */
	n = (MAX(n, 1) + 15) & ~(size_t)15;
	if (UNLIKELY(n > (size_t)(a->end - a->p)))
		return grow(a, n);
	a->p += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p)
		memset(p, 0, n);
	return p;
}

struct span arena_dup(struct arena *a, struct span s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

	if (!p)
		return span_of(NULL, 0);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return span_of(p, s.n);
}
