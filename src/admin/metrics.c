/* SPDX-License-Identifier: MIT */
#include "admin/metrics.h"

#include "admin/metrics_put.h"

static const struct metric families[METRIC_COUNT] = {
#define ROW(id, type, name, labels, put, help) \
	[METRIC_##id] = {METRIC_##id, #type, name, labels, help, put},
#include "admin/metrics.def"
#undef ROW
};

/* Which counters of event/counter.def are members of a family: those whose names begin so. */
static const struct {
	const char *prefix;
	const char *members; /* and go on so; NULL: whatever follows */
	enum metric_id family;
} homes[] = {
    {"received.", "udp,tcp,tls,ws,wss", METRIC_RECEIVED},
    {"sent.", "udp,tcp,tls,ws,wss", METRIC_SENT},
    {"requests.", NULL, METRIC_REQUESTS},
    {"responses.", "1xx,2xx,3xx,4xx,5xx,6xx", METRIC_RESPONSES},
    {"verdicts.", NULL, METRIC_VERDICTS},
    {"gate.passed.", NULL, METRIC_TIER_PASSED},
    {"gate.dropped.", NULL, METRIC_TIER_REFUSED},
    {"queue.lost.", NULL, METRIC_TIER_LOST},
    {"queue.waiting", NULL, METRIC_QUEUE_WAITING},
    {"transactions.memory", NULL, METRIC_TXN_MEMORY},
};

static bool is_member(const char *members, struct span name)
{
	struct span rest = span_str(members ? members : ""), word;

	if (!members)
		return true;
	while (rest.n) {
		span_cut(&rest, ',', &word);
		if (span_eq(word, name))
			return true;
	}
	return false;
}

/* METRIC_COUNT: it is a family of its own. *out_member: the value of its label. */
static enum metric_id home_of(enum counter c, struct span *out_member)
{
	struct span name = span_str(counter_name(c));

	for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
		struct span prefix = span_str(homes[i].prefix);
		struct span member;

		if (!span_starts(name, prefix))
			continue;
		member = span_from(name, name.p + prefix.n);
		if (!is_member(homes[i].members, member))
			continue;
		*out_member = member;
		return homes[i].family;
	}
	return METRIC_COUNT;
}

void metrics_put_counters(
    struct exposition *x, const struct counter_totals *t, enum metric_id family)
{
	struct span member;

	for (unsigned c = 0; c < COUNTER_COUNT; c++)
		if (home_of((enum counter)c, &member) == family)
			exposition_u64(x, t->v[c], &member);
}

/* "auth.ok": "ringfence_auth_ok_total". */
static struct span own_name(enum counter c, struct buf *b)
{
	struct span name = span_str(counter_name(c));

	buf_add_lit(b, "ringfence_");
	for (size_t i = 0; i < name.n; i++)
		buf_add_char(b, name.p[i] == '.' || name.p[i] == '-' ? '_' : name.p[i]);
	buf_add_lit(b, "_total");
	return buf_span(b);
}

/* The meaning as a sentence. */
static void add_help(struct buf *b, enum counter c)
{
	struct span s = span_str(counter_meaning(c));

	if (s.n && s.p[0] >= 'a' && s.p[0] <= 'z') {
		buf_add_char(b, (char)(s.p[0] - 'a' + 'A'));
		s = span_from(s, s.p + 1);
	}
	buf_add_span(b, s);
	buf_add_char(b, '.');
}

bool metrics_write(const struct metrics_input *in, struct buf *b)
{
	struct exposition x = {.b = b};
	struct span member;

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &families[i];

		exposition_family(
		    &x, span_str(m->name), m->type, span_str(m->labels), span_str(m->help));
		m->put(&x, in, m->id);
	}
	for (unsigned c = 0; c < COUNTER_COUNT; c++) {
		char name_text[96], help_text[256];
		struct buf name = BUF(name_text), help = BUF(help_text);

		if (home_of((enum counter)c, &member) != METRIC_COUNT)
			continue;
		add_help(&help, (enum counter)c);
		exposition_family(
		    &x, own_name((enum counter)c, &name), "counter", SPAN(""), buf_span(&help));
		exposition_u64(&x, in->status->totals.v[c], NULL);
	}
	return !b->overflow;
}

static void add_row(
    struct buf *b, struct span name, const char *type, struct span labels, struct span help)
{
	buf_add_lit(b, "| `");
	buf_add_span(b, name);
	buf_addf(b, "` | %s | ", type);
	for (struct span label; labels.n;) {
		span_cut(&labels, ',', &label);
		buf_add_char(b, '`');
		buf_add_span(b, label);
		buf_add_char(b, '`');
		if (labels.n)
			buf_add_char(b, ' ');
	}
	buf_add_lit(b, " | ");
	buf_add_span(b, help);
	buf_add_lit(b, " |\n");
}

void metrics_write_docs(struct buf *b)
{
	struct span member;

	buf_add_lit(b,
	    "<!-- Written by `make docs` from src/admin/metrics.def and src/event/counter.def. "
	    "-->\n"
	    "# Metrics\n\n"
	    "What `/metrics` shows, in Prometheus' text format. How to switch it on: "
	    "`admin.listen` "
	    "in [configuration.md](configuration.md); a dashboard and alerts for it are "
	    "`packaging/grafana/ringfence.json` and `packaging/prometheus/alerts.yaml`. Labels are "
	    "names of the program or of the configuration, never what a stranger sent.\n\n"
	    "Times are histograms of a sample: one message in 64 of each worker. Multiply their "
	    "`_count` by 64 for an estimate of all, or use the counters.\n\n"
	    "| metric | type | labels | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &families[i];

		add_row(b, span_str(m->name), m->type, span_str(m->labels), span_str(m->help));
	}
	for (unsigned c = 0; c < COUNTER_COUNT; c++) {
		char name_text[96], help_text[256];
		struct buf name = BUF(name_text), help = BUF(help_text);

		if (home_of((enum counter)c, &member) != METRIC_COUNT)
			continue;
		add_help(&help, (enum counter)c);
		add_row(b, own_name((enum counter)c, &name), "counter", SPAN(""), buf_span(&help));
	}
}
