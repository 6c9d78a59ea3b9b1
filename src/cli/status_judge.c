/* SPDX-License-Identifier: MIT */
#include "cli/status_judge.h"

#include <stdio.h>

#include "cli/status_limits.h"
#include "cli/text.h"

#define SHOWN   80
#define LABEL   16
#define COLUMNS 80

/* A label and items behind it, "controls        auth enforce, ...", broken at 80 columns. */
struct row {
	const char *label;
	size_t column; /* 0: nothing stands yet */
};

static void row_add(struct row *r, struct span item)
{
	if (r->column && r->column + 2 + item.n > COLUMNS - 1) {
		printf(",\n%*s", LABEL, "");
		r->column = LABEL;
	} else if (r->column) {
		printf(", ");
		r->column += 2;
	} else {
		printf("%-*s", LABEL, r->label);
		r->column = LABEL;
	}
	fwrite(item.p, 1, item.n, stdout);
	r->column += item.n;
}

static void row_end(const struct row *r)
{
	if (r->column)
		putchar('\n');
}

static void print_ledger(const json_t *ledger)
{
	printf("ledger          %llu of at most %llu entries, %llu evicted, %llu refused\n",
	    (unsigned long long)text_number(ledger, "now"),
	    (unsigned long long)text_number(ledger, "max"),
	    (unsigned long long)text_number(ledger, "evicted"),
	    (unsigned long long)text_number(ledger, "refused"));
	printf("refusing        %llu banned, %llu held for a flood\n",
	    (unsigned long long)text_number(ledger, "banned"),
	    (unsigned long long)text_number(ledger, "held"));
}

/* A line a tier that has something to tell. */
static void print_tiers(const json_t *st)
{
	const json_t *queues = json_object_get(st, "queues");
	const json_t *tiers = json_object_get(json_object_get(st, "ledger"), "tiers");
	bool begun = false;

	for (size_t i = 0; i < json_array_size(queues); i++) {
		const json_t *q = json_array_get(queues, i);
		uint64_t served = text_number(q, "served"), refused = text_number(q, "refused");
		uint64_t dropped = text_number(q, "dropped");
		struct span tier = text_member(q, "tier");
		uint64_t sources = text_number(tiers, tier.p);

		if (!sources && !served && !refused && !dropped)
			continue;
		if (!begun)
			puts("tier              sources      served      refused      dropped");
		begun = true;
		fputs("  ", stdout);
		text_print_escaped(stdout, tier, 12);
		printf("%*s%11llu %11llu %12llu %12llu\n", 12 - (int)MIN(tier.n, 12u), "",
		    (unsigned long long)sources, (unsigned long long)served,
		    (unsigned long long)refused, (unsigned long long)dropped);
	}
	if (text_number(st, "waiting"))
		printf("waiting         %llu messages\n",
		    (unsigned long long)text_number(st, "waiting"));
}

static void print_controls(const json_t *controls)
{
	struct row row = {.label = "controls"};

	for (size_t i = 0; i < json_array_size(controls); i++) {
		const json_t *c = json_array_get(controls, i);
		char text[SHOWN];
		struct buf b = BUF(text);

		buf_add_escaped(&b, text_member(c, "name"), 16);
		buf_add_char(&b, ' ');
		buf_add_escaped(&b, text_member(c, "mode"), 16);
		if (text_number(c, "would"))
			buf_addf(&b, " (would have refused %llu)",
			    (unsigned long long)text_number(c, "would"));
		row_add(&row, buf_span(&b));
	}
	row_end(&row);
}

static void print_guessing(const json_t *guessing)
{
	uint64_t n = text_number(guessing, "accounts_under_attack");

	printf("guessing        %llu account%s under attack; %llu of at most %llu counts kept\n",
	    (unsigned long long)n, n == 1 ? "" : "s",
	    (unsigned long long)text_number(guessing, "now"),
	    (unsigned long long)text_number(guessing, "max"));
}

static void print_scan(const json_t *scan)
{
	printf("scanning        %llu of at most %llu counts kept, %llu evicted\n",
	    (unsigned long long)text_number(scan, "now"),
	    (unsigned long long)text_number(scan, "max"),
	    (unsigned long long)text_number(scan, "evicted"));
}

void status_print_judge(const json_t *st)
{
	print_controls(json_object_get(st, "controls"));
	print_ledger(json_object_get(st, "ledger"));
	print_tiers(st);
	print_guessing(json_object_get(st, "guessing"));
	print_scan(json_object_get(st, "scan"));
	status_print_limits(st);
}
