/* SPDX-License-Identifier: MIT */
#include "edge/keys.h"

#define NONCE_KEY_AGE (24 * 60 * USEC_MIN)

static enum err save_nonce_keys(struct store *s, const struct nonce_keys *keys)
{
	uint8_t bytes[NONCE_KEYS_BYTES];

	nonce_keys_save(keys, bytes);
	return store_meta_put(s, SPAN("nonce-keys"), span_of((char *)bytes, sizeof(bytes)));
}

/* A key that has served for a day becomes the previous one at the next start. */
static enum err load_nonce_keys(struct store *s, usec_t wall, struct nonce_keys *out)
{
	uint8_t bytes[NONCE_KEYS_BYTES];
	struct buf b = buf_of((char *)bytes, sizeof(bytes));
	enum err e = store_meta_get(s, SPAN("nonce-keys"), &b);

	if (e == OK && nonce_keys_load(b.p, b.n, out) == OK) {
		if (!nonce_keys_due(out, wall, NONCE_KEY_AGE))
			return OK;
		e = nonce_keys_rotate(out, wall);
		return e == OK ? save_nonce_keys(s, out) : e;
	}
	if (e != OK && e != ERR_NOT_FOUND && e != ERR_FULL)
		return e;
	e = nonce_keys_init(out, wall);
	return e == OK ? save_nonce_keys(s, out) : e;
}

static enum err load_key(struct store *s, struct span name, struct siphash_key *out)
{
	struct siphash_key key;
	struct buf b = buf_of((char *)&key, sizeof(key));
	enum err e = store_meta_get(s, name, &b);

	if (e != OK && e != ERR_NOT_FOUND && e != ERR_FULL)
		return e;
	if (e != OK || b.n != sizeof(key)) {
		e = rng_system(&key, sizeof(key));
		if (e == OK)
			e = store_meta_put(s, name, span_of((char *)&key, sizeof(key)));
	}
	if (e == OK)
		*out = key;
	return e;
}

enum err keys_load(
    struct store *s, usec_t wall, struct nonce_keys *out_nonce, struct edge_keys *out_keys)
{
	struct edge_keys keys;
	enum err e = load_nonce_keys(s, wall, out_nonce);

	if (e == OK)
		e = load_key(s, SPAN("route-key"), &keys.token);
	if (e == OK)
		e = load_key(s, SPAN("tag-key"), &keys.tag);
	if (e == OK)
		e = rng_system(&keys.txn, sizeof(keys.txn));
	if (e == OK)
		e = rng_system(&keys.dummy, sizeof(keys.dummy));
	if (e == OK)
		*out_keys = keys;
	return e;
}
