/* SPDX-License-Identifier: MIT */
#include "conf/signatures.h"

#include "conf/schema.h"

#define PARTS      "method|user-agent|from-user|to-user|call-id"
#define MATCHES    "is|starts|contains|glob"
#define NAME_MOST  32
#define LEAST_SIGN 3 /* characters that a pattern must fix, unless it is the whole text */

enum err signature_set_init(struct signature_set *s, struct arena *arena, size_t lines)
{
	*s = (struct signature_set){.arena = arena, .room = MIN(lines, CONF_SIGNATURES_MAX)};
	s->item = ARENA_ARRAY(arena, struct conf_signature, s->room + 1);
	return s->item ? OK : ERR_NOMEM;
}

/* The next word; *rest moves behind it and the blanks after it. */
static struct span take_word(struct span *rest)
{
	struct span word = *rest;

	for (word.n = 0; word.n < rest->n && !ascii_is_lws(rest->p[word.n]);)
		word.n++;
	*rest = span_trim(span_from(*rest, rest->p + word.n));
	return word;
}

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = ascii_lower((unsigned char)s.p[i]);

		if (!((c >= 'a' && c <= 'z') || ascii_is_digit((char)c) ||
			(i > 0 && (c == '-' || c == '_' || c == '.'))))
			return false;
	}
	return s.n > 0 && s.n <= NAME_MOST;
}

static bool is_clean(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static enum err wrong(struct buf *why, struct span what, const char *text)
{
	buf_add_char(why, '"');
	buf_add_escaped(why, what, 64);
	buf_addf(why, "\" %s", text);
	return ERR_SYNTAX;
}

static enum err read_part(struct span word, struct conf_signature *out, struct buf *why)
{
	int part = schema_word_index(PARTS, word);

	if (part >= 0) {
		out->part = (enum conf_signature_part)part;
		return OK;
	}
	if (span_istarts(word, SPAN("header:")) && word.n > 7) {
		out->part = CONF_SIGNATURE_HEADER;
		out->header = span_from(word, word.p + 7);
		return OK;
	}
	return wrong(why, word,
	    "is no part of a message: must be user-agent, from-user, to-user, call-id, method or "
	    "header:NAME");
}

/* The wildcards become octets that stand in no pattern; *out_fixed: characters that are none. */
static size_t read_glob(char *p, size_t n, size_t *out_fixed)
{
	size_t k = 0, fixed = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n) {
			c = p[++i];
			fixed++;
		} else if (c == '*') {
			c = CONF_GLOB_ANY;
		} else if (c == '?') {
			c = CONF_GLOB_ONE;
		} else if (c == '#') {
			c = CONF_GLOB_DIGIT;
		} else {
			fixed++;
		}
		p[k++] = c;
	}
	*out_fixed = fixed;
	return k;
}

static enum err read_pattern(
    struct signature_set *s, struct span text, struct conf_signature *out, struct buf *why)
{
	size_t fixed = text.n;
	char *p;

	if (!text.n) {
		buf_add_lit(why, "the pattern is missing: a line is NAME PART MATCH PATTERN");
		return ERR_SYNTAX;
	}
	if (text.n > CONF_SIGNATURE_PATTERN_MAX)
		return wrong(why, text, "is too long: a pattern has at most 96 characters");
	if (!is_clean(text))
		return wrong(why, text, "holds a control character");
	p = arena_alloc(s->arena, text.n + 1);
	if (!p)
		return ERR_NOMEM;
	ascii_lower_copy(p, text.p, text.n);
	p[text.n] = '\0';
	out->pattern = span_of(p, text.n);
	if (out->match == CONF_SIGNATURE_GLOB)
		out->pattern.n = read_glob(p, text.n, &fixed);
	if (out->match != CONF_SIGNATURE_IS && fixed < LEAST_SIGN)
		return wrong(why, text,
		    "would fit the messages of everyone: a pattern needs at least 3 characters");
	return OK;
}

static enum err take_away(struct signature_set *s, struct span name, struct buf *why)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!span_ieq(s->item[i].name, name))
			s->item[kept++] = s->item[i];
	if (kept == s->n)
		return wrong(why, name, "is taken away, but there is no signature of that name");
	s->n = kept;
	return OK;
}

static enum err add(struct signature_set *s, struct span line, struct buf *why)
{
	struct conf_signature sig = {.header = {NULL, 0}};
	struct span name = take_word(&line), part = take_word(&line), match = take_word(&line);
	int how = schema_word_index(MATCHES, match);
	enum err e;

	if (!is_name(name))
		return wrong(
		    why, name, "is no name: 1 to 32 letters, digits, - _ or ., not - at the front");
	if (!match.n) {
		buf_add_lit(why, "a line is NAME PART MATCH PATTERN");
		return ERR_SYNTAX;
	}
	e = read_part(part, &sig, why);
	if (e == OK && how < 0)
		e = wrong(why, match, "is no way to match: must be is, starts, contains or glob");
	if (e != OK)
		return e;
	sig.match = (enum conf_signature_match)how;
	e = read_pattern(s, line, &sig, why);
	if (e != OK)
		return e;
	if (s->n == s->room) {
		buf_addf(why, "too many signatures: at most %d", CONF_SIGNATURES_MAX);
		return ERR_SYNTAX;
	}
	sig.name = arena_dup(s->arena, name);
	if (sig.header.n)
		sig.header = arena_dup(s->arena, sig.header);
	if (!sig.name.p || (sig.part == CONF_SIGNATURE_HEADER && !sig.header.p))
		return ERR_NOMEM;
	s->item[s->n++] = sig;
	return OK;
}

enum err signature_set_line(struct signature_set *s, struct span line, struct buf *why)
{
	line = span_trim(line);
	if (!line.n || line.p[0] == '#')
		return OK;
	if (line.p[0] == '-')
		return take_away(s, span_trim(span_from(line, line.p + 1)), why);
	return add(s, line, why);
}
