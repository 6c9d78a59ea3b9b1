/* SPDX-License-Identifier: MIT
 *
 * Layout, bytes: version 1 · two ends {kind 1, listener 2, port 2, address 4 or 16, connection 0 or
 * 8} · caller tag 4 · parties 4 · SipHash-2-4 of all before 8. The code is 64 bits: a guess costs a
 * message each, and a wrong one is a finding. */
#include "edge/token.h"

enum { VERSION = 1, KIND_TRANSPORT = 0x07, KIND_V6 = 0x08, KIND_CONN = 0x10, MAC_BYTES = 8 };

#define BYTES_MAX (1 + 2 * (1 + 2 + 2 + 16 + 8) + 4 + 4 + MAC_BYTES)

static void put_be(struct buf *b, uint64_t v, unsigned bytes)
{
	while (bytes--)
		buf_add_char(b, (char)(v >> (8 * bytes)));
}

static void put_end(struct buf *b, const struct flow *f)
{
	bool v6 = !addr_is_v4(&f->remote);
	unsigned kind = (unsigned)f->transport | (v6 ? KIND_V6 : 0) | (f->conn ? KIND_CONN : 0);

	put_be(b, kind, 1);
	put_be(b, f->listener, 2);
	put_be(b, f->remote.port, 2);
	buf_add(b, (const char *)f->remote.ip + (v6 ? 0 : 12), v6 ? 16 : 4);
	if (f->conn)
		put_be(b, f->conn, 8);
}

void route_token_write(struct buf *b, const struct route_token *t, const struct siphash_key *key)
{
	char bytes[BYTES_MAX];
	struct buf raw = BUF(bytes);

	put_be(&raw, VERSION, 1);
	put_end(&raw, &t->ends[0]);
	put_end(&raw, &t->ends[1]);
	put_be(&raw, t->caller_tag, 4);
	put_be(&raw, t->parties, 4);
	put_be(&raw, siphash24(key, raw.p, raw.n), MAC_BYTES);
	buf_add_base64url(b, raw.p, raw.n);
}

/* Reads n big-endian bytes; false when there are not so many. */
static bool get_be(struct span *s, unsigned n, uint64_t *out_v)
{
	uint64_t v = 0;

	if (s->n < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | (unsigned char)s->p[i];
	*s = span_of(s->p + n, s->n - n);
	*out_v = v;
	return true;
}

static bool get_end(struct span *s, struct flow *out_f)
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct flow f = {0};
	uint64_t kind, listener, port;

	if (!get_be(s, 1, &kind) || !get_be(s, 2, &listener) || !get_be(s, 2, &port))
		return false;
	f.transport = (enum transport)(kind & KIND_TRANSPORT);
	f.listener = (uint16_t)listener;
	f.remote.port = (uint16_t)port;
	size_t ip = kind & KIND_V6 ? 16 : 4;

	if (s->n < ip || f.transport == TRANSPORT_NONE || f.transport >= TRANSPORT_COUNT)
		return false;
	if (ip == 4)
		memcpy(f.remote.ip, v4_mapped, sizeof(v4_mapped));
	memcpy(f.remote.ip + 16 - ip, s->p, ip);
	*s = span_of(s->p + ip, s->n - ip);
	if (kind & KIND_CONN && !get_be(s, 8, &f.conn))
		return false;
	*out_f = f;
	return true;
}

enum err route_token_read(
    struct span text, const struct siphash_key *key, struct route_token *out_t)
{
	unsigned char bytes[BYTES_MAX];
	struct route_token t;
	uint64_t version, tag, parties, mac;
	long n = base64url_decode(text, bytes, sizeof(bytes));

	if (n <= MAC_BYTES)
		return ERR_SYNTAX;
	struct span s = span_of((const char *)bytes, (size_t)n);
	struct span tail = span_of(s.p + s.n - MAC_BYTES, MAC_BYTES);

	if (!get_be(&s, 1, &version) || version != VERSION)
		return ERR_SYNTAX;
	if (!get_be(&tail, MAC_BYTES, &mac) || mac != siphash24(key, bytes, (size_t)n - MAC_BYTES))
		return ERR_DENIED;
	if (!get_end(&s, &t.ends[0]) || !get_end(&s, &t.ends[1]) || !get_be(&s, 4, &tag) ||
	    !get_be(&s, 4, &parties) || s.n != MAC_BYTES)
		return ERR_SYNTAX;
	t.caller_tag = (uint32_t)tag;
	t.parties = (uint32_t)parties;
	*out_t = t;
	return OK;
}

uint32_t route_token_tag(struct span call_id, struct span tag, const struct siphash_key *key)
{
	struct siphash_key k = *key;

	k.k0 ^= siphash24(key, call_id.p, call_id.n);
	return (uint32_t)siphash24(&k, tag.p, tag.n);
}

static uint32_t party(const struct sip_uri *uri, const struct siphash_key *key)
{
	struct siphash_key k = *key;

	k.k1 ^= siphash24(key, uri->user.p, uri->user.n);
	return (uint32_t)siphash24(&k, uri->host.text.p, uri->host.text.n);
}

uint32_t route_token_parties(
    const struct sip_uri *from, const struct sip_uri *to, const struct siphash_key *key)
{
	return party(from, key) + party(to, key);
}
