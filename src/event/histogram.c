/* SPDX-License-Identifier: MIT */
#include "event/histogram.h"

#include "event/counter.h"

static const uint32_t bounds[HISTOGRAM_BOUNDS] = {
    100,
    200,
    500,
    1000,
    2000,
    5000,
    10000,
    20000,
    50000,
    100000,
    200000,
    500000,
    1000000,
    2000000,
    5000000,
    10000000,
    20000000,
    50000000,
    100000000,
};

uint64_t histogram_bound(size_t i)
{
	return bounds[i];
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && ns > bounds[i])
		i++;
	counter_add_to(&h->bucket[i], 1);
	counter_add_to(&h->ns, ns);
}

void histogram_sum(struct histogram_totals *sum, const struct histogram *h)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->bucket[i] += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
	sum->ns += atomic_load_explicit(&h->ns, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram_totals *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += t->bucket[i];
	return n;
}
