/* SPDX-License-Identifier: MIT */
#include "admin/follower.h"

#include <stdlib.h>

#define LOST_LINE_MAX 48

enum err follower_init(
    struct follower *f, const struct event_filter *filter, void (*ready)(struct follower *f))
{
	char *fill = malloc(ADMIN_FOLLOW_QUEUE);
	char *out = malloc(ADMIN_FOLLOW_QUEUE);

	if (!fill || !out) {
		free(fill);
		free(out);
		return ERR_NOMEM;
	}
	*f = (struct follower){.filter = *filter, .ready = ready, .fill = fill, .out = out};
	f->tap.fn = follower_take;
	list_init(&f->tap.link);
	return OK;
}

void follower_done(struct follower *f)
{
	if (!f->fill)
		return;
	event_hub_remove_tap(&f->tap);
	free(f->fill);
	free(f->out);
	f->fill = f->out = NULL;
}

static bool add_line(struct follower *f, struct span line)
{
	if (line.n >= ADMIN_FOLLOW_QUEUE - f->fill_n)
		return false;
	memcpy(f->fill + f->fill_n, line.p, line.n);
	f->fill[f->fill_n + line.n] = '\n';
	f->fill_n += line.n + 1;
	return true;
}

/* True when nothing is owed to the client any more. */
static bool tell_lost(struct follower *f)
{
	char text[LOST_LINE_MAX];
	struct buf b = BUF(text);

	if (f->lost == 0)
		return true;
	buf_addf(&b, "{\"lost\":%llu}", (unsigned long long)f->lost);
	if (!add_line(f, buf_span(&b)))
		return false;
	f->lost = 0;
	return true;
}

void follower_take(struct event_tap *tap, const struct event *e, struct span line)
{
	struct follower *f = CONTAINER_OF(tap, struct follower, tap);
	struct event_facts facts = {
	    .reason = span_str(reason_name(e->reason)),
	    .source = event_has_source(e) ? &e->source : NULL,
	    .account = event_text(e, EVENT_TEXT_ACCOUNT),
	    .from = event_text(e, EVENT_TEXT_FROM),
	    .to = event_text(e, EVENT_TEXT_TO),
	};

	if (!event_filter_allows(&f->filter, &facts))
		return;
	if (!tell_lost(f) || !add_line(f, line)) {
		f->lost++;
		return;
	}
	if (f->out_n == 0)
		f->ready(f);
}

struct span follower_begin_write(struct follower *f)
{
	char *filled;

	if (f->out_n > 0)
		return (struct span){NULL, 0};
	tell_lost(f);
	filled = f->fill;
	f->fill = f->out;
	f->out = filled;
	f->out_n = f->fill_n;
	f->fill_n = 0;
	return span_of(f->out, f->out_n);
}

void follower_wrote(struct follower *f)
{
	f->out_n = 0;
}
