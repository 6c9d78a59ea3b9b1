/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/attr.h"

#define HUGE_PAGE ((size_t)2 << 20)

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

void *pages_alloc(size_t n)
{
	void *p;

	if (n < PAGES_HUGE_FROM)
		return aligned_alloc(CACHE_LINE, align_up(n, CACHE_LINE));
	p = aligned_alloc(HUGE_PAGE, align_up(n, HUGE_PAGE));
	if (p) /* a refused hint costs only time */
		(void)madvise(p, n, MADV_HUGEPAGE);
	return p;
}

void *pages_alloc_zeroed(size_t n)
{
	void *p = pages_alloc(n);

	if (p)
		memset(p, 0, n);
	return p;
}
