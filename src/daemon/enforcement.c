/* SPDX-License-Identifier: MIT
 *
 * Bans of the ledger on their way into the kernel: between the edge, whose bans they are, and the
 * client of the helper (enforce/enforce.h). Main thread. */
#include <stdio.h>

#include "daemon/serve.h"
#include "edge/exempt.h"

static bool bans(
    void *arg, size_t *cursor, size_t budget, usec_t now, standing_ban_fn *fn, void *fn_arg)
{
	const struct daemon *d = arg;

	return standing_bans(d->edge->standing, cursor, budget, now, fn, fn_arg);
}

/* The ledger bans nobody who is exempt, but it may have banned him before he was. */
static bool may_block(void *arg, const struct prefix *what, bool by_hand)
{
	const struct snapshot *snap = ((const struct daemon *)arg)->edge->snap;
	struct exempt x;

	return (by_hand || snap->conf->standing.mode == CONF_MODE_ENFORCE) &&
	       !exempt_find(snap->conf, &snap->trust, what, &x);
}

/* A change may have waited while the ledger went on. */
static bool is_banned(void *arg, const struct prefix *what, usec_t now)
{
	return standing_bans_whole(((const struct daemon *)arg)->edge->standing, what, now);
}

/* Some place or interface is to be had. */
static bool in_part(const struct daemon *d)
{
	struct enforce_status s;

	enforce_status(d->enforce, &s);
	for (unsigned b = 0; b < HELPER_BACKENDS; b++)
		if (s.backend[b].state == MESSAGE_UP || s.backend[b].state == MESSAGE_PARTLY)
			return true;
	return false;
}

static void told(void *arg, bool up, const char *why)
{
	struct daemon *d = arg;
	bool was_lost = d->enforcement_lost;

	d->enforcement_lost = !up;
	if (up) {
		fputs("ringfence: bans are in the kernel, too\n", stderr);
		if (was_lost)
			daemon_emit(d, REASON_DAEMON_ENFORCEMENT_BACK, span_of(NULL, 0));
		return;
	}
	fprintf(stderr, "ringfence: %s: %s\n",
	    in_part(d) ? "not all of the kernel enforces bans, the ledger has all of them"
		       : "bans do not reach the kernel, the ledger alone enforces them",
	    why);
	daemon_emit(d, REASON_DAEMON_ENFORCEMENT_LOST, span_str(why));
}

/* "nftables, xdp"; of a prefix that is more than one source, "192.0.2.0/24 in nftables". */
static void add_places(struct buf *b, const struct prefix *what, unsigned backends)
{
	struct addr a = {0};
	const char *sep = "";

	memcpy(a.ip, what->ip, sizeof(a.ip));
	if (what->bits != (addr_is_v4(&a) ? 128 : 64)) {
		prefix_add(b, what);
		buf_add_lit(b, " in ");
	}
	for (unsigned i = 0; i < HELPER_BACKENDS; i++) {
		if (!(backends & 1u << i))
			continue;
		buf_addf(b, "%s%s", sep, helper_backend_name((enum helper_backend)i));
		sep = ", ";
	}
}

static void in_force(void *arg, const struct enforce_ban *ban, unsigned backends, usec_t lag)
{
	struct daemon *d = arg;
	char text[ADDR_TEXT_MAX + 64];
	struct buf places = BUF(text);
	struct event e;

	if (!conf_wants_events(d->edge->snap->conf))
		return;
	add_places(&places, &ban->what, backends);
	event_init(&e, EVENT_STANDING, REASON_STANDING_ENFORCED, edge_wall());
	memcpy(e.source.ip, ban->what.ip, sizeof(e.source.ip));
	e.proven = !ban->by_hand; /* or it would not have been banned */
	e.tier = EVENT_TIER_DENIED;
	event_set_verdict(&e, EVENT_MODE_ENFORCE, EVENT_DROP, 0);
	event_set_evidence(&e, (double)lag / USEC_MS, 0, ban->until - MIN(ban->until, ban->since));
	event_set_evidence_text(&e, buf_span(&places));
	event_hub_emit(&d->hub, &e);
}

void enforcement_run(struct daemon *d)
{
	const struct enforce_hooks hooks = {
	    .arg = d,
	    .source = {d, bans, may_block, is_banned},
	    .tell = told,
	    .in_force = in_force,
	};

	if (enforce_run(d->enforce, &d->loop, &hooks) != OK)
		told(d, false, "the loop has no room");
}

void enforcement_drain(struct daemon *d)
{
	for (uint32_t i = 0; i < edge_workers(d->edge); i++)
		enforce_drain(d->enforce, &d->edge->ban_rings[i]);
}

void enforcement_reload(struct daemon *d, struct buf *messages)
{
	enforce_reload(d->enforce, d->edge->snap->conf, messages);
}

void enforcement_change(struct daemon *d, const struct prefix *what, usec_t until)
{
	const struct enforce_ban ban = {*what, until, edge_now(), true};

	enforce_change(d->enforce, &ban);
}

void enforcement_where(const struct daemon *d, const struct standing_view *v,
    const struct prefix *prefix, struct plan_place *out)
{
	enforce_where(d->enforce, v, prefix, out);
}

struct kept {
	const struct plan_source *source;
	uint64_t n;
};

static bool count_kept(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct kept *k = arg;
	struct prefix what;

	k->n += !plan_is_for_kernel(k->source, v, prefix, &what);
	return true;
}

bool enforcement_is_wanted(const struct daemon *d)
{
	struct enforce_status s;

	enforce_status(d->enforce, &s);
	return s.wanted;
}

void enforcement_unban_all(struct daemon *d)
{
	enforce_again(d->enforce);
}

void enforcement_status(struct daemon *d, bool walk, struct admin_status *out)
{
	const struct plan_source source = {d, bans, may_block, is_banned};
	struct kept kept = {&source, 0};
	size_t cursor = 0;

	enforce_status(d->enforce, &out->enforcement);
	if (!out->enforcement.wanted || !walk)
		return;
	while (bans(d, &cursor, SIZE_MAX, edge_now(), count_kept, &kept))
		;
	out->enforcement_kept = kept.n;
}
