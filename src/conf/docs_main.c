/* SPDX-License-Identifier: MIT
 *
 * A build tool: what is written about the configuration. `conf-docs reference|schema|example`
 * prints one; with a file behind it, the file is held against it (exit 1 and a hint when they
 * differ). */
#include <stdio.h>

#include "conf/write.h"

static int compare(struct span page, const char *path)
{
	static char text[CONF_WRITE_MAX];
	FILE *in = fopen(path, "r");
	size_t n = in ? fread(text, 1, sizeof(text), in) : 0;

	if (in)
		fclose(in);
	if (span_eq(page, span_of(text, n)))
		return 0;
	fprintf(stderr, "%s is not what the table says: run `make docs`\n", path);
	return 1;
}

/* The texts come from whoever builds: they are not judged here, `ringfence check` does. */
static void write_example(struct buf *b, int n, char **args)
{
	static const char *const listen[] = {"udp:192.0.2.1:5060", "tcp:192.0.2.1:5060"};
	struct conf_example e = {
	    .listen = listen, .listen_count = ARRAY_LEN(listen), .domain = "example.com"};

	if (n > 0)
		e.domain = args[0];
	if (n > 1) {
		e.listen = (const char *const *)args + 1;
		e.listen_count = (size_t)n - 1;
	}
	conf_write_example(b, &e);
}

int main(int argc, char **argv)
{
	static char text[CONF_WRITE_MAX];
	struct buf b = BUF(text);
	struct span what = span_str(argc > 1 ? argv[1] : "");
	const bool example = span_eq(what, SPAN("example"));

	if (span_eq(what, SPAN("reference")))
		conf_write_reference(&b);
	else if (span_eq(what, SPAN("schema")))
		conf_write_schema(&b);
	else if (example)
		write_example(&b, argc - 2, argv + 2);
	else
		return 2;
	if (b.overflow)
		return 2;
	if (argc > 2 && !example)
		return compare(buf_span(&b), argv[2]);
	return fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : 1;
}
