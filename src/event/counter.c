/* SPDX-License-Identifier: MIT */
#include "event/counter.h"

static const struct {
	const char *name, *meaning;
} rows[COUNTER_COUNT] = {
#define ROW(id, name, meaning) [COUNTER_##id] = {name, meaning},
#include "event/counter.def"
#undef ROW
};

void counter_sum(struct counter_totals *sum, const struct counters *c)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		sum->v[i] += atomic_load_explicit(&c->v[i], memory_order_relaxed);
	for (size_t i = 0; i < REASON_COUNT; i++)
		sum->reason[i] += atomic_load_explicit(&c->reason[i], memory_order_relaxed);
	for (size_t i = 0; i < REASON_COUNT; i++) {
		uint64_t would = atomic_load_explicit(&c->would[i], memory_order_relaxed);

		sum->would_reason[i] += would;
		sum->would[reason_info((enum reason)i)->control] += would;
	}
}

const char *counter_name(enum counter c)
{
	return (unsigned)c < COUNTER_COUNT ? rows[c].name : "unknown";
}

const char *counter_meaning(enum counter c)
{
	return (unsigned)c < COUNTER_COUNT ? rows[c].meaning : "unknown";
}
