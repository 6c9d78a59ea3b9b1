/* SPDX-License-Identifier: MIT */
#include "cli/why_pieces.h"

#include <math.h>
#include <time.h>

#include "cli/text.h"

#define SHOWN 64

double why_number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

void why_add_number(struct buf *b, double v)
{
	if (fabs(v) < 9e15 && v == (double)(int64_t)v)
		buf_addf(b, "%lld", (long long)v);
	else
		buf_addf(b, "%.1f", v);
}

void why_add_local(struct buf *b, usec_t wall, enum why_form form)
{
	time_t t = (time_t)(wall / USEC_SEC);
	char text[96] = "";
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return;
	switch (form) {
	case WHY_CLOCK:
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
		break;
	case WHY_DAY:
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
		break;
	case WHY_DAY_AND_CLOCK:
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		break;
	case WHY_WEEKDAY:
		strftime(text, sizeof(text), "%A, %Y-%m-%d (%Z)", &tm);
		break;
	case WHY_CLOCK_WITH_ZONE:
		strftime(text, sizeof(text), "%H:%M:%S %Z", &tm);
		break;
	case WHY_WITH_ZONE:
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm);
		break;
	}
	buf_add_span(b, span_str(text));
}

bool why_same_day(usec_t a, usec_t b)
{
	time_t x = (time_t)(a / USEC_SEC), y = (time_t)(b / USEC_SEC);
	struct tm p, q;

	return localtime_r(&x, &p) && localtime_r(&y, &q) && p.tm_yday == q.tm_yday &&
	       p.tm_year == q.tm_year;
}

void why_add_text(struct buf *b, struct span s)
{
	static const char mark[] = "\xe2\x80\xa6";
	size_t n = sizeof(mark) - 1;
	bool cut = s.n > n && memcmp(s.p + s.n - n, mark, n) == 0;

	buf_add_escaped(b, cut ? span_of(s.p, s.n - n) : s, SHOWN);
	if (cut)
		buf_add_lit(b, "...");
}

uint64_t why_whole_of(double v)
{
	return v > 0 && v < 1e12 ? (uint64_t)v : 0;
}

uint64_t why_whole(const json_t *o, const char *key)
{
	return why_whole_of(why_number(o, key));
}
