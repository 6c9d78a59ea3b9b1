/* SPDX-License-Identifier: MIT */
#include "guard/signatures.h"

#include <stdlib.h>

/* Texts that may be looked at: a part each, and headers by name. */
#define HEADERS_MAX 32
#define TEXTS_MAX   (CONF_SIGNATURE_HEADER + HEADERS_MAX)

struct signature {
	const struct conf_signature *conf;
	uint64_t pairs; /* see pairs_of */
	uint8_t text;   /* which it looks at */
};

struct signatures {
	size_t n, headers_n;
	struct span headers[HEADERS_MAX];
	struct signature item[];
};

/* A text as it came, cut; in lower case and with its pairs when a pattern is looked for inside of
 * it.
 */
struct text {
	bool found, lowered;
	struct span s;
	uint64_t pairs;
	char p[SIGNATURES_LOOK];
};

static uint64_t pair_bit(char a, char b)
{
	return (uint64_t)1 << (((unsigned char)a * 7u + (unsigned char)b) & 63);
}

/* One bit for each two neighbours: what fits a pattern has all bits of the pattern. */
static uint64_t pairs_of(struct span s)
{
	uint64_t bits = 0;

	for (size_t i = 0; i + 1 < s.n; i++)
		bits |= pair_bit(s.p[i], s.p[i + 1]);
	return bits;
}

static bool is_wild(char c)
{
	return c == CONF_GLOB_ANY || c == CONF_GLOB_ONE || c == CONF_GLOB_DIGIT;
}

static uint64_t pairs_of_pattern(struct span p)
{
	uint64_t bits = 0;

	for (size_t i = 0; i + 1 < p.n; i++)
		if (!is_wild(p.p[i]) && !is_wild(p.p[i + 1]))
			bits |= pair_bit(p.p[i], p.p[i + 1]);
	return bits;
}

/* Its number, new or not; HEADERS_MAX: there are too many. */
static size_t header_number(struct signatures *s, struct span name)
{
	for (size_t i = 0; i < s->headers_n; i++)
		if (span_ieq(s->headers[i], name))
			return i;
	if (s->headers_n < HEADERS_MAX)
		s->headers[s->headers_n] = name;
	return s->headers_n < HEADERS_MAX ? s->headers_n++ : HEADERS_MAX;
}

enum err signatures_new(const struct conf_scan *c, struct signatures **out_s)
{
	struct signatures *s =
	    calloc(1, sizeof(*s) + c->signatures_count * sizeof(struct signature));

	if (!s)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->signatures_count; i++) {
		const struct conf_signature *conf = &c->signatures[i];
		size_t header =
		    conf->part == CONF_SIGNATURE_HEADER ? header_number(s, conf->header) : 0;

		/* More headers than any message has a use for. */
		if (header == HEADERS_MAX)
			continue;
		s->item[s->n++] = (struct signature){.conf = conf,
		    .pairs = pairs_of_pattern(conf->pattern),
		    .text = (uint8_t)(conf->part + header)};
	}
	*out_s = s;
	return OK;
}

void signatures_free(struct signatures *s)
{
	free(s);
}

static struct span find_text(
    const struct signatures *s, const struct signature_facts *f, uint8_t which)
{
	switch (which) {
	case CONF_SIGNATURE_METHOD:
		return f->method;
	case CONF_SIGNATURE_USER_AGENT:
		return f->user_agent;
	case CONF_SIGNATURE_FROM_USER:
		return f->from_user;
	case CONF_SIGNATURE_TO_USER:
		return f->to_user;
	case CONF_SIGNATURE_CALL_ID:
		return f->call_id;
	default:
		return f->header ? f->header(f->arg, s->headers[which - CONF_SIGNATURE_HEADER])
				 : span_of(NULL, 0);
	}
}

static void lower_text(struct text *t)
{
	t->lowered = true;
	ascii_lower_copy(t->p, t->s.p, t->s.n);
	t->s.p = t->p;
	t->pairs = pairs_of(t->s);
}

static bool fits_one(char p, char c)
{
	return p == CONF_GLOB_ONE || (p == CONF_GLOB_DIGIT ? ascii_is_digit(c) : p == c);
}

/* The next place from si on where what stands behind a star may begin. */
static size_t next_start(struct span p, size_t pi, struct span s, size_t si)
{
	const char *at;

	if (pi == p.n || is_wild(p.p[pi]) || si >= s.n)
		return si;
	at = memchr(s.p + si, p.p[pi], s.n - si);
	return at ? (size_t)(at - s.p) : s.n;
}

/* Going back to the last star only is enough: at most length times length steps. */
static bool glob_fits(struct span p, struct span s)
{
	size_t pi = 0, si = 0, star = SIZE_MAX, mark = 0;

	while (si < s.n) {
		if (pi < p.n && p.p[pi] == CONF_GLOB_ANY) {
			star = pi++;
			si = mark = next_start(p, pi, s, si);
		} else if (pi < p.n && fits_one(p.p[pi], s.p[si])) {
			pi++;
			si++;
		} else if (star != SIZE_MAX) {
			pi = star + 1;
			si = mark = next_start(p, pi, s, mark + 1);
		} else {
			return false;
		}
	}
	while (pi < p.n && p.p[pi] == CONF_GLOB_ANY)
		pi++;
	return pi == p.n;
}

/* Patterns are in lower case. */
static bool fits(const struct signature *sig, struct text *t)
{
	struct span p = sig->conf->pattern;

	if (sig->conf->match == CONF_SIGNATURE_IS)
		return span_ieq(t->s, p);
	if (sig->conf->match == CONF_SIGNATURE_STARTS)
		return span_istarts(t->s, p);
	if (!t->lowered)
		lower_text(t);
	/* Most fail here. */
	if (sig->pairs & ~t->pairs)
		return false;
	return sig->conf->match == CONF_SIGNATURE_GLOB ? glob_fits(p, t->s)
						       : memmem(t->s.p, t->s.n, p.p, p.n) != NULL;
}

const struct conf_signature *signatures_match(
    const struct signatures *s, const struct signature_facts *f)
{
	struct text texts[TEXTS_MAX];

	for (size_t i = 0; i < CONF_SIGNATURE_HEADER + s->headers_n; i++)
		texts[i].found = texts[i].lowered = false;
	for (size_t i = 0; i < s->n; i++) {
		struct text *t = &texts[s->item[i].text];

		if (!t->found) {
			struct span all = find_text(s, f, s->item[i].text);

			t->found = true;
			t->s = span_of(all.p, MIN(all.n, sizeof(t->p)));
		}
		if (t->s.n && fits(&s->item[i], t))
			return s->item[i].conf;
	}
	return NULL;
}
