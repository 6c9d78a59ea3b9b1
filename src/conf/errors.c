/* SPDX-License-Identifier: MIT
 *
 * The list of what is wrong with a configuration. */
#include "conf/errors.h"

#include <stdio.h>

#define TEXT_MAX 1000

void conf_errors_init(struct conf_errors *e)
{
	*e = (struct conf_errors){.count = 0};
	arena_init(&e->arena, 8 * 1024, 2 * CONF_ERRORS_MAX * (TEXT_MAX + 64) + 8 * 1024);
}

void conf_errors_done(struct conf_errors *e)
{
	arena_done(&e->arena);
	*e = (struct conf_errors){.count = 0};
}

PRINTF(3, 0)
static void add(struct conf_errors *e, struct conf_error error, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	size_t *total = error.is_warning ? &e->warnings : &e->errors;
	int n;

	if (++*total > CONF_ERRORS_MAX)
		return;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		n = 0;
	error.text = arena_dup(&e->arena, span_of(text, MIN((size_t)n, sizeof(text) - 1)));
	if (!error.text.p)
		error.text = SPAN("no memory for the message");
	e->list[e->count++] = error;
}

void conf_errors_report(struct conf_errors *e, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(e, (struct conf_error){.line = line, .column = column}, fmt, ap);
	va_end(ap);
}

void conf_errors_warn(struct conf_errors *e, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(e, (struct conf_error){.line = line, .column = column, .is_warning = true}, fmt, ap);
	va_end(ap);
}

struct conf_shown conf_show(struct span s)
{
	struct conf_shown shown;
	struct buf b = BUF(shown.text);

	buf_add_escaped(&b, s, 48);
	if (!buf_terminate(&b))
		shown.text[0] = '\0';
	return shown;
}

static bool stands_before(const struct conf_error *a, const struct conf_error *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void conf_errors_sort(struct conf_errors *e)
{
	for (size_t i = 1; i < e->count; i++) {
		struct conf_error moved = e->list[i];
		size_t k = i;

		for (; k > 0 && stands_before(&moved, &e->list[k - 1]); k--)
			e->list[k] = e->list[k - 1];
		e->list[k] = moved;
	}
}

void conf_error_add(struct buf *b, const char *file, const struct conf_error *error)
{
	buf_add_span(b, span_str(file));
	if (error->line)
		buf_addf(b, ":%u:%u", error->line, error->column);
	buf_add_lit(b, ": ");
	if (error->is_warning)
		buf_add_lit(b, "warning: ");
	buf_add_span(b, error->text);
}
