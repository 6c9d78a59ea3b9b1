/* SPDX-License-Identifier: MIT
 *
 * Memory for tables that are made once and read all over: in huge pages where the system has them,
 * since the look-up of an address in a large table otherwise misses in the page tables, too. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

/* At least this much is asked for in huge pages. */
#define PAGES_HUGE_FROM ((size_t)8 << 20)

/* n > 0 bytes, not zeroed, aligned to a cache line at least; freed with free(). NULL when there is
 * no memory. */
void *pages_alloc(size_t n);

/* The same, zeroed and in memory already: what a table takes is taken at the start, and no traffic
 * moves it. */
void *pages_alloc_zeroed(size_t n);

#endif
