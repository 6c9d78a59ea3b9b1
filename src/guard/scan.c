/* SPDX-License-Identifier: MIT */
#include "guard/scan.h"

#include <stdlib.h>

#define NAME_LOOK 128 /* octets of a user name that tell it apart */
#define FADE      USEC_MIN

enum kind { KIND_USERS = 1, KIND_SWEEP, KIND_METHODS, KIND_NAME };

struct scan {
	struct tally_table *table;
};

enum err scan_new(size_t entries, const struct siphash_key *key, struct scan **out_s)
{
	struct scan *s = calloc(1, sizeof(*s));
	enum err e = s ? tally_table_new(entries, FADE, key, &s->table) : ERR_NOMEM;

	if (e != OK) {
		free(s);
		return e;
	}
	*out_s = s;
	return OK;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	tally_table_free(s->table);
	free(s);
}

size_t scan_memory(size_t entries)
{
	return sizeof(struct scan) + tally_table_memory(entries);
}

void scan_stats(const struct scan *s, struct tally_stats *out)
{
	tally_stats(s->table, out);
}

static uint64_t name_of(const struct scan *s, enum kind kind, const struct scan_facts *f)
{
	struct {
		struct tally_source source;
		uint16_t port, family;
	} who = {.source = tally_source(f->source)};

	_Static_assert(sizeof(who) == 20, "no padding is hashed");
	if (f->who == SCAN_NEIGHBOUR) {
		memcpy(who.source.ip, f->source->ip, sizeof(who.source.ip));
		who.port = f->source->port;
		who.family = 1;
	}
	return tally_name(s->table, (uint8_t)kind, &who, sizeof(who));
}

static uint32_t hash_user(const struct scan *s, struct span user, struct span domain)
{
	char name[2 * NAME_LOOK + 1];
	struct buf b = BUF(name);

	buf_add(&b, user.p, MIN(user.n, NAME_LOOK));
	buf_add_char(&b, '@');
	buf_add(&b, domain.p, MIN(domain.n, NAME_LOOK));
	return (uint32_t)(tally_name(s->table, KIND_NAME, b.p, b.n) >> 32);
}

static void found(
    struct scan_answer *out, enum reason r, uint32_t value, uint32_t threshold, usec_t window)
{
	*out = (struct scan_answer){.reason = r,
	    .has_value = true,
	    .value = value,
	    .threshold = threshold,
	    .window = window};
}

static bool is_decoy(const struct conf_scan *c, struct span user, struct scan_answer *out)
{
	for (size_t i = 0; i < c->decoys_count; i++)
		if (span_ieq(c->decoys[i], user)) {
			*out =
			    (struct scan_answer){.reason = REASON_SCAN_DECOY, .text = c->decoys[i]};
			return true;
		}
	return false;
}

/* Events of a kind, more than `limit` of them. */
static bool too_many(struct scan *s, enum kind kind, const struct scan_facts *f, uint32_t limit,
    usec_t window, usec_t now, uint32_t *out_n)
{
	uint64_t name = name_of(s, kind, f);
	struct tally *e;

	if (!limit)
		return false;
	e = tally_lock_or_add(s->table, name, (uint8_t)kind, false, now);
	*out_n = tally_add(e, window, now);
	tally_unlock(s->table, name);
	return *out_n > limit;
}

static bool too_many_users(struct scan *s, const struct conf_scan *c, const struct scan_facts *f,
    usec_t now, uint32_t *out_n)
{
	uint64_t name = name_of(s, KIND_USERS, f);
	struct tally *e;
	usec_t age = 0;

	if (!c->users || f->has_credentials)
		return false;
	*out_n = 0;
	e = tally_lock_or_add(s->table, name, KIND_USERS, false, now);
	if (f->user.n)
		*out_n =
		    tally_add_distinct(e, hash_user(s, f->user, f->domain), c->window, now, &age);
	if (f->who == SCAN_STRANGER && f->target_user.n &&
	    !(span_eq(f->target_user, f->user) && span_eq(f->target_domain, f->domain)))
		*out_n = tally_add_distinct(
		    e, hash_user(s, f->target_user, f->target_domain), c->window, now, &age);
	tally_unlock(s->table, name);
	return *out_n > c->users && age >= SCAN_PATIENCE;
}

void scan_judge(struct scan *s, const struct conf_scan *c, const struct signatures *signatures,
    const struct scan_facts *f, usec_t now, struct scan_answer *out)
{
	const struct conf_signature *sig = signatures_match(signatures, &f->look);
	bool stranger = f->who == SCAN_STRANGER;
	uint32_t n;

	*out = (struct scan_answer){.reason = REASON_NONE};
	if (sig)
		*out = (struct scan_answer){.reason = REASON_SCAN_SIGNATURE, .text = sig->name};
	else if ((f->user_is_ours && is_decoy(c, f->user, out)) ||
		 (stranger && is_decoy(c, f->target_user, out)))
		return;
	else if (stranger && !f->method_known &&
		 too_many(s, KIND_METHODS, f, c->methods, c->window, now, &n))
		found(out, REASON_SCAN_METHODS, n, c->methods, c->window);
	else if (stranger && f->is_options &&
		 too_many(s, KIND_SWEEP, f, c->sweep, c->window, now, &n))
		found(out, REASON_SCAN_SWEEP, n, c->sweep, c->window);
	else if (too_many_users(s, c, f, now, &n))
		found(out, REASON_SCAN_USERS, n, c->users, c->window);
}
