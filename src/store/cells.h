/* SPDX-License-Identifier: MIT
 *
 * A pool of 256-byte cells that are chained to hold data of any length in memory of fixed size. The
 * pool has a lock of its own; who holds a chain guards what is in it. Cell 0 is never given out. */
#ifndef STORE_CELLS_H
#define STORE_CELLS_H

#include <pthread.h>

#include "base/span.h"

#define CELL_DATA 252

struct cell {
	uint32_t next; /* 0 ends a chain */
	char data[CELL_DATA];
};

struct cells {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	struct cell *at; /* n cells; at[0] is unused */
	uint32_t n;
	uint32_t fresh; /* cells from here on were never touched, so they cost no memory yet */
	uint32_t free_first, free_n;
};

/* memcpy by the C library. Where gcc knows a small bound of n it copies by `rep movs` instead,
 * whose start costs more than the whole copy of a cell: 228 against 90 ns for the refresh of a
 * binding. */
static inline void cell_copy(char *out, const char *bytes, size_t n)
{
	__asm__("" : "+r"(n));
	memcpy(out, bytes, n);
}

/* at: zeroed memory for n > 1 cells, aligned to a cache line, that outlives the pool. */
void cells_init(struct cells *p, struct cell *at, uint32_t n);
void cells_done(struct cells *p);

/* A chain of k > 0 cells, or 0 when there are not as many: then nothing was taken. */
uint32_t cells_take(struct cells *p, uint32_t k);

/* Gives a whole chain back; first may be 0. */
void cells_give(struct cells *p, uint32_t first);

/* Cells in use. */
uint32_t cells_used(struct cells *p);

/* Copies n bytes out of, or into, the chain that begins at c, which is long enough. */
void cells_read(const struct cells *p, uint32_t c, char *out, size_t n);
void cells_write(struct cells *p, uint32_t c, const char *bytes, size_t n);

#endif
