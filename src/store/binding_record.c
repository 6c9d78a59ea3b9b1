/* SPDX-License-Identifier: MIT
 *
 * See binding_record.h. Writing trusts its caller's sizes after one check; reading trusts nothing,
 * since the bytes may come from a damaged file. */
#include "store/binding_record.h"

#include <endian.h>

#include "base/siphash.h"
#include "store/cells.h"

/* Not a secret: it tells damage from data, not friend from foe. */
static const struct siphash_key checksum_key = {0x72696e6766656e63, BINDING_RECORD_VERSION};

#define PUT(name, type, swap)                     \
	static inline char *name(char *p, type v) \
	{                                         \
		v = swap(v);                      \
		memcpy(p, &v, sizeof(v));         \
		return p + sizeof(v);             \
	}
#define GET(name, type, swap)                   \
	static inline type name(const char **p) \
	{                                       \
		type v;                         \
                                                \
		memcpy(&v, *p, sizeof(v));      \
		*p += sizeof(v);                \
		return swap(v);                 \
	}

PUT(put16, uint16_t, htole16)
PUT(put32, uint32_t, htole32)
PUT(put64, uint64_t, htole64)
GET(get16, uint16_t, le16toh)
GET(get32, uint32_t, le32toh)
GET(get64, uint64_t, le64toh)

static inline char *put_span(char *p, struct span s)
{
	if (s.n)
		cell_copy(p, s.p, s.n);
	return p + s.n;
}

static inline char *put_addr(char *p, const struct addr *a)
{
	memcpy(p, a->ip, sizeof(a->ip));
	p = put16(p + sizeof(a->ip), a->port);
	return put32(p, a->scope);
}

static inline void get_addr(const char **p, struct addr *a)
{
	memcpy(a->ip, *p, sizeof(a->ip));
	*p += sizeof(a->ip);
	a->port = get16(p);
	a->pad = 0;
	a->scope = get32(p);
}

static bool binding_fits(const struct binding *b)
{
	return b->contact.n && b->contact.n <= BINDING_CONTACT_MAX &&
	       b->call_id.n <= BINDING_CALL_ID_MAX && b->path.n <= BINDING_PATH_MAX &&
	       b->instance.n <= BINDING_INSTANCE_MAX && b->q <= BINDING_Q_MAX &&
	       b->flow.transport < TRANSPORT_COUNT;
}

/* Copies a text; from then on it is the copy. */
static inline char *move_span(char *p, struct span *s)
{
	char *end = put_span(p, *s);

	s->p = p;
	return end;
}

static char *pack_binding(char *p, struct binding *b)
{
	b->user_agent.n = MIN(b->user_agent.n, BINDING_USER_AGENT_MAX);
	p = put64(p, b->expires_at);
	p = put64(p, b->registered_at);
	p = put64(p, b->updated_at);
	p = put32(p, b->cseq);
	p = put32(p, b->reg_id);
	p = put64(p, b->flow.conn);
	p = put_addr(p, &b->flow.remote);
	p = put_addr(p, &b->flow.local);
	p = put16(p, b->flow.listener);
	p = put16(p, b->q);
	p = put16(p, (uint16_t)b->contact.n);
	p = put16(p, (uint16_t)b->call_id.n);
	p = put16(p, (uint16_t)b->path.n);
	*p++ = (char)b->instance.n;
	*p++ = (char)b->user_agent.n;
	*p++ = (char)b->flow.transport;
	p = move_span(p, &b->contact);
	p = move_span(p, &b->call_id);
	p = move_span(p, &b->path);
	p = move_span(p, &b->instance);
	return move_span(p, &b->user_agent);
}

enum err binding_record_pack(
    struct span aor, struct binding *items, size_t n, char *out, struct binding_record_sum *out_sum)
{
	struct binding_record_sum sum = {0};
	char *p = out;

	if (aor.n == 0 || aor.n > BINDING_AOR_MAX || n > BINDING_CONTACTS_MAX)
		return ERR_RANGE;
	*p++ = BINDING_RECORD_VERSION;
	*p++ = 0;
	p = put16(p, (uint16_t)n);
	p = put16(p, (uint16_t)aor.n);
	p = put_span(p, aor);
	for (size_t i = 0; i < n; i++) {
		if (!binding_fits(&items[i]))
			return ERR_RANGE;
		p = pack_binding(p, &items[i]);
		sum.last_expiry = MAX(sum.last_expiry, items[i].expires_at);
		if (i == 0 || items[i].expires_at < sum.first_expiry)
			sum.first_expiry = items[i].expires_at;
	}
	sum.bytes = (size_t)(p - out);
	*out_sum = sum;
	return OK;
}

static inline struct span take(const char **p, size_t n)
{
	struct span s = {*p, n};

	*p += n;
	return s;
}

/* False when the bytes up to end are no binding. */
static bool unpack_binding(const char **at, const char *end, struct binding *b)
{
	const char *p = *at;
	size_t contact, call_id, path, instance, ua;

	if (end - p < BINDING_RECORD_FIXED)
		return false;
	b->expires_at = get64(&p);
	b->registered_at = get64(&p);
	b->updated_at = get64(&p);
	b->cseq = get32(&p);
	b->reg_id = get32(&p);
	b->flow.conn = get64(&p);
	get_addr(&p, &b->flow.remote);
	get_addr(&p, &b->flow.local);
	b->flow.listener = get16(&p);
	b->q = get16(&p);
	contact = get16(&p);
	call_id = get16(&p);
	path = get16(&p);
	instance = (unsigned char)*p++;
	ua = (unsigned char)*p++;
	b->flow.transport = (enum transport)(unsigned char)*p++;
	if ((size_t)(end - p) < contact + call_id + path + instance + ua ||
	    ua > BINDING_USER_AGENT_MAX)
		return false;
	b->contact = take(&p, contact);
	b->call_id = take(&p, call_id);
	b->path = take(&p, path);
	b->instance = take(&p, instance);
	b->user_agent = take(&p, ua);
	*at = p;
	return binding_fits(b);
}

enum err binding_record_unpack(
    struct span rec, usec_t wall, struct span *out_aor, struct binding_set *s, size_t *out_total)
{
	const char *p = rec.p, *end = rec.p + rec.n;
	size_t total, aor_len;
	struct span aor;

	if (rec.n < BINDING_RECORD_HEAD || *p++ != BINDING_RECORD_VERSION || *p++ != 0)
		return ERR_SYNTAX;
	total = get16(&p);
	aor_len = get16(&p);
	if (aor_len == 0 || aor_len > BINDING_AOR_MAX || aor_len > (size_t)(end - p) ||
	    total > s->cap)
		return ERR_SYNTAX;
	aor = take(&p, aor_len);
	s->n = 0;
	for (size_t i = 0; i < total; i++) {
		struct binding *b = &s->items[s->n];

		if (!unpack_binding(&p, end, b))
			return ERR_SYNTAX;
		if (wall < b->expires_at)
			s->n++;
	}
	if (p != end)
		return ERR_SYNTAX;
	*out_aor = aor;
	*out_total = total;
	return OK;
}

static uint32_t checksum(const char *p, size_t n)
{
	return (uint32_t)siphash13(&checksum_key, p, n);
}

void binding_frame_seal(char *frame, size_t n)
{
	put32(frame, (uint32_t)n);
	put32(frame + 4, checksum(frame + BINDING_FRAME_HEAD, n));
}

enum binding_frame binding_frame_next(struct span *rest, struct span *out_payload)
{
	const char *p = rest->p;
	size_t n;
	uint32_t sum;

	if (rest->n == 0)
		return BINDING_FRAME_END;
	if (rest->n < BINDING_FRAME_HEAD) {
		rest->n = 0;
		return BINDING_FRAME_TORN;
	}
	n = get32(&p);
	sum = get32(&p);
	if (n > rest->n - BINDING_FRAME_HEAD || n < BINDING_RECORD_HEAD || n > BINDING_RECORD_MAX) {
		rest->n = 0;
		return BINDING_FRAME_TORN;
	}
	rest->p = p + n;
	rest->n -= BINDING_FRAME_HEAD + n;
	if (checksum(p, n) != sum)
		return BINDING_FRAME_DAMAGED;
	*out_payload = span_of(p, n);
	return BINDING_FRAME_OK;
}
