/* SPDX-License-Identifier: MIT */
#include "admin/exposition.h"

#include <assert.h>

void exposition_add_value(struct buf *b, struct span s)
{
	size_t n = MIN(s.n, EXPOSITION_VALUE_MAX);

	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];

		if (c == '"' || c == '\\') {
			buf_add_char(b, '\\');
			buf_add_char(b, c);
		} else if (c == '\n') {
			buf_add_lit(b, "\\n");
		} else if (c < ' ' || c > '~') {
			buf_add_lit(b, "\\\\x");
			buf_add_hex(b, &c, 1);
		} else {
			buf_add_char(b, c);
		}
	}
	if (n < s.n)
		buf_add_lit(b, "...");
}

void exposition_family(
    struct exposition *x, struct span name, const char *type, struct span labels, struct span help)
{
	x->name = name;
	x->labels = labels;
	buf_add_lit(x->b, "# HELP ");
	buf_add_span(x->b, name);
	buf_add_char(x->b, ' ');
	for (size_t i = 0; i < help.n; i++) {
		if (help.p[i] == '\\')
			buf_add_char(x->b, '\\');
		buf_add_char(x->b, help.p[i] == '\n' ? ' ' : help.p[i]);
	}
	buf_add_lit(x->b, "\n# TYPE ");
	buf_add_span(x->b, name);
	buf_add_char(x->b, ' ');
	buf_add_span(x->b, span_str(type));
	buf_add_char(x->b, '\n');
}

static void add_label(struct buf *b, bool *begun, struct span name, struct span value)
{
	buf_add_char(b, *begun ? ',' : '{');
	*begun = true;
	buf_add_span(b, name);
	buf_add_lit(b, "=\"");
	exposition_add_value(b, value);
	buf_add_char(b, '"');
}

/* Name and labels; le: of a bucket, or empty. */
static void begin_sample(
    struct exposition *x, struct span suffix, const struct span *values, struct span le)
{
	struct span rest = x->labels, label;
	bool begun = false;

	buf_add_span(x->b, x->name);
	buf_add_span(x->b, suffix);
	for (size_t i = 0; rest.n; i++) {
		assert(i < EXPOSITION_LABELS);
		span_cut(&rest, ',', &label);
		add_label(x->b, &begun, label, values[i]);
	}
	if (le.n)
		add_label(x->b, &begun, SPAN("le"), le);
	if (begun)
		buf_add_char(x->b, '}');
	buf_add_char(x->b, ' ');
}

static void add_nano(struct buf *b, uint64_t v)
{
	char text[48];
	struct buf t = BUF(text);

	buf_addf(&t, "%llu.%09llu", (unsigned long long)(v / 1000000000),
	    (unsigned long long)(v % 1000000000));
	while (t.p[t.n - 1] == '0')
		t.n--;
	if (t.p[t.n - 1] == '.')
		t.n--;
	buf_add_span(b, buf_span(&t));
}

void exposition_u64(struct exposition *x, uint64_t v, const struct span *values)
{
	begin_sample(x, SPAN(""), values, SPAN(""));
	buf_add_u64(x->b, v);
	buf_add_char(x->b, '\n');
}

void exposition_nano(struct exposition *x, uint64_t v, const struct span *values)
{
	begin_sample(x, SPAN(""), values, SPAN(""));
	add_nano(x->b, v);
	buf_add_char(x->b, '\n');
}

void exposition_histogram(
    struct exposition *x, const struct histogram_totals *h, const struct span *values)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		char text[48];
		struct buf le = BUF(text);

		if (i < HISTOGRAM_BOUNDS)
			add_nano(&le, histogram_bound(i));
		else
			buf_add_lit(&le, "+Inf");
		sum += h->bucket[i];
		begin_sample(x, SPAN("_bucket"), values, buf_span(&le));
		buf_add_u64(x->b, sum);
		buf_add_char(x->b, '\n');
	}
	begin_sample(x, SPAN("_sum"), values, SPAN(""));
	add_nano(x->b, h->ns);
	buf_add_char(x->b, '\n');
	begin_sample(x, SPAN("_count"), values, SPAN(""));
	buf_add_u64(x->b, sum);
	buf_add_char(x->b, '\n');
}
