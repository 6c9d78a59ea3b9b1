/* SPDX-License-Identifier: MIT */
#include "guard/nonce.h"

/* Offsets of the binary form. */
enum {
	AT_KEY = 0,
	AT_ALG = 1,
	AT_TIME = 2,
	AT_SALT = 8,
	AT_REALM = 16,
	AT_SOURCE = 20,
	AT_MAC = 24,
	NONCE_BYTES = 36,
	MAC_BYTES = NONCE_BYTES - AT_MAC,
	TAG_BYTES = 4,
};

static const char keys_magic[4] = "RFN1";

enum { KEY_BYTES = 40, KEYS_HEAD = 4 };
_Static_assert(KEYS_HEAD + 2 * KEY_BYTES == NONCE_KEYS_BYTES, "size of a saved key set");
_Static_assert(NONCE_BYTES % 3 == 0 && NONCE_BYTES / 3 * 4 == NONCE_TEXT_LEN, "size of a nonce");

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static enum err key_make(struct nonce_key *k, uint8_t id, usec_t wall)
{
	struct siphash_key both[2];
	enum err e = rng_system(both, sizeof(both));

	if (e != OK)
		return e;
	*k = (struct nonce_key){both[0], both[1], wall / USEC_MS, id, true};
	return OK;
}

enum err nonce_keys_init(struct nonce_keys *out_keys, usec_t wall)
{
	struct nonce_keys keys = {0};
	uint8_t id;
	enum err e = rng_system(&id, sizeof(id));

	if (e == OK)
		e = key_make(&keys.current, id, wall);
	if (e == OK)
		*out_keys = keys;
	return e;
}

enum err nonce_keys_rotate(struct nonce_keys *keys, usec_t wall)
{
	struct nonce_key fresh;
	enum err e = key_make(&fresh, (uint8_t)(keys->current.id + 1), wall);

	if (e != OK)
		return e;
	keys->previous = keys->current;
	keys->current = fresh;
	return OK;
}

bool nonce_keys_due(const struct nonce_keys *keys, usec_t wall, usec_t period)
{
	usec_t created = keys->current.created_ms * USEC_MS;

	return wall > created && wall - created > period;
}

static void key_save(const struct nonce_key *k, uint8_t *p)
{
	const uint64_t words[] = {k->mac.k0, k->mac.k1, k->tag.k0, k->tag.k1};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		put_be(p + 8 * i, words[i], 8);
	put_be(p + 32, k->created_ms, 6);
	p[38] = k->id;
	p[39] = k->valid;
}

static enum err key_load(const uint8_t *p, struct nonce_key *k)
{
	if (p[39] > 1)
		return ERR_SYNTAX;
	*k = (struct nonce_key){.mac = {get_be(p, 8), get_be(p + 8, 8)},
	    .tag = {get_be(p + 16, 8), get_be(p + 24, 8)},
	    .created_ms = get_be(p + 32, 6),
	    .id = p[38],
	    .valid = p[39]};
	return OK;
}

void nonce_keys_save(const struct nonce_keys *keys, uint8_t out[NONCE_KEYS_BYTES])
{
	memcpy(out, keys_magic, KEYS_HEAD);
	key_save(&keys->current, out + KEYS_HEAD);
	key_save(&keys->previous, out + KEYS_HEAD + KEY_BYTES);
}

enum err nonce_keys_load(const void *bytes, size_t n, struct nonce_keys *out_keys)
{
	const uint8_t *p = bytes;
	struct nonce_keys keys;

	if (n != NONCE_KEYS_BYTES || memcmp(p, keys_magic, KEYS_HEAD) != 0)
		return ERR_SYNTAX;
	if (key_load(p + KEYS_HEAD, &keys.current) != OK || !keys.current.valid ||
	    key_load(p + KEYS_HEAD + KEY_BYTES, &keys.previous) != OK)
		return ERR_SYNTAX;
	*out_keys = keys;
	return OK;
}

/* Realms are compared without regard to case, as domains are. The first byte keeps the two uses of
 * the tag key apart. A realm is longer than 255 bytes only by a broken configuration. */
static uint32_t realm_tag(const struct nonce_key *k, struct span realm)
{
	uint8_t text[256];
	size_t n = MIN(realm.n, sizeof(text) - 1);

	text[0] = 'r';
	for (size_t i = 0; i < n; i++)
		text[i + 1] = ascii_lower((unsigned char)realm.p[i]);
	return (uint32_t)siphash24(&k->tag, text, n + 1);
}

static uint32_t source_tag(const struct nonce_key *k, const struct addr *source)
{
	uint8_t text[17] = {'s'};

	memcpy(text + 1, source->ip, addr_is_v4(source) ? 16 : 8);
	return (uint32_t)siphash24(&k->tag, text, sizeof(text));
}

static void mac_of(const struct nonce_key *k, const uint8_t raw[AT_MAC], uint8_t out[MAC_BYTES])
{
	uint8_t full[16];

	siphash24_128(&k->mac, raw, AT_MAC, full);
	memcpy(out, full, MAC_BYTES);
}

void nonce_mint(const struct nonce_keys *keys, struct rng *rng, enum digest_alg alg,
    struct span realm, const struct addr *source, usec_t wall, char out[NONCE_TEXT_LEN])
{
	const struct nonce_key *k = &keys->current;
	struct buf text = buf_of(out, NONCE_TEXT_LEN);
	uint8_t raw[NONCE_BYTES];

	raw[AT_KEY] = k->id;
	raw[AT_ALG] = (uint8_t)alg;
	put_be(raw + AT_TIME, wall / USEC_MS, 6);
	put_be(raw + AT_SALT, rng_u64(rng), 8);
	put_be(raw + AT_REALM, realm_tag(k, realm), TAG_BYTES);
	put_be(raw + AT_SOURCE, source_tag(k, source), TAG_BYTES);
	mac_of(k, raw, raw + AT_MAC);
	buf_add_base64url(&text, raw, sizeof(raw));
}

static const struct nonce_key *key_find(const struct nonce_keys *keys, uint8_t id)
{
	if (keys->current.id == id)
		return &keys->current;
	return keys->previous.valid && keys->previous.id == id ? &keys->previous : NULL;
}

/* A phone may come back after days with the nonce that it got last. When that is from before the
 * oldest key, it cannot be told from a forged one; it is taken for what it most likely is, and
 * since both are answered with a challenge, nothing is gained by pretending. */
static bool predates_keys(const struct nonce_keys *keys, uint64_t issued_ms)
{
	const struct nonce_key *oldest = keys->previous.valid ? &keys->previous : &keys->current;

	return issued_ms < oldest->created_ms;
}

/* What stands in a nonce that came back, its MAC judged. */
struct nonce_read {
	uint8_t raw[NONCE_BYTES];
	const struct nonce_key *key; /* that it was made with; NULL: we have none of that id */
	struct nonce_info info;
	bool genuine;
};

/* False: it has not even the form of one. */
static bool read_nonce(
    const struct nonce_keys *keys, struct span text, usec_t wall, struct nonce_read *out)
{
	uint8_t mac[MAC_BYTES];
	usec_t issued;

	if (text.n != NONCE_TEXT_LEN ||
	    base64url_decode(text, out->raw, sizeof(out->raw)) != NONCE_BYTES)
		return false;
	out->info.issued_ms = get_be(out->raw + AT_TIME, 6);
	out->info.id = get_be(out->raw + AT_SALT, 8);
	issued = out->info.issued_ms * USEC_MS;
	out->info.age = wall > issued ? wall - issued : 0;
	out->genuine = false;
	out->key = key_find(keys, out->raw[AT_KEY]);
	if (!out->key)
		return true;
	mac_of(out->key, out->raw, mac);
	out->genuine = span_eq_secret(
	    span_of((char *)mac, sizeof(mac)), span_of((char *)out->raw + AT_MAC, sizeof(mac)));
	return true;
}

static bool is_for_source(const struct nonce_read *n, const struct addr *source)
{
	return get_be(n->raw + AT_SOURCE, TAG_BYTES) == source_tag(n->key, source);
}

static bool is_from_future(const struct nonce_read *n, usec_t wall)
{
	usec_t issued = n->info.issued_ms * USEC_MS;

	return issued > wall && issued - wall > NONCE_FUTURE_MAX;
}

enum nonce_verdict nonce_verify(const struct nonce_keys *keys, struct span text,
    enum digest_alg alg, struct span realm, const struct addr *source, usec_t wall, usec_t lifetime,
    struct nonce_info *out_info)
{
	struct nonce_read n;

	*out_info = (struct nonce_info){0};
	if (!read_nonce(keys, text, wall, &n))
		return NONCE_FORGED;
	if (!n.key)
		return predates_keys(keys, n.info.issued_ms) ? NONCE_STALE : NONCE_FORGED;
	if (!n.genuine)
		return NONCE_FORGED;
	*out_info = n.info;
	if (n.raw[AT_ALG] != (uint8_t)alg)
		return NONCE_WRONG_ALGORITHM;
	if (get_be(n.raw + AT_REALM, TAG_BYTES) != realm_tag(n.key, realm))
		return NONCE_WRONG_REALM;
	if (!is_for_source(&n, source))
		return NONCE_WRONG_SOURCE;
	if (is_from_future(&n, wall))
		return NONCE_FROM_FUTURE;
	return n.info.age > lifetime ? NONCE_STALE : NONCE_FRESH;
}

bool nonce_was_given_to(const struct nonce_keys *keys, struct span text, const struct addr *source,
    usec_t wall, usec_t max_age)
{
	struct nonce_read n;

	return read_nonce(keys, text, wall, &n) && n.genuine && is_for_source(&n, source) &&
	       !is_from_future(&n, wall) && n.info.age <= max_age;
}
