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
	fprintf(stderr,
	    "ringfence: bans do not reach the kernel, the ledger alone enforces them: %s\n", why);
	daemon_emit(d, REASON_DAEMON_ENFORCEMENT_LOST, span_str(why));
}

void enforcement_run(struct daemon *d)
{
	const struct enforce_hooks hooks = {
	    .arg = d,
	    .source = {.arg = d, .bans = bans, .may_block = may_block},
	    .tell = told,
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

void enforcement_unban_all(struct daemon *d)
{
	enforce_again(d->enforce);
}

void enforcement_status(struct daemon *d, bool walk, struct admin_status *out)
{
	const struct plan_source source = {d, bans, may_block};
	struct kept kept = {&source, 0};
	size_t cursor = 0;

	enforce_status(d->enforce, &out->enforcement);
	if (!out->enforcement.wanted || !walk)
		return;
	while (bans(d, &cursor, SIZE_MAX, edge_now(), count_kept, &kept))
		;
	out->enforcement_kept = kept.n;
}
