/* SPDX-License-Identifier: MIT
 *
 * HEP3 (the Homer encapsulation protocol, revision 12): chunks of vendor, type, length, value. The
 * message itself is not kept in an event, so the payload is the event as JSON, of the type "log"
 * (100), tied to the call by its Call-ID (chunk 0x11). The verdict has chunks of a vendor of our
 * own, for capture servers that sort by it:
 *
 *   0x5246 0x0001  verdict: pass, challenge, reply, drop
 *   0x5246 0x0002  reason
 *   0x5246 0x0003  score in thousandths, 32 bits
 *   0x5246 0x0004  tier, or empty */
#include <math.h>

#include "event/format.h"

enum { VENDOR_NONE = 0, VENDOR_OURS = 0x5246 };

enum {
	CHUNK_FAMILY = 1,
	CHUNK_PROTOCOL = 2,
	CHUNK_SOURCE4 = 3,
	CHUNK_DESTINATION4 = 4,
	CHUNK_SOURCE6 = 5,
	CHUNK_DESTINATION6 = 6,
	CHUNK_SOURCE_PORT = 7,
	CHUNK_DESTINATION_PORT = 8,
	CHUNK_SECONDS = 9,
	CHUNK_MICROSECONDS = 10,
	CHUNK_TYPE = 11,
	CHUNK_CAPTURE_ID = 12,
	CHUNK_PAYLOAD = 15,
	CHUNK_CORRELATION = 17,
	CHUNK_NODE = 19,
	CHUNK_OUR_VERDICT = 1,
	CHUNK_OUR_REASON = 2,
	CHUNK_OUR_SCORE = 3,
	CHUNK_OUR_TIER = 4
};

enum { TYPE_LOG = 100, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, FAMILY_4 = 2, FAMILY_6 = 10 };

static void add_u16(struct buf *b, unsigned v)
{
	buf_add_char(b, (char)(v >> 8));
	buf_add_char(b, (char)v);
}

static void add_head(struct buf *b, unsigned vendor, unsigned type, size_t n)
{
	add_u16(b, vendor);
	add_u16(b, type);
	add_u16(b, (unsigned)n + 6);
}

static void add_span_chunk(struct buf *b, unsigned vendor, unsigned type, struct span s)
{
	add_head(b, vendor, type, s.n);
	buf_add_span(b, s);
}

static void add_u8_chunk(struct buf *b, unsigned type, unsigned v)
{
	add_head(b, VENDOR_NONE, type, 1);
	buf_add_char(b, (char)v);
}

static void add_u16_chunk(struct buf *b, unsigned type, unsigned v)
{
	add_head(b, VENDOR_NONE, type, 2);
	add_u16(b, v);
}

static void add_u32_chunk(struct buf *b, unsigned vendor, unsigned type, uint32_t v)
{
	add_head(b, vendor, type, 4);
	add_u16(b, v >> 16);
	add_u16(b, v & 0xffff);
}

/* An event about no source, or whose local address is not known, has 0.0.0.0 or ::. */
static void add_addresses(struct buf *b, const struct event *e)
{
	const bool v4 = !event_has_source(e) || addr_is_v4(&e->source);
	const size_t skip = v4 ? 12 : 0, n = sizeof(e->source.ip) - skip;
	static const struct addr nowhere;
	const struct addr *to = addr_is_v4(&e->local) == v4 ? &e->local : &nowhere;

	add_u8_chunk(b, CHUNK_FAMILY, v4 ? FAMILY_4 : FAMILY_6);
	add_u8_chunk(b, CHUNK_PROTOCOL, e->transport > TRANSPORT_UDP ? PROTOCOL_TCP : PROTOCOL_UDP);
	add_span_chunk(b, VENDOR_NONE, v4 ? CHUNK_SOURCE4 : CHUNK_SOURCE6,
	    span_of((const char *)e->source.ip + skip, n));
	add_span_chunk(b, VENDOR_NONE, v4 ? CHUNK_DESTINATION4 : CHUNK_DESTINATION6,
	    span_of((const char *)to->ip + skip, n));
	add_u16_chunk(b, CHUNK_SOURCE_PORT, e->source.port);
	add_u16_chunk(b, CHUNK_DESTINATION_PORT, e->local.port);
}

static void add_ours(struct buf *b, const struct event *e)
{
	float milli = e->score * 1000;

	add_span_chunk(b, VENDOR_OURS, CHUNK_OUR_VERDICT, span_str(event_verdict_name(e->verdict)));
	add_span_chunk(b, VENDOR_OURS, CHUNK_OUR_REASON, span_str(reason_name(e->reason)));
	add_u32_chunk(b, VENDOR_OURS, CHUNK_OUR_SCORE,
	    milli > 0 && milli < 4e9f ? (uint32_t)lrintf(milli) : 0);
	add_span_chunk(b, VENDOR_OURS, CHUNK_OUR_TIER, span_str(event_tier_name(e->tier)));
}

void event_write_hep(
    const struct event *e, struct span json, struct span node, uint32_t capture_id, struct buf *b)
{
	const struct span call_id = event_text(e, EVENT_TEXT_CALL_ID);
	const size_t begin = b->n;
	size_t n;

	buf_add_lit(b, "HEP3\0\0");
	add_addresses(b, e);
	add_u32_chunk(b, VENDOR_NONE, CHUNK_SECONDS, (uint32_t)(e->wall / USEC_SEC));
	add_u32_chunk(b, VENDOR_NONE, CHUNK_MICROSECONDS, (uint32_t)(e->wall % USEC_SEC));
	add_u8_chunk(b, CHUNK_TYPE, TYPE_LOG);
	add_u32_chunk(b, VENDOR_NONE, CHUNK_CAPTURE_ID, capture_id);
	add_span_chunk(b, VENDOR_NONE, CHUNK_NODE, node);
	if (call_id.n)
		add_span_chunk(b, VENDOR_NONE, CHUNK_CORRELATION, call_id);
	add_ours(b, e);
	add_span_chunk(b, VENDOR_NONE, CHUNK_PAYLOAD, json);
	if (b->overflow)
		return;
	n = b->n - begin;
	b->p[begin + 4] = (char)(n >> 8);
	b->p[begin + 5] = (char)n;
}
