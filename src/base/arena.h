/* SPDX-License-Identifier: MIT
 *
 * Memory that lives as long as one message or one snapshot: allocated in order, freed all at once.
 * An arena has a cap that nothing a peer sends can lift. Not thread-safe: one owner. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/buf.h"

struct arena_chunk;

struct arena {
	char *p, *end; /* what is left of the current chunk */
	struct arena_chunk *chunks;
	size_t chunk_size;
	size_t used, cap; /* bytes taken from the heap, and the most that may be */
};

/* chunk_size: bytes taken from the heap at a time; cap: the most in all. Allocates nothing yet. */
void arena_init(struct arena *a, size_t chunk_size, size_t cap);

/* Frees all. The arena can be used again. */
void arena_done(struct arena *a);

/* Forgets all objects but keeps the first chunk, so that the next message allocates nothing. */
void arena_clear(struct arena *a);

/* n bytes, 16-aligned, not zeroed; NULL when the cap or the heap is reached. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);

/* A copy of s, NUL-terminated behind its length; {NULL, 0} when there is no memory. */
struct span arena_dup(struct arena *a, struct span s);

#define ARENA_NEW(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (n)))

#endif
