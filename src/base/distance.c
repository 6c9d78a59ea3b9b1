/* SPDX-License-Identifier: MIT */
#include "base/distance.h"

static unsigned char lower_at(struct span s, size_t i)
{
	return ascii_lower((unsigned char)s.p[i]);
}

size_t span_distance(struct span a, struct span b, size_t cap)
{
	size_t rows[3][DISTANCE_WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *now = rows[2];

	if (a.n > DISTANCE_WORD_MAX || b.n > DISTANCE_WORD_MAX)
		return cap;
	for (size_t k = 0; k <= b.n; k++)
		above[k] = before[k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t k = 1; k <= b.n; k++) {
			size_t differs = lower_at(a, i - 1) != lower_at(b, k - 1);

			now[k] = MIN(MIN(above[k], now[k - 1]) + 1, above[k - 1] + differs);
			if (i > 1 && k > 1 && lower_at(a, i - 1) == lower_at(b, k - 2) &&
			    lower_at(a, i - 2) == lower_at(b, k - 1))
				now[k] = MIN(now[k], before[k - 2] + 1);
		}
		before = above;
		above = now;
		now = spare;
	}
	return MIN(above[b.n], cap);
}
