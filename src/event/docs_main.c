/* SPDX-License-Identifier: MIT
 *
 * A build tool: the pages written from the code's tables. `event-docs events|reasons` prints one;
 * with a file behind it, the file is held against it (exit 1 and a hint when they differ). */
#include <stdio.h>
#include <stdlib.h>

#include "event/event.h"

#define PAGE_MAX (256 * 1024)

static int compare(struct span page, const char *path)
{
	char *text = malloc(PAGE_MAX);
	FILE *in = fopen(path, "r");
	size_t n = text && in ? fread(text, 1, PAGE_MAX, in) : 0;
	bool same = span_eq(page, span_of(text, n));

	if (in)
		fclose(in);
	free(text);
	if (!same)
		fprintf(stderr, "%s is not what the tables say: run `make docs`\n", path);
	return same ? 0 : 1;
}

int main(int argc, char **argv)
{
	static char text[PAGE_MAX];
	struct buf b = BUF(text);

	if (argc < 2)
		return 2;
	if (span_eq(span_str(argv[1]), SPAN("events")))
		event_write_docs(&b);
	else if (span_eq(span_str(argv[1]), SPAN("reasons")))
		reason_write_docs(&b);
	else
		return 2;
	if (b.overflow)
		return 2;
	if (argc > 2)
		return compare(buf_span(&b), argv[2]);
	return fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : 1;
}
