/* SPDX-License-Identifier: MIT */
#include "cli/text.h"

#define COLUMNS     80
#define ESCAPED_MAX 4096

void text_add_duration(struct buf *b, uint64_t s)
{
	unsigned long long v = s;

	if (v < 60)
		buf_addf(b, "%llu s", v);
	else if (v < 3600)
		buf_addf(b, "%llu min %llu s", v / 60, v % 60);
	else if (v < 86400)
		buf_addf(b, "%llu h %llu min", v / 3600, v / 60 % 60);
	else
		buf_addf(b, "%llu d %llu h", v / 86400, v / 3600 % 24);
}

void text_add_time(struct buf *b, uint64_t s)
{
	static const char *const zeros[] = {" 0 s", " 0 min", " 0 h"};
	size_t begin = b->n;

	text_add_duration(b, s);
	for (size_t i = 0; i < ARRAY_LEN(zeros); i++) {
		size_t n = strlen(zeros[i]);

		if (b->n - begin > n && memcmp(b->p + b->n - n, zeros[i], n) == 0)
			b->n -= n;
	}
}

void text_add_size(struct buf *b, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes / 1024;
	size_t u = 0;

	if (bytes < 1024) {
		buf_addf(b, "%llu bytes", (unsigned long long)bytes);
		return;
	}
	for (; v >= 1024 && u < ARRAY_LEN(units) - 1; u++)
		v /= 1024;
	buf_addf(b, "%.1f %s", v, units[u]);
}

/* Columns, not bytes: the bytes of a UTF-8 character after the first take none. */
static size_t width(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

void text_print_wrapped(FILE *to, struct span s, unsigned indent)
{
	size_t column = 0;
	struct span word;

	while (s.n) {
		span_cut(&s, ' ', &word);
		if (column && column + 1 + width(word) > COLUMNS) {
			fputc('\n', to);
			column = 0;
		}
		if (column)
			column += (size_t)fprintf(to, " ");
		else
			column = (size_t)fprintf(to, "%*s", (int)indent, "");
		fprintf(to, "%.*s", SPAN_FMT(word));
		column += width(word);
	}
	fputc('\n', to);
}

void text_add_wrapped(struct buf *b, struct span s, unsigned first, unsigned indent)
{
	size_t column = first;
	bool begun = false;
	struct span word;

	while (s.n) {
		span_cut(&s, ' ', &word);
		if (begun && column + 1 + width(word) > COLUMNS) {
			buf_addf(b, "\n%*s", (int)indent, "");
			column = indent;
		} else if (begun) {
			buf_add_lit(b, " ");
			column++;
		}
		buf_add_span(b, word);
		column += width(word);
		begun = true;
	}
	buf_add_lit(b, "\n");
}

struct span text_member(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		return SPAN("");
	return span_of(json_string_value(v), json_string_length(v));
}

uint64_t text_number(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

/* jansson leaves DEL as it is. */
static int write_json(const char *p, size_t n, void *to)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x7f ? fputs("\\u007f", to) < 0 : putc(p[i], to) == EOF)
			return -1;
	return 0;
}

void text_print_json(FILE *to, const json_t *o)
{
	json_dump_callback(
	    o, write_json, to, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
	putc('\n', to);
}

void text_print_escaped(FILE *to, struct span s, size_t max)
{
	char text[ESCAPED_MAX];
	struct buf b = BUF(text);

	buf_add_escaped(&b, s, MIN(max, (size_t)ESCAPED_MAX / 4 - 1));
	fwrite(b.p, 1, b.n, to);
}

void text_add_enforced(struct buf *b, const json_t *ban)
{
	enum { SHOWN = 300, NAME = 32, PLACES = 4 };
	const json_t *places = json_object_get(ban, "enforced");
	struct span why = text_member(ban, "ledger_only");
	size_t n = json_array_size(places);

	for (size_t i = 0; i < n && i < PLACES; i++) {
		const json_t *name = json_array_get(places, i);

		buf_add_span(b, span_str(i == 0 ? "in the " : i + 1 < n ? ", " : " and "));
		buf_add_escaped(
		    b, span_of(json_string_value(name), json_string_length(name)), NAME);
	}
	if (n == 1)
		buf_add_lit(b, " only");
	if (!why.n)
		return;
	buf_add_lit(b, ": ");
	buf_add_escaped(b, why, SHOWN);
}
