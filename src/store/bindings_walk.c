/* SPDX-License-Identifier: MIT
 *
 * See bindings.h and, for the inside, bindings_impl.h: what goes through the table rather than to
 * one AoR (expiry, listing), and the side that the log sees. */
#include "store/bindings_impl.h"

/* ---- expiry ---- */

void bindings_on_expired(struct bindings *t, bindings_expired_fn *fn, void *arg)
{
	t->expired_fn = fn;
	t->expired_arg = arg;
}

/* The record is still in s->in, as it was. */
static void tell_expired(const struct bindings *t, size_t n, usec_t wall, struct binding_set *s)
{
	struct span aor;
	size_t total;

	if (!t->expired_fn || binding_record_unpack(span_of(s->in, n), 0, &aor, s, &total) != OK)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].expires_at <= wall)
			t->expired_fn(t->expired_arg, aor, &s->items[i]);
}

/* Drops what expired of the AoR at `at`; returns the number of bindings. Not a change for the log:
 * its record expires by itself. */
static size_t head_expire(
    struct bindings *t, struct stripe *st, uint32_t at, usec_t wall, struct binding_set *s)
{
	struct head *h = head_at(t, at);
	struct place p = {.hash = h->hash, .stripe = st, .at = at};
	struct binding_record_sum sum;
	size_t total, n;
	struct span aor;

	if (h->n == 0) {
		bindings_head_settle(t, st, at, wall);
		return 0;
	}
	if (wall < h->first_expiry)
		return 0;
	n = bindings_head_read(t, h, s->in);
	if (binding_record_unpack(span_of(s->in, n), wall, &aor, s, &total) != OK ||
	    binding_record_pack(aor, s->items, s->n, s->out, &sum) != OK ||
	    bindings_place_store(t, &p, s->out, s->n, &sum) != OK)
		return 0; /* cannot happen: the record shrinks */
	total -= s->n;
	bindings_head_settle(t, st, at, wall);
	tell_expired(t, n, wall, s);
	return total;
}

size_t bindings_sweep(struct bindings *t, usec_t wall, size_t budget, struct binding_set *s)
{
	size_t freed = 0;

	for (budget = MIN(budget, t->n_buckets); budget; budget--) {
		size_t b = t->sweep_bucket;
		struct stripe *st;

		t->sweep_bucket = (b + 1) & (t->n_buckets - 1);
		if (!peek(&t->buckets[b]))
			continue;
		st = bucket_lock(t, b);
		for (uint32_t at = peek(&t->buckets[b]), next; at; at = next) {
			next = head_at(t, at)->chain;
			freed += head_expire(t, st, at, wall, s);
		}
		pthread_mutex_unlock(&st->lock);
	}
	count(&t->expired, (int64_t)freed);
	return freed;
}

size_t bindings_buckets(const struct bindings *t)
{
	return t->n_buckets;
}

/* ---- walking ---- */

/* Gathers the AoR of the bucket with the smallest hash >= *hash into s->in and sets *hash to it;
 * returns the length of the record, 0 when there is none. */
static size_t bucket_gather(struct bindings *t, size_t b, uint64_t *hash, struct binding_set *s)
{
	struct head *best = NULL;
	struct stripe *st;
	size_t n = 0;

	if (!peek(&t->buckets[b]))
		return 0;
	st = bucket_lock(t, b);
	for (uint32_t at = peek(&t->buckets[b]); at; at = head_at(t, at)->chain) {
		struct head *h = head_at(t, at);

		if (h->n && h->hash >= *hash && (!best || h->hash < best->hash))
			best = h;
	}
	if (best) {
		*hash = best->hash;
		n = bindings_head_read(t, best, s->in);
	}
	pthread_mutex_unlock(&st->lock);
	return n;
}

bool bindings_each(struct bindings *t, usec_t wall, struct bindings_cursor *cursor, size_t budget,
    struct binding_set *s, bindings_each_fn *fn, void *arg)
{
	for (; budget && cursor->bucket < t->n_buckets; budget--) {
		size_t n, total;
		struct span aor;

		while ((n = bucket_gather(t, cursor->bucket, &cursor->hash, s)) != 0) {
			bool more = true;

			if (binding_record_unpack(span_of(s->in, n), wall, &aor, s, &total) == OK &&
			    s->n) {
				binding_set_sort(s);
				more = fn(arg, aor, s);
			}
			if (cursor->hash++ == UINT64_MAX)
				break;
			if (!more)
				return true;
		}
		cursor->bucket++;
		cursor->hash = 0;
	}
	return cursor->bucket < t->n_buckets;
}

/* ---- the log's side ---- */

/* What the log holds of the AoR at h. */
static void head_logged(struct bindings *t, struct head *h, size_t frame_bytes, usec_t until)
{
	count(&t->logged_bytes, (int64_t)frame_bytes - (int64_t)h->logged_bytes);
	h->logged_bytes = (uint32_t)frame_bytes;
	h->logged_until = until;
}

/* Moves the frame of the first changed AoR of the stripe into b. False when it has no room there.
 */
static bool stripe_drain_one(struct bindings *t, struct stripe *st, usec_t wall, struct buf *b)
{
	char *frame = b->p + b->n;
	size_t n = 0, bytes;
	struct head *h;
	uint32_t at;
	bool fits;

	pthread_mutex_lock(&st->lock);
	at = peek(&st->dirty_first); /* a worker may have emptied the list since */
	h = head_at(t, at);
	bytes = BINDING_FRAME_HEAD + h->bytes;
	fits = !at || bytes <= b->cap - b->n;
	if (at && fits) {
		bindings_dirty_remove(t, st, at);
		if (h->n || h->logged_until > wall) {
			n = bindings_head_read(t, h, frame + BINDING_FRAME_HEAD);
			/* What says "none" is dead weight from the start. */
			head_logged(t, h, h->n ? bytes : 0, h->last_expiry);
		}
		bindings_head_settle(t, st, at, wall);
	}
	pthread_mutex_unlock(&st->lock);
	if (n) {
		binding_frame_seal(frame, n);
		b->n += BINDING_FRAME_HEAD + n;
	}
	return fits;
}

bool bindings_drain(struct bindings *t, usec_t wall, struct buf *b)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *st = &t->stripes[t->drain_stripe];

		while (peek(&st->dirty_first))
			if (!stripe_drain_one(t, st, wall, b))
				return true;
		t->drain_stripe = (t->drain_stripe + 1) & (STRIPES - 1);
	}
	return false;
}

bool bindings_mark(struct bindings *t, size_t *cursor, size_t budget)
{
	for (; budget && *cursor < t->n_buckets; budget--, ++*cursor) {
		struct stripe *st;

		if (!peek(&t->buckets[*cursor]))
			continue;
		st = bucket_lock(t, *cursor);
		for (uint32_t at = peek(&t->buckets[*cursor]); at; at = head_at(t, at)->chain)
			if (head_at(t, at)->n)
				bindings_dirty_add(t, st, at);
		pthread_mutex_unlock(&st->lock);
	}
	return *cursor < t->n_buckets;
}

enum err bindings_restore(
    struct bindings *t, struct span payload, usec_t wall, struct binding_set *s)
{
	struct binding_record_sum sum;
	size_t total, frame_bytes;
	struct span aor;
	struct place p;
	enum err e = binding_record_unpack(payload, wall, &aor, s, &total);

	if (e != OK)
		return e;
	for (size_t i = 0; i < s->n; i++)
		s->items[i].flow.conn = 0;
	e = binding_record_pack(aor, s->items, s->n, s->out, &sum);
	if (e != OK)
		return ERR_SYNTAX;
	frame_bytes = s->n ? BINDING_FRAME_HEAD + payload.n : 0;
	bindings_place_lock(t, aor, &p);
	if (!p.at || !head_at(t, p.at)->dirty)
		e = bindings_place_store(t, &p, s->out, s->n, &sum);
	if (e == OK && p.at) {
		head_logged(t, head_at(t, p.at), frame_bytes, sum.last_expiry);
		bindings_head_settle(t, p.stripe, p.at, wall);
	}
	bindings_place_unlock(&p);
	if (e == ERR_FULL)
		count(&t->refused, 1);
	return e;
}
