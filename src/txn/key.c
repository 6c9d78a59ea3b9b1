/* SPDX-License-Identifier: MIT */
#include "txn/key.h"

#include "base/attr.h"

/* What is hashed: one byte for the kind of key, then the parts, each with its length before it, so
 * that no two lists of parts give the same bytes. A part that does not fit stands as its own hash,
 * marked as such: parts may have any length. */
struct input {
	const struct siphash_key *k;
	size_t n;
	uint8_t data[512];
};

enum key_kind { KEY_SERVER = 1, KEY_SERVER_OLD, KEY_CLIENT };

#define HASH_SIZE   16
#define PART_HASHED 0xffff /* in the place of the length */
#define PARTS_MAX   8

static void begin(struct input *in, const struct siphash_key *k, enum key_kind kind)
{
	in->k = k;
	in->data[0] = (uint8_t)kind;
	in->n = 1;
}

static uint8_t *add_length(struct input *in, unsigned n)
{
	in->data[in->n] = (uint8_t)(n >> 8);
	in->data[in->n + 1] = (uint8_t)n;
	in->n += 2;
	return in->data + in->n;
}

static void add(struct input *in, struct span s, bool fold)
{
	/* What is left of the reserve holds the hashes of the parts still to come. */
	size_t limit = sizeof(in->data) - PARTS_MAX * (2 + HASH_SIZE);
	uint8_t *p;

	if (UNLIKELY(s.n > limit || in->n + 2 + s.n > limit)) {
		p = add_length(in, PART_HASHED);
		siphash13_128(in->k, s.p, s.n, p);
		in->n += HASH_SIZE;
		return;
	}
	p = add_length(in, (unsigned)s.n);
	if (fold)
		ascii_lower_copy((char *)p, s.p, s.n);
	else if (s.n)
		memcpy(p, s.p, s.n);
	in->n += s.n;
}

static void finish(const struct input *in, struct txn_key *out_key)
{
	siphash13_128(in->k, in->data, in->n, out_key->b);
}

/* The ACK of a non-2xx response belongs to its INVITE. */
static struct span class_of(struct span method)
{
	return span_eq(method, SPAN("ACK")) ? SPAN("INVITE") : method;
}

bool txn_branch_is_magic(struct span branch)
{
	return branch.n > 7 && span_istarts(branch, SPAN("z9hG4bK"));
}

void txn_key_server(const struct siphash_key *k, struct span branch, struct span sent_by,
    struct span method, struct txn_key *out_key)
{
	struct input in;

	begin(&in, k, KEY_SERVER);
	add(&in, branch, true);
	add(&in, sent_by, true);
	add(&in, class_of(method), false);
	finish(&in, out_key);
}

void txn_key_server_old(const struct siphash_key *k, const struct txn_old *old, struct span method,
    struct txn_key *out_key)
{
	struct span class = class_of(method);
	struct input in;

	begin(&in, k, KEY_SERVER_OLD);
	add(&in, class, false);
	add(&in, old->uri, false);
	add(&in, span_eq(class, SPAN("INVITE")) ? SPAN("") : old->to_tag, false);
	add(&in, old->from_tag, false);
	add(&in, old->call_id, false);
	add(&in, old->via, false);
	add(&in, span_of((const char *)&old->cseq, sizeof(old->cseq)), false);
	finish(&in, out_key);
}

void txn_key_client(
    const struct siphash_key *k, struct span branch, struct span method, struct txn_key *out_key)
{
	struct input in;

	begin(&in, k, KEY_CLIENT);
	add(&in, branch, true);
	add(&in, class_of(method), false);
	finish(&in, out_key);
}
