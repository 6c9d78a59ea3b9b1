/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cli/why_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first line is what the story is about, the others are lines of a file of events. Whatever
 * they hold, what is printed has nothing that a terminal acts on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char text[1 << 20];
	const struct why_text o = {.now = UINT64_C(1800000000) * USEC_SEC, .lines = 50};
	struct span rest = span_of((const char *)data, n), about, line;

	(void)span_cut(&rest, '\n', &about);
	for (enum why_kind kind = WHY_SOURCE; kind <= WHY_CALL; kind++) {
		struct buf b = BUF(text);
		struct span lines = rest;
		struct why_story s;

		if (why_story_init(&s, kind, about, 0) != OK)
			continue;
		while (lines.n) {
			json_t *event;

			(void)span_cut(&lines, '\n', &line);
			event = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
			(void)why_story_wants(&s, event);
			(void)why_story_add(&s, event,
			    json_object_get(event, "count") ? WHY_OF_DAEMON : WHY_OF_FILE);
		}
		why_story_finish(&s);
		why_text_add(&b, &s, &o);
		for (size_t i = 0; i < b.n; i++)
			if (b.p[i] != '\n' && (b.p[i] < ' ' || b.p[i] > '~'))
				abort();
		why_story_done(&s);
	}
	return 0;
}
