/* SPDX-License-Identifier: MIT */
#include "event/exec_message.h"

#include "event/format.h"

#define PREFIX "RINGFENCE_"

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* --- the program --- */

bool exec_program_is_valid(const struct exec_program *p)
{
	if (p->argc < 1 || p->argc > EXEC_ARGS_MAX || p->timeout < EXEC_TIMEOUT_MIN ||
	    p->timeout > EXEC_TIMEOUT_MAX || !p->argv[0].n || p->argv[0].p[0] != '/')
		return false;
	for (size_t i = 0; i < p->argc; i++)
		if (p->argv[i].n > EXEC_ARG_MAX || span_find(p->argv[i], '\0') < p->argv[i].n)
			return false;
	return true;
}

void exec_write_program(const struct exec_program *p, struct buf *b)
{
	const uint32_t ms = (uint32_t)(p->timeout / USEC_MS);

	buf_add(b, (const char *)&ms, sizeof(ms));
	for (size_t i = 0; i < p->argc; i++) {
		buf_add_span(b, p->argv[i]);
		buf_add_char(b, '\0');
	}
}

/* Takes the text up to the next NUL, which must be there. */
static bool cut_text(struct span *rest, struct span *out_text)
{
	const size_t n = span_find(*rest, '\0');

	if (n == rest->n)
		return false;
	*out_text = span_of(rest->p, n);
	*rest = span_from(*rest, rest->p + n + 1);
	return true;
}

enum err exec_read_program(struct span message, struct exec_program *out_p)
{
	struct exec_program p = {.argc = 0};
	struct span rest = message;
	uint32_t ms;

	if (message.n < sizeof(ms) || message.n > EXEC_PROGRAM_MAX)
		return ERR_SYNTAX;
	memcpy(&ms, message.p, sizeof(ms));
	p.timeout = ms * USEC_MS;
	rest = span_from(rest, rest.p + sizeof(ms));
	while (rest.n)
		if (p.argc == EXEC_ARGS_MAX || !cut_text(&rest, &p.argv[p.argc++]))
			return ERR_SYNTAX;
	if (!exec_program_is_valid(&p))
		return ERR_SYNTAX;
	*out_p = p;
	return OK;
}

bool exec_program_eq(const struct exec_program *a, const struct exec_program *b)
{
	if (a->argc != b->argc || a->timeout != b->timeout)
		return false;
	for (size_t i = 0; i < a->argc; i++)
		if (!span_eq(a->argv[i], b->argv[i]))
			return false;
	return true;
}

/* --- the record --- */

static bool is_variable(struct span s)
{
	size_t i = sizeof(PREFIX) - 1;

	if (!span_starts(s, SPAN(PREFIX)))
		return false;
	while (i < s.n && ((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '_'))
		i++;
	return i >= sizeof(PREFIX) && i < s.n && s.p[i] == '=' && !has_control(s);
}

enum err exec_read_record(struct span message, struct exec_record *out_r)
{
	struct exec_record r = {.count = 0};
	struct span rest = message, text;

	if (message.n > EVENT_RECORD_MAX)
		return ERR_SYNTAX;
	while (cut_text(&rest, &text)) {
		if (!text.n) {
			r.json = rest;
			if (!rest.n || has_control(rest))
				return ERR_SYNTAX;
			*out_r = r;
			return OK;
		}
		if (r.count == EXEC_VARIABLES_MAX || !is_variable(text))
			return ERR_SYNTAX;
		r.variables[r.count++] = text;
	}
	return ERR_SYNTAX;
}

/* --- the result --- */

void exec_write_result(const struct exec_result *r, struct buf *b)
{
	const uint32_t words[] = {(uint32_t)r->end, r->value};

	buf_add(b, (const char *)words, sizeof(words));
}

enum err exec_read_result(struct span message, struct exec_result *out_r)
{
	static const struct {
		uint32_t least, most;
	} values[EXEC_END_COUNT] = {
	    [EXEC_EXITED] = {0, 255},
	    [EXEC_KILLED] = {1, 64},
	    [EXEC_NOT_STARTED] = {1, 4095},
	};
	uint32_t words[2];

	if (message.n != sizeof(words))
		return ERR_SYNTAX;
	memcpy(words, message.p, sizeof(words));
	if (words[0] >= EXEC_END_COUNT || words[1] < values[words[0]].least ||
	    words[1] > values[words[0]].most)
		return ERR_SYNTAX;
	*out_r = (struct exec_result){(enum exec_end)words[0], words[1]};
	return OK;
}

_Static_assert(EXEC_RESULT_BYTES == 2 * sizeof(uint32_t), "what exec_write_result writes");
