/* SPDX-License-Identifier: MIT
 *
 * A build tool: `admin-docs metrics` prints docs/metrics.md; with a file behind it, the file is
 * held against it (exit 1 and a hint when they differ). */
#include <stdio.h>

#include "admin/metrics.h"

#define PAGE_MAX (256 * 1024)

static int compare(struct span page, const char *path)
{
	static char text[PAGE_MAX];
	FILE *in = fopen(path, "r");
	size_t n = in ? fread(text, 1, PAGE_MAX, in) : 0;

	if (in)
		fclose(in);
	if (span_eq(page, span_of(text, n)))
		return 0;
	fprintf(stderr, "%s is not what the tables say: run `make docs`\n", path);
	return 1;
}

int main(int argc, char **argv)
{
	static char text[PAGE_MAX];
	struct buf b = BUF(text);

	if (argc < 2 || !span_eq(span_str(argv[1]), SPAN("metrics")))
		return 2;
	metrics_write_docs(&b);
	if (b.overflow)
		return 2;
	if (argc > 2)
		return compare(buf_span(&b), argv[2]);
	return fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : 1;
}
