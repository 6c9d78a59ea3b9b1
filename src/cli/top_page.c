/* SPDX-License-Identifier: MIT */
#include "cli/top_page.h"

#include <stdlib.h>

enum err top_page_init(struct top_page *p, int rows, int cols)
{
	p->rows = MIN(MAX(rows, 1), TOP_ROWS_MAX);
	p->cols = MIN(MAX(cols, 1), TOP_COLS_MAX);
	p->cells = malloc((size_t)p->rows * (size_t)p->cols * sizeof(*p->cells));
	if (!p->cells)
		return ERR_NOMEM;
	top_page_clear(p);
	return OK;
}

void top_page_done(struct top_page *p)
{
	free(p->cells);
	p->cells = NULL;
}

void top_page_clear(struct top_page *p)
{
	for (int i = 0; i < p->rows * p->cols; i++)
		p->cells[i] = (struct top_cell){' ', TOP_PLAIN, false};
}

static void set(struct top_page *p, int row, int col, enum top_style style, unsigned char what)
{
	if (row < 0 || row >= p->rows || col < 0 || col >= p->cols)
		return;
	*top_page_at(p, row, col) = (struct top_cell){what, (unsigned char)style, false};
}

int top_put(struct top_page *p, int row, int col, enum top_style style, struct span text)
{
	for (size_t i = 0; i < text.n && col < p->cols; i++, col++) {
		unsigned char c = (unsigned char)text.p[i];

		set(p, row, col, style, c >= 0x20 && c < 0x7f ? c : '?');
	}
	return col;
}

int top_putf(struct top_page *p, int row, int col, enum top_style style, const char *fmt, ...)
{
	char text[TOP_COLS_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return top_put(
	    p, row, col, style, span_of(text, (size_t)MIN(MAX(n, 0), (int)sizeof(text) - 1)));
}

void top_put_field(struct top_page *p, int row, int col, int width, bool right,
    enum top_style style, struct span text)
{
	size_t shown = MIN(text.n, (size_t)MAX(width, 0));
	int blanks = MAX(width, 0) - (int)shown;

	if (width <= 0)
		return;
	for (int i = 0; i < blanks; i++)
		set(p, row, right ? col + i : col + (int)shown + i, style, ' ');
	(void)top_put(p, row, right ? col + blanks : col, style, span_of(text.p, shown));
	if (shown < text.n)
		set(p, row, col + width - 1, style, '~');
}

void top_put_sign(struct top_page *p, int row, int col, enum top_style style, enum top_sign sign)
{
	set(p, row, col, style, (unsigned char)sign);
}

void top_style_row(struct top_page *p, int row, int from, int to, enum top_style style)
{
	for (int col = MAX(from, 0); row >= 0 && row < p->rows && col < MIN(to, p->cols); col++)
		top_page_at(p, row, col)->style = (unsigned char)style;
}

void top_select_row(struct top_page *p, int row, int from, int to)
{
	for (int col = MAX(from, 0); row >= 0 && row < p->rows && col < MIN(to, p->cols); col++)
		top_page_at(p, row, col)->selected = true;
}

const char *top_sign_text(unsigned char what, bool utf8)
{
	static const char *const signs[TOP_SIGNS][2] = {
	    {" ", " "},
	    {"_", "\u2581"},
	    {".", "\u2582"},
	    {"-", "\u2583"},
	    {"-", "\u2584"},
	    {"=", "\u2585"},
	    {"=", "\u2586"},
	    {"#", "\u2587"},
	    {"#", "\u2588"},
	    {"-", "\u2500"},
	};

	return signs[what < TOP_SIGNS ? what : 0][utf8];
}

static int end_of_row(const struct top_page *p, int row)
{
	int end = p->cols;

	while (end > 0 && top_page_at(p, row, end - 1)->what == ' ')
		end--;
	return end;
}

void top_page_print(const struct top_page *p, bool utf8, FILE *to)
{
	int rows = p->rows;

	while (rows > 0 && end_of_row(p, rows - 1) == 0)
		rows--;
	for (int row = 0; row < rows; row++) {
		for (int col = 0, end = end_of_row(p, row); col < end; col++) {
			unsigned char c = top_page_at(p, row, col)->what;

			if (c < TOP_SIGNS)
				fputs(top_sign_text(c, utf8), to);
			else
				fputc(c, to);
		}
		fputc('\n', to);
	}
}

/* Three digits that say something, and a letter. */
static void add_scaled(struct buf *b, double v)
{
	static const char letters[] = "kMGTPE";
	size_t i = 0;

	for (v /= 1000; v >= 999.5 && letters[i + 1]; i++)
		v /= 1000;
	if (v < 9.995)
		buf_addf(b, "%.2f%c", v, letters[i]);
	else if (v < 99.95)
		buf_addf(b, "%.1f%c", v, letters[i]);
	else
		buf_addf(b, "%.0f%c", v, letters[i]);
}

void top_add_rate(struct buf *b, double v)
{
	if (v < 0)
		buf_add_char(b, '-');
	else if (v < 0.05)
		buf_add_char(b, '0');
	else if (v < 9.95)
		buf_addf(b, "%.1f", v);
	else if (v < 999.5)
		buf_addf(b, "%.0f", v);
	else if (v < 9999.5)
		buf_addf(b, "%d,%03d", (int)(v + 0.5) / 1000, (int)(v + 0.5) % 1000);
	else
		add_scaled(b, v);
}

void top_add_count(struct buf *b, uint64_t v)
{
	if (v < 1000)
		buf_add_u64(b, v);
	else
		top_add_rate(b, (double)v);
}

void top_add_time(struct buf *b, uint64_t s)
{
	unsigned long long v = s;

	if (v < 100)
		buf_addf(b, "%llus", v);
	else if (v < 3600)
		buf_addf(b, "%llum", v / 60);
	else if (v < 86400)
		buf_addf(b, "%lluh%02llu", v / 3600, v / 60 % 60);
	else if (v < 100 * 86400)
		buf_addf(b, "%llud%02llu", v / 86400, v / 3600 % 24);
	else
		buf_addf(b, "%llud", MIN(v / 86400, 9999ULL));
}
