/* SPDX-License-Identifier: MIT */
#include "cli/status_enforcement.h"

#include <stdio.h>

#include "cli/text.h"

#define SHOWN  160
#define INDENT ""

static bool works(const json_t *b)
{
	return json_is_true(json_object_get(b, "up")) || json_is_true(json_object_get(b, "partly"));
}

static void print_backend(const json_t *b, bool first)
{
	char text[TEXT_FIGURE_MAX];
	struct buf bytes = BUF(text);
	struct span error = text_member(b, "error");

	printf("%-16s", first ? "bans" : INDENT);
	text_print_escaped(stdout, text_member(b, "name"), SHOWN);
	if (!works(b)) {
		fputs(": FAILS: ", stdout);
		text_print_escaped(stdout, error.n ? error : SPAN("not yet"), SHOWN);
		putchar('\n');
		return;
	}
	text_add_size(&bytes, text_number(b, "bytes"));
	printf(": %llu in force, ", (unsigned long long)text_number(b, "entries"));
	if (text_number(b, "evicted"))
		printf("%llu without room, ", (unsigned long long)text_number(b, "evicted"));
	printf("%llu packets dropped, %.*s\n", (unsigned long long)text_number(b, "packets"),
	    SPAN_FMT(buf_span(&bytes)));
}

void status_print_enforcement(const json_t *st)
{
	const json_t *e = json_object_get(st, "enforcement");
	const json_t *backends = json_object_get(e, "backends");
	unsigned long long kept = text_number(e, "kept_in_ledger");
	bool any = false;

	if (!json_is_true(json_object_get(e, "kernel"))) {
		puts("bans            in the ledger only (enforce)");
		return;
	}
	for (size_t i = 0; i < json_array_size(backends); i++) {
		print_backend(json_array_get(backends, i), i == 0);
		any |= works(json_array_get(backends, i));
	}
	if (!json_is_true(json_object_get(e, "up"))) {
		printf("%-16s%s: ", INDENT,
		    any ? "not all of the kernel enforces" : "the ledger alone enforces");
		text_print_escaped(stdout, text_member(e, "error"), SHOWN);
		putchar('\n');
	}
	printf("%-16slast change took %.1f ms; %llu ban%s kept in the ledger\n", INDENT,
	    (double)text_number(e, "lag_us") / 1000, kept, kept == 1 ? "" : "s");
}
