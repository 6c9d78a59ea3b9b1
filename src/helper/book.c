/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear probing, at most half full. Who is banned is chosen by strangers, so
 * the hash is keyed. */
#include "helper/book.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/siphash.h"

enum { LEAST = 1024 };

struct entry {
	struct prefix what;
	uint32_t until; /* 0: free */
};

struct book {
	struct siphash_key key;
	struct entry *entries;
	size_t cap, used; /* used: with those that ended and were not forgotten yet */
	size_t in_force;
	uint32_t counted; /* when */
};

enum err book_new(struct book **out_b)
{
	struct book *b = calloc(1, sizeof(*b));

	if (b)
		b->entries = calloc(LEAST, sizeof(*b->entries));
	if (!b || !b->entries || getrandom(&b->key, sizeof(b->key), 0) != (ssize_t)sizeof(b->key)) {
		book_free(b);
		return ERR_NOMEM;
	}
	b->cap = LEAST;
	*out_b = b;
	return OK;
}

void book_free(struct book *b)
{
	if (!b)
		return;
	free(b->entries);
	free(b);
}

void book_clear(struct book *b)
{
	memset(b->entries, 0, b->cap * sizeof(*b->entries));
	b->used = b->in_force = 0;
	b->counted = 0;
}

static struct entry *find(struct book *b, const struct prefix *what)
{
	char key[17];
	size_t i;

	memcpy(key, what->ip, 16);
	key[16] = (char)what->bits;
	i = (size_t)siphash13(&b->key, key, sizeof(key)) & (b->cap - 1);
	while (b->entries[i].until &&
	       (b->entries[i].what.bits != what->bits ||
		   memcmp(b->entries[i].what.ip, what->ip, sizeof(what->ip)) != 0))
		i = (i + 1) & (b->cap - 1);
	return &b->entries[i];
}

/* Into a table of `cap`, without those that ended. False: no memory, nothing changed. */
static bool rebuild(struct book *b, size_t cap, uint32_t now)
{
	struct entry *old = b->entries, *new = calloc(cap, sizeof(*new));
	size_t old_cap = b->cap;

	if (!new)
		return false;
	b->entries = new;
	b->cap = cap;
	b->used = 0;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].until > now) {
			*find(b, &old[i].what) = old[i];
			b->used++;
		}
	free(old);
	return true;
}

void book_set(struct book *b, const struct helper_ban *ban, uint32_t now)
{
	struct entry *e;

	if (2 * (b->used + 1) > b->cap) {
		if (!rebuild(b, b->cap, now))
			return;
		if (4 * b->used > b->cap && b->cap < 2 * BOOK_MAX && !rebuild(b, 2 * b->cap, now))
			return;
		if (2 * (b->used + 1) > b->cap)
			return;
	}
	e = find(b, &ban->what);
	b->counted = 0;
	if (!e->until) {
		if (!ban->seconds)
			return;
		b->used++;
	}
	/* One that was ended stays as a stone for those behind it until the next rebuild. */
	*e = (struct entry){ban->what, ban->seconds ? now + ban->seconds : 1};
}

size_t book_count(struct book *b, uint32_t now)
{
	if (b->counted == now)
		return b->in_force;
	b->in_force = 0;
	for (size_t i = 0; i < b->cap; i++)
		b->in_force += b->entries[i].until > now;
	b->counted = now;
	return b->in_force;
}
