/* SPDX-License-Identifier: MIT
 *
 * See bindings.h and, for the inside, bindings_impl.h: creating, finding, updating. */
#include "store/bindings.h"

#include <assert.h>
#include <endian.h>
#include <sys/mman.h>

#include "store/bindings_impl.h"

#define CELLS_EACH      2 /* cells provided for a binding */
#define HUGE_PAGE_BYTES (2u << 20)

/* ---- layout ---- */

struct layout {
	size_t n_buckets, n_cells, stripes_at, buckets_at, cells_at, bytes;
};

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static struct layout layout_of(size_t max_bindings)
{
	struct layout l = {.n_buckets = STRIPES, .n_cells = max_bindings * CELLS_EACH + 1};

	while (l.n_buckets < max_bindings)
		l.n_buckets *= 2;
	l.stripes_at = align_up(sizeof(struct bindings), CACHE_LINE);
	l.buckets_at = l.stripes_at + STRIPES * sizeof(struct stripe);
	l.cells_at = align_up(l.buckets_at + l.n_buckets * sizeof(uint32_t), sizeof(struct cell));
	l.bytes = l.cells_at + l.n_cells * sizeof(struct cell);
	return l;
}

size_t bindings_memory(size_t max_bindings)
{
	return layout_of(max_bindings).bytes;
}

enum err bindings_new(size_t max_bindings, const struct siphash_key *key, struct bindings **out_t)
{
	struct layout l;
	struct bindings *t;
	char *at;

	if (max_bindings == 0 || max_bindings > (UINT32_MAX - 1) / CELLS_EACH)
		return ERR_RANGE;
	l = layout_of(max_bindings);
	at = mmap(NULL, l.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return ERR_NOMEM;
	if (l.bytes >= 4 * HUGE_PAGE_BYTES) /* a refused hint costs only time */
		(void)madvise(at, l.bytes, MADV_HUGEPAGE);
	t = (struct bindings *)at;
	t->key = *key;
	t->max_bindings = max_bindings;
	t->n_buckets = l.n_buckets;
	t->mapped_bytes = l.bytes;
	t->stripes = (struct stripe *)(at + l.stripes_at);
	t->buckets = (_Atomic uint32_t *)(at + l.buckets_at);
	cells_init(&t->cells, (struct cell *)(at + l.cells_at), (uint32_t)l.n_cells);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&t->stripes[i].lock, NULL);
	*out_t = t;
	return OK;
}

void bindings_free(struct bindings *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&t->stripes[i].lock);
	cells_done(&t->cells);
	munmap(t, t->mapped_bytes);
}

static inline uint32_t cells_for(size_t bytes)
{
	return bytes <= HEAD_DATA ? 1
				  : 1 + (uint32_t)((bytes - HEAD_DATA + CELL_DATA - 1) / CELL_DATA);
}

size_t bindings_head_read(const struct bindings *t, const struct head *h, char *out)
{
	const char *more = (const char *)&t->cells.at[h->next];
	size_t n = MIN(h->bytes, HEAD_DATA);

	for (size_t i = 0; i < sizeof(struct cell); i += CACHE_LINE)
		__builtin_prefetch(more + i);
	cell_copy(out, h->data, n);
	cells_read(&t->cells, h->next, out + n, h->bytes - n);
	return h->bytes;
}

static bool record_is_of(const struct bindings *t, const struct head *h, struct span aor)
{
	char text[BINDING_AOR_MAX + BINDING_RECORD_HEAD];
	uint16_t n;

	memcpy(&n, h->data + BINDING_RECORD_HEAD - sizeof(n), sizeof(n));
	if (le16toh(n) != aor.n)
		return false;
	if (BINDING_RECORD_HEAD + aor.n <= HEAD_DATA)
		return memcmp(h->data + BINDING_RECORD_HEAD, aor.p, aor.n) == 0;
	memcpy(text, h->data, HEAD_DATA);
	memcpy(text + HEAD_DATA, t->cells.at[h->next].data, sizeof(text) - HEAD_DATA);
	return memcmp(text + BINDING_RECORD_HEAD, aor.p, aor.n) == 0;
}

_Static_assert(BINDING_AOR_MAX + BINDING_RECORD_HEAD <= HEAD_DATA + CELL_DATA,
    "an AoR spans two cells at most");

/* Lays out the live bindings of h. The bytes were packed by us. */
static void record_read(
    const struct bindings *t, const struct head *h, usec_t wall, struct binding_set *s)
{
	struct span aor;
	size_t total;
	enum err e = binding_record_unpack(
	    span_of(s->in, bindings_head_read(t, h, s->in)), wall, &aor, s, &total);

	assert(e == OK);
	if (e != OK)
		s->n = 0;
}

/* ---- finding ---- */

uint64_t bindings_prefetch(struct bindings *t, struct span aor)
{
	uint64_t hash = siphash13(&t->key, aor.p, aor.n);

	__builtin_prefetch(&t->buckets[hash & (t->n_buckets - 1)]);
	__builtin_prefetch(&t->stripes[hash & (STRIPES - 1)], 1);
	return hash;
}

void bindings_prefetch_record(struct bindings *t, uint64_t place)
{
	const char *head = (const char *)head_at(t, peek(&t->buckets[place & (t->n_buckets - 1)]));

	for (size_t i = 0; i < sizeof(struct head); i += CACHE_LINE)
		__builtin_prefetch(head + i, 1);
}

void bindings_place_lock(struct bindings *t, struct span aor, struct place *p)
{
	p->hash = siphash13(&t->key, aor.p, aor.n);
	p->bucket = &t->buckets[p->hash & (t->n_buckets - 1)];
	p->stripe = &t->stripes[p->hash & (STRIPES - 1)];
	__builtin_prefetch(p->bucket);
	pthread_mutex_lock(&p->stripe->lock);
	for (p->at = peek(p->bucket); p->at; p->at = head_at(t, p->at)->chain) {
		struct head *h = head_at(t, p->at);

		if (h->hash == p->hash && record_is_of(t, h, aor))
			break;
	}
}

/* ---- changed AoRs ---- */

void bindings_dirty_add(struct bindings *t, struct stripe *st, uint32_t at)
{
	struct head *h = head_at(t, at);

	if (h->dirty)
		return;
	h->dirty = true;
	h->dirty_next = 0;
	h->dirty_prev = peek(&st->dirty_first) ? st->dirty_last : 0;
	if (h->dirty_prev)
		head_at(t, h->dirty_prev)->dirty_next = at;
	else
		poke(&st->dirty_first, at);
	st->dirty_last = at;
	count(&t->dirty, 1);
}

void bindings_dirty_remove(struct bindings *t, struct stripe *st, uint32_t at)
{
	struct head *h = head_at(t, at);

	if (!h->dirty)
		return;
	h->dirty = false;
	if (h->dirty_prev)
		head_at(t, h->dirty_prev)->dirty_next = h->dirty_next;
	else
		poke(&st->dirty_first, h->dirty_next);
	if (h->dirty_next)
		head_at(t, h->dirty_next)->dirty_prev = h->dirty_prev;
	else
		st->dirty_last = h->dirty_prev;
	count(&t->dirty, -1);
}

/* ---- storing ---- */

/* Takes a head without bindings, that is in no list of changes, out of its bucket. */
static void head_free(struct bindings *t, uint32_t at)
{
	struct head *h = head_at(t, at);
	_Atomic uint32_t *bucket = &t->buckets[h->hash & (t->n_buckets - 1)];
	uint32_t c = peek(bucket);

	assert(h->n == 0 && !h->dirty);
	if (c == at) {
		poke(bucket, h->chain);
	} else {
		while (head_at(t, c)->chain != at)
			c = head_at(t, c)->chain;
		head_at(t, c)->chain = h->chain;
	}
	count(&t->logged_bytes, -(int64_t)h->logged_bytes);
	cells_give(&t->cells, at);
}

/* Gives the record at p as many cells as it needs, making the head when there is none. */
static bool place_resize(struct bindings *t, struct place *p, uint32_t need)
{
	uint32_t have = p->at ? cells_for(head_at(t, p->at)->bytes) : 0;
	uint32_t c = p->at, rest;
	struct head *h;

	if (need == have)
		return true;
	for (uint32_t i = 1; i < MIN(have, need); i++)
		c = t->cells.at[c].next;
	if (need < have) {
		rest = t->cells.at[c].next;
		t->cells.at[c].next = 0;
		cells_give(&t->cells, rest);
		return true;
	}
	rest = cells_take(&t->cells, need - have);
	if (!rest)
		return false;
	if (have) {
		t->cells.at[c].next = rest;
		return true;
	}
	h = head_at(t, rest);
	rest = h->next;
	memset(h, 0, offsetof(struct head, data));
	h->next = rest;
	h->hash = p->hash;
	h->chain = peek(p->bucket);
	p->at = (uint32_t)((struct cell *)h - t->cells.at);
	poke(p->bucket, p->at);
	return true;
}

/* Reserves k more bindings of the table's number. */
static bool bindings_reserve(struct bindings *t, int64_t k)
{
	uint64_t old = atomic_fetch_add_explicit(&t->bindings, (uint64_t)k, memory_order_relaxed);

	if (k <= 0 || old + (uint64_t)k <= t->max_bindings)
		return true;
	count(&t->bindings, -k);
	return false;
}

enum err bindings_place_store(struct bindings *t, struct place *p, const char *rec, size_t n,
    const struct binding_record_sum *sum)
{
	size_t had = p->at ? head_at(t, p->at)->n : 0;
	struct head *h;

	if (n == 0 && !p->at)
		return OK;
	if (!bindings_reserve(t, (int64_t)n - (int64_t)had))
		return ERR_FULL;
	if (!place_resize(t, p, cells_for(sum->bytes))) {
		count(&t->bindings, (int64_t)had - (int64_t)n);
		return ERR_FULL;
	}
	h = head_at(t, p->at);
	cell_copy(h->data, rec, MIN(sum->bytes, HEAD_DATA));
	if (sum->bytes > HEAD_DATA)
		cells_write(&t->cells, h->next, rec + HEAD_DATA, sum->bytes - HEAD_DATA);
	h->bytes = (uint32_t)sum->bytes;
	h->n = (uint16_t)n;
	h->first_expiry = sum->first_expiry;
	h->last_expiry = sum->last_expiry;
	count(&t->aors, (n > 0) - (had > 0));
	return OK;
}

void bindings_head_settle(struct bindings *t, struct stripe *st, uint32_t at, usec_t wall)
{
	struct head *h = head_at(t, at);

	if (!at || h->n || (h->dirty && h->logged_until > wall))
		return;
	bindings_dirty_remove(t, st, at);
	head_free(t, at);
}

/* Packs s, whose texts then stand in its packed form, and stores it as a change at wall. */
static enum err place_commit(
    struct bindings *t, struct place *p, struct span aor, usec_t wall, struct binding_set *s)
{
	struct binding_record_sum sum;
	size_t n = s->n;
	enum err e = binding_record_pack(aor, s->items, n, s->out, &sum);

	if (e == OK)
		e = bindings_place_store(t, p, s->out, n, &sum);
	if (e != OK)
		return e;
	if (p->at && (n || head_at(t, p->at)->logged_until > wall))
		bindings_dirty_add(t, p->stripe, p->at);
	bindings_head_settle(t, p->stripe, p->at, wall);
	return OK;
}

enum err bindings_update(struct bindings *t, struct span aor, usec_t wall, struct binding_set *s,
    bindings_edit_fn *edit, void *arg)
{
	enum err e = OK;
	size_t had = 0, live;
	struct place p;

	if (aor.n == 0 || aor.n > BINDING_AOR_MAX)
		return ERR_RANGE;
	bindings_place_lock(t, aor, &p);
	s->n = 0;
	if (p.at) {
		had = head_at(t, p.at)->n;
		record_read(t, head_at(t, p.at), wall, s);
	}
	live = s->n;
	if (edit(arg, s)) {
		e = place_commit(t, &p, aor, wall, s);
		if (e == OK)
			count(&t->expired, (int64_t)(had - live));
	}
	bindings_place_unlock(&p);
	if (e == ERR_FULL)
		count(&t->refused, 1);
	return e;
}

static bool edit_remove(void *arg, struct binding_set *s)
{
	size_t *removed = arg;

	*removed = s->n;
	s->n = 0;
	return *removed > 0;
}

size_t bindings_remove(struct bindings *t, struct span aor, usec_t wall, struct binding_set *s)
{
	size_t removed = 0;

	/* Shrinking cannot fail; an AoR out of range has no bindings. */
	return bindings_update(t, aor, wall, s, edit_remove, &removed) == OK ? removed : 0;
}

struct drop_conn {
	uint64_t conn;
	size_t touched;
};

static bool edit_drop_conn(void *arg, struct binding_set *s)
{
	struct drop_conn *d = arg;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct binding *b = &s->items[i];
		bool over_it = b->flow.conn == d->conn;

		d->touched += over_it;
		if (over_it && b->reg_id)
			continue;
		if (over_it)
			b->flow.conn = 0;
		s->items[n++] = *b;
	}
	s->n = n;
	return d->touched > 0;
}

size_t bindings_drop_conn(
    struct bindings *t, struct span aor, uint64_t conn, usec_t wall, struct binding_set *s)
{
	struct drop_conn d = {conn, 0};

	if (conn == 0)
		return 0;
	return bindings_update(t, aor, wall, s, edit_drop_conn, &d) == OK ? d.touched : 0;
}

void bindings_lookup(struct bindings *t, struct span aor, usec_t wall, struct binding_set *s)
{
	struct span rec = {s->in, 0};
	struct place p;
	size_t total;

	s->n = 0;
	if (aor.n == 0 || aor.n > BINDING_AOR_MAX)
		return;
	bindings_place_lock(t, aor, &p);
	if (p.at)
		rec.n = bindings_head_read(t, head_at(t, p.at), s->in);
	bindings_place_unlock(&p);
	if (rec.n == 0)
		return;
	if (binding_record_unpack(rec, wall, &aor, s, &total) != OK)
		s->n = 0;
	binding_set_sort(s);
}

void bindings_stats(struct bindings *t, struct bindings_stats *out_s)
{
	out_s->cells = cells_used(&t->cells);
	out_s->max_cells = t->cells.n - 1;
	out_s->max_bindings = t->max_bindings;
	out_s->bindings = counted(&t->bindings);
	out_s->aors = counted(&t->aors);
	out_s->dirty = counted(&t->dirty);
	out_s->refused_full = counted(&t->refused);
	out_s->expired = counted(&t->expired);
}

uint64_t bindings_logged_bytes(struct bindings *t)
{
	return counted(&t->logged_bytes);
}
