/* SPDX-License-Identifier: MIT */
#include "event/hub.h"

void event_hub_init(struct event_hub *h, struct span node)
{
	*h = (struct event_hub){0};
	event_hub_set_node(h, node);
	list_init(&h->taps);
}

void event_hub_set_node(struct event_hub *h, struct span node)
{
	h->node_len = MIN(node.n, sizeof(h->node));
	if (h->node_len)
		memcpy(h->node, node.p, h->node_len);
}

/* Those that are not NULL. */
static void free_sinks(struct event_sink **sinks, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (sinks[i])
			event_sink_stop(sinks[i]); /* so that they end side by side */
	for (unsigned i = 0; i < count; i++)
		event_sink_free(sinks[i]);
}

void event_hub_done(struct event_hub *h)
{
	free_sinks(h->sinks, h->sink_count);
	h->sink_count = 0;
}

static bool is_among(const struct event_hub *h, const struct event_sink *s)
{
	for (unsigned i = 0; i < h->sink_count; i++)
		if (h->sinks[i] == s)
			return true;
	return false;
}

void event_hub_take_sinks(struct event_hub *h, struct event_sink **sinks, unsigned count)
{
	struct event_sink *old[EVENT_HUB_SINKS];
	unsigned old_count = h->sink_count;

	memcpy(old, h->sinks, sizeof(old));
	h->sink_count = MIN(count, (unsigned)EVENT_HUB_SINKS);
	for (unsigned i = 0; i < h->sink_count; i++)
		h->sinks[i] = sinks[i];
	for (unsigned i = 0; i < old_count; i++)
		if (is_among(h, old[i]))
			old[i] = NULL;
	free_sinks(old, old_count);
}

void event_hub_add_tap(struct event_hub *h, struct event_tap *t)
{
	list_append(&h->taps, &t->link);
}

void event_hub_remove_tap(struct event_tap *t)
{
	list_remove(&t->link);
}

static bool somebody_wants(const struct event_hub *h, const struct event *e)
{
	if (!list_empty(&h->taps))
		return true;
	for (unsigned i = 0; i < h->sink_count; i++)
		if (event_sink_wants(h->sinks[i], e))
			return true;
	return false;
}

static void emit(struct event_hub *h, const struct event *e)
{
	char text[EVENT_JSON_MAX];
	struct buf b = BUF(text);
	struct span node = span_of(h->node, h->node_len);

	h->events++;
	if (h->history)
		event_history_add(h->history, e);
	if (!somebody_wants(h, e))
		return;
	event_write_json(e, node, &b);
	for (unsigned i = 0; i < h->sink_count; i++)
		if (event_sink_wants(h->sinks[i], e))
			event_sink_take(h->sinks[i], e, buf_span(&b), node);
	list_for_each_safe(it, &h->taps) {
		struct event_tap *t = list_entry(it, struct event_tap, link);

		t->fn(t, e, buf_span(&b));
	}
}

void event_hub_emit(struct event_hub *h, const struct event *e)
{
	counter_reason(&h->own, e->reason);
	emit(h, e);
}

static void emit_drained(void *arg, const struct event *e)
{
	emit(arg, e);
}

bool event_hub_drain(struct event_hub *h, struct event_ring *r, size_t max)
{
	return event_ring_drain(r, max, emit_drained, h) == max;
}

void event_hub_reopen(struct event_hub *h)
{
	for (unsigned i = 0; i < h->sink_count; i++)
		event_sink_reopen(h->sinks[i]);
}

uint64_t event_hub_lost(const struct event_hub *h)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < h->sink_count; i++) {
		struct event_sink_stats st;

		event_sink_stats(h->sinks[i], &st);
		lost += st.lost_full + st.lost_error;
	}
	return lost;
}
