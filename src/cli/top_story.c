/* SPDX-License-Identifier: MIT */
#include "cli/top_story.h"

#include <stdlib.h>
#include <time.h>

#include "cli/why_text.h"

#define TEXT_BYTES ((size_t)1 << 20)

static usec_t wall_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

static enum err write_down(const struct why_story *s, struct top_lines *lines)
{
	const struct why_text o = {.now = wall_now(), .lines = WHY_TEXT_LINES};
	char *text = malloc(TEXT_BYTES);
	struct buf b = buf_of(text, text ? TEXT_BYTES : 0);

	if (!text)
		return ERR_NOMEM;
	if (why_story_found(s))
		why_text_add(&b, s, &o);
	else
		buf_add_lit(&b, "nothing is known of it: it did nothing that was refused or "
				"changed anything, or too long ago");
	top_lines_take(lines, text, b.n);
	return OK;
}

static enum err ask(struct why_story *s, const char *path, struct buf *why)
{
	struct admin_client *c;
	enum err e = admin_client_new(path, why, &c);

	if (e != OK)
		return e;
	e = why_story_ask(s, c);
	admin_client_free(c);
	if (e != OK)
		buf_addf(why, "the daemon did not answer: %s", err_text(e));
	return e;
}

enum err top_story(const char *path, const char *about, struct top_lines *lines, struct buf *why)
{
	struct why_story s = {0};
	enum err e = why_story_init(&s, WHY_SOURCE, span_str(about), 0);

	if (e != OK)
		buf_add_lit(why, "there is no story of it");
	else
		e = ask(&s, path, why);
	if (e == OK) {
		why_story_finish(&s);
		e = write_down(&s, lines);
	}
	why_story_done(&s);
	return e;
}
