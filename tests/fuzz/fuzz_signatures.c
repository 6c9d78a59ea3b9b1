/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conf/signatures.h"
#include "guard/signatures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct span value_of(void *arg, struct span name)
{
	(void)name;
	return *(struct span *)arg;
}

/* A file of signatures, held against its own text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_of((const char *)data, n), rest = text, line;
	struct signature_facts f = {.method = text, .user_agent = text, .from_user = text};
	struct conf_scan c = {.mode = CONF_MODE_ENFORCE};
	struct signature_set set;
	struct signatures *s;
	struct arena arena;
	bool more = true;

	f.header = value_of;
	f.arg = &text;
	arena_init(&arena, 4096, (size_t)16 << 20);
	if (signature_set_init(&set, &arena, n + 1) != OK)
		abort();
	while (more) {
		char words[256];
		struct buf why = BUF(words);

		more = span_cut(&rest, '\n', &line);
		if ((signature_set_line(&set, line, &why) == OK) != (why.n == 0))
			abort(); /* refused without a word, or with one and taken */
	}
	c.signatures = set.item;
	c.signatures_count = set.n;
	if (signatures_new(&c, &s) != OK)
		abort();
	(void)signatures_match(s, &f);
	signatures_free(s);
	arena_done(&arena);
	return 0;
}
