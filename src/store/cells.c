/* SPDX-License-Identifier: MIT
 *
 * See cells.h. */
#include "store/cells.h"

_Static_assert(sizeof(struct cell) == 256, "a cell is four cache lines");

void cells_init(struct cells *p, struct cell *at, uint32_t n)
{
	pthread_mutex_init(&p->lock, NULL);
	p->at = at;
	p->n = n;
	p->fresh = 1;
	p->free_first = p->free_n = 0;
}

void cells_done(struct cells *p)
{
	pthread_mutex_destroy(&p->lock);
}

uint32_t cells_take(struct cells *p, uint32_t k)
{
	uint32_t first = 0;

	pthread_mutex_lock(&p->lock);
	if (p->free_n + (p->n - p->fresh) >= k) {
		for (; k; k--) {
			uint32_t c = p->free_first;

			if (c) {
				p->free_first = p->at[c].next;
				p->free_n--;
			} else {
				c = p->fresh++;
			}
			p->at[c].next = first;
			first = c;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return first;
}

void cells_give(struct cells *p, uint32_t first)
{
	uint32_t last = first, n = 1;

	if (!first)
		return;
	for (; p->at[last].next; n++)
		last = p->at[last].next;
	pthread_mutex_lock(&p->lock);
	p->at[last].next = p->free_first;
	p->free_first = first;
	p->free_n += n;
	pthread_mutex_unlock(&p->lock);
}

uint32_t cells_used(struct cells *p)
{
	uint32_t n;

	pthread_mutex_lock(&p->lock);
	n = p->fresh - 1 - p->free_n;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void cells_read(const struct cells *p, uint32_t c, char *out, size_t n)
{
	for (size_t k; n; out += k, n -= k, c = p->at[c].next) {
		k = MIN(n, CELL_DATA);
		cell_copy(out, p->at[c].data, k);
	}
}

void cells_write(struct cells *p, uint32_t c, const char *bytes, size_t n)
{
	for (size_t k; n; bytes += k, n -= k, c = p->at[c].next) {
		k = MIN(n, CELL_DATA);
		cell_copy(p->at[c].data, bytes, k);
	}
}
