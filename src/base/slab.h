/* SPDX-License-Identifier: MIT
 *
 * Blocks of any size up to 72 KiB out of one region whose size is fixed at start: stored messages
 * and transactions. The region is cut into pages of 72 KiB (so that the greatest datagram with what
 * a proxy adds to it is one page); a page serves blocks of one size class, and goes back to the
 * list of free pages when its last block is freed, so memory moves between classes. Classes are 1.2
 * to 1.33 apart up to 18 KiB. Untouched pages cost no memory. One owner thread. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

#define SLAB_PAGE    ((size_t)73728)
#define SLAB_MAX     SLAB_PAGE /* the greatest block */
#define SLAB_CLASSES 29

struct slab_page;

struct slab {
	char *region;
	struct slab_page *page;            /* one descriptor a page */
	size_t pages, fresh;               /* in all; never used so far are those from `fresh` on */
	struct list empty;                 /* pages given back */
	struct list part[SLAB_CLASSES];    /* pages of a class with room */
	size_t used, peak;                 /* bytes in blocks handed out, by their class size */
	size_t blocks;                     /* blocks handed out */
	uint64_t refused;                  /* requests that found no room or were too large */
	uint8_t small[1024 / 16 + 1];      /* size in steps of 16 -> class */
	uint8_t large[SLAB_MAX / 256 + 1]; /* size in steps of 256 -> class */
};

/* size_bytes is rounded down to whole pages, at least one. ERR_NOMEM. */
NODISCARD enum err slab_init(struct slab *s, size_t size_bytes);

/* Gives all memory back, blocks in use too. NULL and zeroed memory are fine. */
void slab_done(struct slab *s);

/* n bytes, 16-aligned, not zeroed. NULL when the region is full or n > SLAB_MAX (counted). */
void *slab_alloc(struct slab *s, size_t n);

/* p comes from slab_alloc of the same slab, or is NULL. */
void slab_free(struct slab *s, void *p);

/* How many bytes the block at p can hold: at least what was asked for. */
size_t slab_size(const struct slab *s, const void *p);

/* Bytes handed out now. */
static inline size_t slab_used(const struct slab *s)
{
	return s->used;
}

/* What slab_init(size_bytes) will take at most. */
size_t slab_memory(size_t size_bytes);

#endif
