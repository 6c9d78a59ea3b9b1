/* SPDX-License-Identifier: MIT */
#include "edge/addr_set.h"

#include <stdlib.h>

/* IPv4 in its mapped form; a prefix of IPv6 that would hold that form holds none of it. */
struct addr_range {
	bool v4;
	uint64_t high, low;         /* the first address, host order */
	uint64_t end_high, end_low; /* the last */
};

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static struct addr_range range_of(const struct prefix *p)
{
	uint64_t host_high = p->bits >= 64 ? 0 : UINT64_MAX >> p->bits;
	uint64_t host_low = p->bits >= 128  ? 0
			    : p->bits <= 64 ? UINT64_MAX
					    : UINT64_MAX >> (p->bits - 64);
	struct addr first = {0};
	struct addr_range r = {.high = load_be64(p->ip), .low = load_be64(p->ip + 8)};

	memcpy(first.ip, p->ip, sizeof(first.ip));
	r.v4 = p->bits >= 96 && addr_is_v4(&first);
	r.end_high = r.high | host_high;
	r.end_low = r.low | host_low;
	return r;
}

static int compare128(uint64_t ah, uint64_t al, uint64_t bh, uint64_t bl)
{
	if (ah != bh)
		return ah < bh ? -1 : 1;
	return (al > bl) - (al < bl);
}

static int compare(const void *x, const void *y)
{
	const struct addr_range *a = x, *b = y;

	if (a->v4 != b->v4)
		return a->v4 ? 1 : -1;
	return compare128(a->high, a->low, b->high, b->low);
}

/* Prefixes contain each other or are apart: those within the one before them go. */
static size_t merge(struct addr_range *r, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct addr_range *last = kept ? &r[kept - 1] : NULL;

		if (!last || last->v4 != r[i].v4 ||
		    compare128(last->end_high, last->end_low, r[i].high, r[i].low) < 0)
			r[kept++] = r[i];
		else if (compare128(r[i].end_high, r[i].end_low, last->end_high, last->end_low) > 0)
			*last = (struct addr_range){
			    last->v4, last->high, last->low, r[i].end_high, r[i].end_low};
	}
	return kept;
}

enum err addr_set_init(struct addr_set *s, const struct prefix *list, size_t n)
{
	struct addr_range *r = calloc(n + 1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		r[i] = range_of(&list[i]);
	qsort(r, n, sizeof(*r), compare);
	*s = (struct addr_set){r, merge(r, n)};
	return OK;
}

void addr_set_done(struct addr_set *s)
{
	free(s->ranges);
	*s = (struct addr_set){NULL, 0};
}

/* What is looked for lies before the range (< 0), in it, or behind it. */
static int against(const struct addr_range *wanted, const struct addr_range *r)
{
	if (wanted->v4 != r->v4)
		return wanted->v4 ? 1 : -1;
	if (compare128(wanted->high, wanted->low, r->high, r->low) < 0)
		return -1;
	return compare128(wanted->high, wanted->low, r->end_high, r->end_low) > 0;
}

bool addr_set_has(const struct addr_set *s, const struct addr *a)
{
	struct addr_range wanted = {
	    .v4 = addr_is_v4(a), .high = load_be64(a->ip), .low = load_be64(a->ip + 8)};
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = against(&wanted, &s->ranges[mid]);

		if (c == 0)
			return true;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}
