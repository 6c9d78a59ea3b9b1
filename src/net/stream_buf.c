/* SPDX-License-Identifier: MIT */
#include "net/stream_buf.h"

#include <assert.h>
#include <stdlib.h>

/* The smallest piece of memory: a usual message and a half. */
#define SIZE_MIN 2048

static size_t size_for(size_t need, size_t cap)
{
	size_t size = SIZE_MIN;

	while (size < need)
		size *= 2;
	return MIN(size, MAX(cap, need));
}

static enum err grow(struct stream_buf *b, struct stream_budget *budget, size_t size)
{
	char *p;

	if (size - b->size > budget->max - budget->used)
		return ERR_NOMEM;
	p = malloc(size);
	if (!p)
		return ERR_NOMEM;
	if (b->n)
		memcpy(p, b->p + b->begin, b->n);
	free(b->p);
	budget->used += size - b->size;
	b->p = p;
	b->begin = 0;
	b->size = (uint32_t)size;
	return OK;
}

enum err stream_buf_room(struct stream_buf *b, struct stream_budget *budget, size_t want,
    size_t cap, struct buf *out_room)
{
	size_t need = b->n + want;

	if (need > cap)
		return ERR_FULL;
	if (need > b->size) {
		enum err e = grow(b, budget, size_for(need, cap));

		if (e != OK)
			return e;
	} else if (b->begin + need > b->size) {
		memmove(b->p, b->p + b->begin, b->n);
		b->begin = 0;
	}
	*out_room = buf_of(b->p + b->begin + b->n, b->size - b->begin - b->n);
	return OK;
}

void stream_buf_added(struct stream_buf *b, size_t n)
{
	assert(b->begin + b->n + n <= b->size);
	b->n += (uint32_t)n;
}

void stream_buf_consume(struct stream_buf *b, struct stream_budget *budget, size_t n)
{
	assert(n <= b->n);
	b->n -= (uint32_t)n;
	b->begin += (uint32_t)n;
	if (b->n)
		return;
	budget->used -= b->size;
	free(b->p);
	*b = (struct stream_buf){0};
}
