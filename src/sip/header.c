/* SPDX-License-Identifier: MIT */
#include "sip/header.h"

#include "sip/header_slots.h"

#define NAME_MAX_LEN 24

/* Names are padded so that they can be compared in words. */
struct name {
	char text[NAME_MAX_LEN];
	uint8_t n;
	uint8_t flags;
	char compact;
};

static const struct name names[SIP_HEADER_COUNT] = {
#define NAME_ROW(id, name, compact, flags) \
	[SIP_HEADER_##id] = {name, sizeof(name) - 1, flags, compact},
    SIP_HEADER_TABLE(NAME_ROW)
#undef NAME_ROW
};

static const uint8_t compact_ids[26] = {
    ['a' - 'a'] = SIP_HEADER_ACCEPT_CONTACT,
    ['b' - 'a'] = SIP_HEADER_REFERRED_BY,
    ['c' - 'a'] = SIP_HEADER_CONTENT_TYPE,
    ['d' - 'a'] = SIP_HEADER_REQUEST_DISPOSITION,
    ['e' - 'a'] = SIP_HEADER_CONTENT_ENCODING,
    ['f' - 'a'] = SIP_HEADER_FROM,
    ['i' - 'a'] = SIP_HEADER_CALL_ID,
    ['j' - 'a'] = SIP_HEADER_REJECT_CONTACT,
    ['k' - 'a'] = SIP_HEADER_SUPPORTED,
    ['l' - 'a'] = SIP_HEADER_CONTENT_LENGTH,
    ['m' - 'a'] = SIP_HEADER_CONTACT,
    ['n' - 'a'] = SIP_HEADER_IDENTITY_INFO,
    ['o' - 'a'] = SIP_HEADER_EVENT,
    ['r' - 'a'] = SIP_HEADER_REFER_TO,
    ['s' - 'a'] = SIP_HEADER_SUBJECT,
    ['t' - 'a'] = SIP_HEADER_TO,
    ['u' - 'a'] = SIP_HEADER_ALLOW_EVENTS,
    ['v' - 'a'] = SIP_HEADER_VIA,
    ['x' - 'a'] = SIP_HEADER_SESSION_EXPIRES,
    ['y' - 'a'] = SIP_HEADER_IDENTITY,
};

static uint64_t load8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t load4_little(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

/* Both ends of the name in lower case, and its length. Only a hash: the comparison decides. */
static uint64_t name_key(struct span name)
{
	uint64_t ends = load4_little(name.p) | (uint64_t)load4_little(name.p + name.n - 4) << 32;

	return (ends | UINT64_C(0x2020202020202020)) ^
	       ((uint64_t)name.n * UINT64_C(0x9e3779b97f4a7c15));
}

static uint32_t load4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The usual spelling is compared in words; another one octet by octet. */
static bool name_equal(struct span name, const struct name *known)
{
	if (name.n != known->n)
		return false;
	if (name.n >= 8) {
		if (load8(name.p) == load8(known->text) &&
		    load8(name.p + name.n - 8) == load8(known->text + name.n - 8) &&
		    (name.n <= 16 || load8(name.p + 8) == load8(known->text + 8)))
			return true;
	} else if (load4(name.p) == load4(known->text) &&
		   load4(name.p + name.n - 4) == load4(known->text + name.n - 4)) {
		return true;
	}
	return span_ieq(name, span_of(known->text, known->n));
}

/* Lower case of what turns out to be a letter; a letter comes from letters alone. */
static enum sip_header_id short_name(struct span name)
{
	unsigned c;

	if (name.n == 0)
		return SIP_HEADER_OTHER;
	c = (unsigned char)name.p[0] | 0x20;
	if (name.n == 1)
		return c - 'a' < sizeof(compact_ids) ? compact_ids[c - 'a'] : SIP_HEADER_OTHER;
	if (name.n == 2)
		return c == 't' && (name.p[1] | 0x20) == 'o' ? SIP_HEADER_TO : SIP_HEADER_OTHER;
	return c == 'v' && (name.p[1] | 0x20) == 'i' && (name.p[2] | 0x20) == 'a'
		   ? SIP_HEADER_VIA
		   : SIP_HEADER_OTHER;
}

enum sip_header_id sip_header_from(struct span name)
{
	enum sip_header_id id;

	if (name.n < 4)
		return short_name(name);
	if (name.n > NAME_MAX_LEN)
		return SIP_HEADER_OTHER;
	id = name_slots[name_key(name) * NAME_HASH_FACTOR >> (64 - NAME_HASH_BITS)];
	return id != SIP_HEADER_OTHER && name_equal(name, &names[id]) ? id : SIP_HEADER_OTHER;
}

static const struct name *entry(enum sip_header_id id)
{
	return &names[(unsigned)id < SIP_HEADER_COUNT ? id : SIP_HEADER_OTHER];
}

struct span sip_header_name(enum sip_header_id id)
{
	return span_of(entry(id)->text, entry(id)->n);
}

char sip_header_compact(enum sip_header_id id)
{
	return entry(id)->compact;
}

unsigned sip_header_flags(enum sip_header_id id)
{
	return entry(id)->flags;
}
