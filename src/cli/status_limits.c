/* SPDX-License-Identifier: MIT */
#include "cli/status_limits.h"

#include <stdio.h>

#include "cli/text.h"

#define NAME 24

static void print_limit(const json_t *limit)
{
	struct span name = text_member(limit, "name"), mode = text_member(limit, "mode");
	const json_t *share = json_object_get(limit, "share");

	fputs("  ", stdout);
	text_print_escaped(stdout, name, NAME - 4);
	printf("%*s%11llu %11llu %11llu", NAME - (int)MIN(name.n, NAME - 1u), "",
	    (unsigned long long)text_number(limit, "passed"),
	    (unsigned long long)text_number(limit, "refused"),
	    (unsigned long long)text_number(limit, "would"));
	if (!span_eq(mode, SPAN("enforce"))) {
		fputs("  ", stdout);
		text_print_escaped(stdout, mode, NAME);
	}
	if (json_is_number(share))
		printf("  refuses %.0f %% now", json_number_value(share) * 100);
	putchar('\n');
}

void status_print_limits(const json_t *st)
{
	const json_t *limits = json_object_get(st, "limits");
	const json_t *keys = json_object_get(st, "limit_keys");

	if (json_array_size(limits) == 0)
		return;
	printf("%-*s%11s %11s %11s\n", NAME + 2, "limit", "passed", "refused", "would");
	for (size_t i = 0; i < json_array_size(limits); i++)
		print_limit(json_array_get(limits, i));
	if (!text_number(keys, "max"))
		return;
	printf("limit keys      %llu of at most %llu, %llu evicted",
	    (unsigned long long)text_number(keys, "now"),
	    (unsigned long long)text_number(keys, "max"),
	    (unsigned long long)text_number(keys, "evicted"));
	if (text_number(keys, "shared"))
		printf(", %llu requests of keys without a place",
		    (unsigned long long)text_number(keys, "shared"));
	putchar('\n');
}
