/* SPDX-License-Identifier: MIT */
#include "cli/text.h"
#include "cli/why_pieces.h"

#define LABEL  10 /* columns */
#define PHONES 5

struct head {
	struct buf *b;
	const struct why_story *s;
	const struct why_text *o;
};

/* "label     text", wrapped. */
static void add_labelled(struct head *t, const char *label, struct span text)
{
	buf_addf(t->b, "  %-*s", LABEL, label);
	text_add_wrapped(t->b, text, 2 + LABEL, 2 + LABEL);
}

/* "since 06:44:44 " where the begin of a ban is known. */
static void add_since(struct head *t, struct buf *b)
{
	for (size_t i = t->s->n; i-- > 0;) {
		const struct why_item *item = &t->s->items[i];
		struct span reason = text_member(item->event, "reason");

		if (!span_eq(reason, SPAN("standing.banned")) &&
		    !span_eq(reason, SPAN("standing.manual")))
			continue;
		buf_add_lit(b, "since ");
		why_add_local(b, item->wall, WHY_DAY_AND_CLOCK);
		buf_add_lit(b, ", ");
		return;
	}
}

static void add_standing(struct head *t, const json_t *st)
{
	char text[WHY_PIECE_MAX];
	struct buf b = BUF(text);
	uint64_t banned = text_number(st, "banned_for");
	struct span reason = text_member(st, "reason"), exempt = text_member(st, "exempt");

	why_add_text(&b, text_member(st, "tier"));
	buf_addf(&b, ", %s",
	    json_is_true(json_object_get(st, "proven")) ? "proven: it receives at its address"
							: "not proven: may be forged");
	if (exempt.n) {
		buf_add_lit(&b, "; never banned: ");
		why_add_text(&b, exempt);
	}
	add_labelled(t, "tier", buf_span(&b));
	b.n = 0;
	buf_addf(&b, "%.1f (suspect from %llu, banned from %llu)", why_number(st, "score"),
	    (unsigned long long)text_number(st, "suspect"),
	    (unsigned long long)text_number(st, "deny"));
	if (json_object_get(t->s->present, "policy")) {
		buf_add_lit(&b, ", halves every ");
		text_add_time(&b, why_whole(json_object_get(t->s->present, "policy"), "half_life"));
	}
	add_labelled(t, "score", buf_span(&b));
	if (!banned && text_number(st, "dropped")) {
		b.n = 0;
		buf_addf(&b, "%llu messages dropped unread",
		    (unsigned long long)text_number(st, "dropped"));
		add_labelled(t, "refused", buf_span(&b));
	}
	if (!banned)
		return;
	b.n = 0;
	add_since(t, &b);
	buf_add_lit(&b, "until ");
	why_add_local(&b, t->o->now + banned * USEC_SEC, WHY_DAY_AND_CLOCK);
	buf_addf(&b, ", %s ", json_is_true(json_object_get(st, "manual")) ? "by hand" : "for");
	why_add_text(&b, reason);
	if (text_number(st, "offences") > 1)
		buf_addf(&b, "; the %lluth ban, each lasts twice as long",
		    (unsigned long long)text_number(st, "offences"));
	if (text_number(st, "dropped"))
		buf_addf(&b, "; %llu messages dropped unread",
		    (unsigned long long)text_number(st, "dropped"));
	add_labelled(t, "banned", buf_span(&b));
	b.n = 0;
	text_add_enforced(&b, st);
	if (b.n)
		add_labelled(t, "enforced", buf_span(&b));
}

static void add_account(struct head *t, const json_t *a)
{
	const json_t *list = json_object_get(t->s->present, "registrations");
	char text[WHY_PIECE_MAX];
	struct buf b = BUF(text);

	if (json_is_true(json_object_get(a, "under_attack"))) {
		buf_add_lit(&b, "under attack: closed to places where its owner never was, for ");
		text_add_time(&b, text_number(a, "closed_for"));
		buf_add_lit(&b, " more");
	} else {
		buf_add_lit(&b, "open");
	}
	if (text_number(a, "threshold")) {
		buf_addf(&b, "; %llu failed log-ins from new places in ",
		    (unsigned long long)text_number(a, "failures"));
		text_add_time(&b, text_number(a, "window"));
		buf_addf(
		    &b, ", %llu close it", (unsigned long long)text_number(a, "threshold") + 1);
	}
	add_labelled(t, "state", buf_span(&b));
	for (size_t i = 0; i < json_array_size(list) && i < PHONES; i++) {
		const json_t *r = json_array_get(list, i);

		b.n = 0;
		why_add_text(&b, text_member(r, "contact"));
		buf_add_lit(&b, " from ");
		why_add_text(&b, text_member(r, "source"));
		buf_add_lit(&b, ", for ");
		text_add_time(&b, text_number(r, "expires_in"));
		buf_add_lit(&b, " more");
		add_labelled(t, "phone", buf_span(&b));
	}
	if (!json_array_size(list))
		add_labelled(t, "phones", SPAN("none is registered"));
}

void why_add_heading(struct buf *to, const struct why_story *s, const struct why_text *o)
{
	static const char *const words[] = {
	    [WHY_SOURCE] = "source",
	    [WHY_ACCOUNT] = "account",
	    [WHY_CALL] = "call",
	};
	struct head head = {to, s, o}, *t = &head;
	const json_t *st = json_object_get(s->present, "standing");
	const json_t *account = json_object_get(s->present, "account");
	char text[WHY_PIECE_MAX];
	struct buf b = BUF(text);
	uint64_t events = 0;
	usec_t last = 0;

	buf_addf(t->b, "%s ", words[t->s->kind]);
	buf_add_escaped(t->b, t->s->about, 128);
	buf_add_lit(t->b, "\n");
	if (st)
		add_standing(t, st);
	if (account)
		add_account(t, account);
	for (size_t i = 0; i < t->s->n; i++) {
		events += t->s->items[i].count;
		last = MAX(last, t->s->items[i].until);
	}
	if (!t->s->n)
		return;
	buf_addf(&b, "%llu, ", (unsigned long long)events);
	why_add_local(&b, t->s->items[0].wall, WHY_DAY_AND_CLOCK);
	buf_add_lit(&b, " to ");
	why_add_local(&b, last,
	    why_same_day(t->s->items[0].wall, last) ? WHY_CLOCK_WITH_ZONE : WHY_WITH_ZONE);
	buf_addf(&b, "%s%s", t->s->present ? "; from the running daemon" : "",
	    !t->o->from_files ? ""
	    : t->s->present   ? " and the files"
			      : "; from the files");
	add_labelled(t, "events", buf_span(&b));
}
