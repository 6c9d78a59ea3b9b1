/* SPDX-License-Identifier: MIT
 *
 * The lines on top of `top`: how the daemon is and what it does now. */
#include "cli/text.h"
#include "cli/top_layout.h"

#define LABEL     10
#define GAP       2
#define TREND_MIN 16 /* columns */

/* A line that items are put onto as long as they fit as a whole. */
struct line {
	struct top_page *page;
	int row, col, end;
};

static struct line line_of(struct top_page *p, int row, const char *label)
{
	struct line l = {p, row, LABEL, p->cols};

	top_put(p, row, 0, TOP_DIM, span_str(label));
	return l;
}

static void add_text(struct line *l, enum top_style style, struct span s)
{
	int gap = l->col > LABEL || l->row == 0 ? GAP : 0;

	if (!s.n || l->col + gap + (int)s.n > l->end) {
		l->end = l->col; /* nothing behind a gap */
		return;
	}
	l->col = top_put(l->page, l->row, l->col + gap, style, s);
}

static void add_rate(struct line *l, enum top_style style, double rate, const char *what)
{
	char text[TOP_FIGURE_MAX + 40];
	struct buf b = BUF(text);

	top_add_rate(&b, rate);
	buf_addf(&b, "/s %s", what);
	add_text(l, rate > 0 ? style : TOP_DIM, buf_span(&b));
}

static void add_count(struct line *l, enum top_style style, uint64_t n, const char *what)
{
	char text[TOP_FIGURE_MAX + 40];
	struct buf b = BUF(text);

	top_add_count(&b, n);
	buf_addf(&b, " %s", what);
	add_text(l, n > 0 ? style : TOP_DIM, buf_span(&b));
}

/* ---- trends ---- */

static double trend_at(const struct top_model *m, size_t i, bool refused)
{
	return refused ? m->trend[i].refused : m->trend[i].received;
}

/* The newest at the right end; a full block is the most that is in sight. */
static void put_trend(
    struct top_page *p, const struct top_model *m, int row, int from, int to, bool refused)
{
	size_t n = MIN(m->trend_n, (size_t)MAX(to - from, 0));
	double most = 0;

	if (to - from < TREND_MIN)
		return;
	for (size_t i = m->trend_n - n; i < m->trend_n; i++)
		most = MAX(most, trend_at(m, i, refused));
	for (size_t i = 0; i < n; i++) {
		double v = trend_at(m, m->trend_n - n + i, refused);
		int block = most > 0 ? (int)(v / most * TOP_BLOCK_8 + 0.5) : 0;

		top_put_sign(p, row, to - (int)n + (int)i, refused ? TOP_WARN : TOP_GOOD,
		    (enum top_sign)MAX(block, (int)TOP_BLOCK_1));
	}
}

/* ---- the lines ---- */

static void put_title(struct top_page *p, const struct top_model *m, const struct top_view *v)
{
	const json_t *f = m->now->figures;
	char text[TOP_COLS_MAX];
	struct buf b = BUF(text);
	uint64_t workers = text_number(f, "workers");
	char up_text[TEXT_FIGURE_MAX + 40];
	struct buf up = BUF(up_text);
	struct line l = {p, 0, 0, 0};

	buf_addf(&b, "%s%s%s %s", v->paused ? "PAUSED  " : "", v->filter[0] ? "only " : "",
	    v->filter, v->clock);
	l.end = MAX(p->cols - (int)b.n - 1, 0);
	l.col = top_put(p, 0, 0, TOP_BOLD, SPAN("ringfence "));
	l.col = top_put(p, 0, l.col, TOP_BOLD, text_member(f, "version"));
	l.col = top_put(p, 0, l.col, TOP_PLAIN, SPAN(" on "));
	l.col = top_put(p, 0, l.col, TOP_PLAIN, text_member(f, "node"));
	buf_add_lit(&up, "up ");
	text_add_duration(&up, text_number(f, "uptime"));
	buf_addf(&up, "  %llu worker%s", (unsigned long long)workers, workers == 1 ? "" : "s");
	add_text(&l, TOP_PLAIN, buf_span(&up));
	if (b.n > 1) {
		top_put(p, 0, p->cols - (int)b.n - 1, TOP_PLAIN, SPAN(" "));
		top_put(p, 0, MAX(p->cols - (int)b.n, 0),
		    v->paused || v->filter[0] ? TOP_WARN : TOP_DIM, buf_span(&b));
	}
}

static double sum_of(const struct top_model *m, const char *what)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "ws", "wss"};
	double sum = 0;

	if (top_interval(m) <= 0)
		return TOP_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		char name[32];
		struct buf b = BUF(name);

		buf_addf(&b, "%s.%s", what, transports[i]);
		(void)buf_terminate(&b);
		sum += top_rate(m, name);
	}
	return sum;
}

static void put_messages(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	struct line l = line_of(p, row, "messages");

	add_rate(&l, TOP_BOLD, sum_of(m, "received"), "in");
	add_rate(&l, TOP_PLAIN, sum_of(m, "sent"), "out");
	put_trend(p, m, row, MAX(l.col + GAP, p->cols / 2), p->cols, false);
}

static void put_unread(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	struct line l = line_of(p, row, "unread");
	double banned = top_rate(m, "gate.dropped.denied");
	double all = top_rate_sum(m, "gate.dropped.");

	add_rate(&l, TOP_TIER + EVENT_TIER_DENIED, banned, "banned");
	add_rate(&l, TOP_WARN, all < 0 ? all : all - banned, "flood");
	if (top_kernel_rate(m) > 0)
		add_rate(&l, TOP_TIER + EVENT_TIER_DENIED, top_kernel_rate(m), "in the firewall");
	if (top_rate(m, "connections.refused-banned") > 0)
		add_rate(&l, TOP_TIER + EVENT_TIER_DENIED,
		    top_rate(m, "connections.refused-banned"), "connections");
	if (top_rate_sum(m, "queue.lost.") > 0)
		add_rate(&l, TOP_WARN, top_rate_sum(m, "queue.lost."), "queue full");
	if (top_rate(m, "received.kernel-drops") > 0)
		add_rate(&l, TOP_WARN, top_rate(m, "received.kernel-drops"), "socket full");
	if (top_rate(m, "received.noise") > 0)
		add_rate(&l, TOP_PLAIN, top_rate(m, "received.noise"), "noise");
	put_trend(p, m, row, MAX(l.col + GAP, p->cols / 2), p->cols, true);
}

static void put_verdicts(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	struct line l = line_of(p, row, "verdicts");

	add_rate(&l, TOP_GOOD, top_rate(m, "verdicts.pass"), "pass");
	add_rate(&l, TOP_PLAIN, top_rate(m, "verdicts.challenge"), "challenge");
	add_rate(&l, TOP_WARN, top_rate(m, "verdicts.reply"), "reply");
	add_rate(&l, TOP_WARN, top_rate(m, "verdicts.drop"), "drop");
	add_rate(&l, TOP_PLAIN, top_rate(m, "verdicts.observed"), "observed");
}

static void put_calls(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	struct line l = line_of(p, row, "calls");
	uint64_t answered = top_count(m, "calls.answered"), ended = top_count(m, "calls.ended");

	add_rate(&l, TOP_PLAIN, top_rate(m, "calls.started"), "started");
	add_rate(&l, TOP_PLAIN, top_rate(m, "calls.answered"), "answered");
	add_rate(&l, TOP_PLAIN, top_rate(m, "calls.ended"), "ended");
	add_rate(&l, TOP_PLAIN, top_rate(m, "calls.failed"), "failed");
	add_count(&l, TOP_PLAIN, answered > ended ? answered - ended : 0, "up");
}

static uint64_t gauge(const struct top_model *m, const char *name)
{
	return text_number(json_object_get(m->now->figures, name), "now");
}

#define LAG_WARNS 10000 /* us: what people on the phone may notice */

static void add_lag(struct line *l, double us)
{
	char text[64];
	struct buf b = BUF(text);

	if (us < 0)
		return;
	buf_addf(&b, "lag %.*f ms", us < 10000 ? 1 : 0, us / 1000);
	add_text(l, us >= LAG_WARNS ? TOP_WARN : TOP_PLAIN, buf_span(&b));
}

static void put_now(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	const json_t *f = m->now->figures;
	struct line l = line_of(p, row, "now");
	char text[TEXT_FIGURE_MAX];
	struct buf b = BUF(text);

	add_count(&l, TOP_PLAIN, gauge(m, "registrations"), "registered");
	add_count(&l, TOP_PLAIN, gauge(m, "transactions"), "transactions");
	add_count(&l, TOP_PLAIN, gauge(m, "connections"), "connections");
	if (text_number(f, "waiting"))
		add_count(&l, TOP_WARN, text_number(f, "waiting"), "waiting");
	add_lag(&l, top_lag(m));
	text_add_size(&b, text_number(json_object_get(f, "memory"), "resident"));
	add_text(&l, TOP_PLAIN, buf_span(&b));
	add_count(&l, TOP_PLAIN, gauge(m, "ledger"), "in the ledger");
}

/* Sinks that fail, or that lost something since the picture before. */
static void add_sinks(struct line *l, const struct top_model *m)
{
	const json_t *sinks = json_object_get(m->now->figures, "sinks");
	double lost = top_rate(m, "events.lost");
	bool fails = false;

	for (size_t i = 0; i < json_array_size(sinks); i++) {
		const json_t *s = json_array_get(sinks, i);
		char text[TOP_COLS_MAX];
		struct buf b = BUF(text);

		if (!text_member(s, "error").n)
			continue;
		fails = true;
		buf_add_escaped(&b, text_member(s, "name"), 40);
		buf_add_lit(&b, " FAILS");
		add_text(l, TOP_WARN, buf_span(&b));
	}
	if (lost > 0)
		add_rate(l, TOP_WARN, lost, "events lost");
	else if (!fails)
		add_text(l, TOP_GOOD, SPAN("events ok"));
}

/* Where bans are carried out, and what of it fails. */
static void add_enforcement(struct line *l, const struct top_model *m)
{
	const json_t *e = json_object_get(m->now->figures, "enforcement");
	const json_t *backends = json_object_get(e, "backends");

	if (!json_is_true(json_object_get(e, "kernel"))) {
		add_text(l, TOP_PLAIN, SPAN("bans in the ledger"));
		return;
	}
	for (size_t i = 0; i < json_array_size(backends); i++) {
		const json_t *b = json_array_get(backends, i);
		bool ok = json_is_true(json_object_get(b, "up")) && !text_member(b, "error").n;
		char text[64];
		struct buf t = BUF(text);

		buf_add_escaped(&t, text_member(b, "name"), 16);
		buf_add_span(&t, ok ? SPAN(" ok") : SPAN(" FAILS"));
		add_text(l, ok ? TOP_GOOD : TOP_WARN, buf_span(&t));
	}
}

static void put_state(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	const json_t *store = json_object_get(m->now->figures, "store");
	const json_t *controls = json_object_get(m->now->figures, "controls");
	struct line l = line_of(p, row, "state");
	bool ok = json_is_true(json_object_get(store, "ok"));

	add_text(&l, ok ? TOP_GOOD : TOP_WARN, ok ? SPAN("store ok") : SPAN("STORE FAILS"));
	add_enforcement(&l, m);
	add_sinks(&l, m);
	for (size_t i = 0; i < json_array_size(controls); i++) {
		const json_t *c = json_array_get(controls, i);
		char text[64];
		struct buf b = BUF(text);

		if (span_eq(text_member(c, "mode"), SPAN("enforce")))
			continue;
		buf_add_escaped(&b, text_member(c, "name"), 16);
		buf_add_char(&b, ' ');
		buf_add_escaped(&b, text_member(c, "mode"), 16);
		add_text(&l, TOP_WARN, buf_span(&b));
	}
}

static void put_tiers(
    struct top_page *p, const struct top_model *m, const struct top_view *v UNUSED, int row)
{
	const struct top_tiers *t = &m->now->tiers;
	struct line l = line_of(p, row, "sources");

	for (unsigned i = EVENT_TIER_DENIED; i < EVENT_TIER_COUNT; i++)
		if (t->n[i] || i != EVENT_TIER_TRUSTED)
			add_count(&l, (enum top_style)(TOP_TIER + i), t->n[i],
			    event_tier_name((enum event_tier)i));
	if (t->held)
		add_count(&l, TOP_WARN, t->held, "held");
}

/* least: how many lines there must be for it to be shown. */
static const struct {
	int least;
	void (*put)(
	    struct top_page *p, const struct top_model *m, const struct top_view *v, int row);
} lines[] = {
    {2, put_messages},
    {4, put_unread},
    {8, put_verdicts},
    {8, put_calls},
    {8, put_now},
    {8, put_state},
    {3, put_tiers},
};

void top_layout_head(struct top_page *p, const struct top_model *m, const struct top_view *v, int n)
{
	int row = 1;

	put_title(p, m, v);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (n >= lines[i].least)
			lines[i].put(p, m, v, row++);
}
