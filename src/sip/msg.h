/* SPDX-License-Identifier: MIT
 *
 * A SIP message as spans into one buffer, parsed in one pass; immutable afterwards. The message
 * borrows the buffer and the caller's header array: both must outlive it. Changes are edits
 * (sip/edit.h).
 *
 * sip_msg_parse refuses only what is no SIP message. A typed field that is malformed leaves the
 * message standing with `fault` set to the first such fault, so that sip_check can have it
 * answered. */
#ifndef SIP_MSG_H
#define SIP_MSG_H

#include "sip/header.h"
#include "sip/method.h"
#include "sip/nameaddr.h"
#include "sip/uri.h"
#include "sip/via.h"

#define SIP_HEADER_NONE UINT16_MAX

enum sip_header_form {
	SIP_FORM_CLEAN = 1,   /* "Name: value CRLF" to the letter */
	SIP_FORM_FOLDED = 2,  /* the value holds line folds (CR LF white space) */
	SIP_FORM_ESCAPED = 4, /* a quoted-pair holds a control character; never forwarded as such */
};

struct sip_header {
	struct span name; /* as spelled, without white space before the colon */
	struct span
	    value;      /* trimmed; may hold folds, which every value parser reads as white space */
	uint32_t raw_n; /* octets from name.p to the end of the line, line end included */
	uint16_t next;  /* index of the next header of this id, or SIP_HEADER_NONE */
	uint8_t id;     /* enum sip_header_id */
	uint8_t form;   /* bits of enum sip_header_form */
};

struct sip_msg {
	struct span text;        /* start line to end of body */
	struct span head;        /* start line to the empty line, that included */
	struct span start_line;  /* without line end */
	struct span body;        /* cut to Content-Length where there is one */
	struct span method_name; /* requests */
	struct span uri;         /* requests; not parsed: see sip_parts */
	struct span phrase;      /* responses: the reason phrase */
	enum sip_method method;  /* requests; responses have that of their CSeq */
	uint16_t status;         /* responses: 100..699; requests: 0 */
	uint16_t n_headers;
	uint16_t n_unclean;  /* headers that are not SIP_FORM_CLEAN */
	uint16_t n_repeated; /* headers that are not the first of their id */
	bool is_request;
	bool start_clean; /* the start line is canonical and ends in CRLF */

	struct span call_id; /* empty when absent */
	struct span cseq_method_name;
	enum sip_method cseq_method;
	uint32_t cseq;
	bool has_cseq;          /* cseq and cseq_method are valid */
	bool has_via;           /* via is valid */
	int16_t max_forwards;   /* 0..255, -1 when absent or malformed */
	int64_t content_length; /* -1 when absent or malformed */
	struct sip_via via;     /* the topmost value */

	struct sip_parse_error fault; /* reason SIP_BAD_NONE when all eager fields are sound */

	struct sip_header *headers;
	uint64_t seen[2];                 /* bit id is set: the next three are valid for that id */
	uint16_t first[SIP_HEADER_COUNT]; /* index of the first header of an id */
	uint16_t last[SIP_HEADER_COUNT];
	uint16_t count[SIP_HEADER_COUNT];
};

_Static_assert(SIP_HEADER_COUNT <= 128, "seen has 128 bits");

/* Parses one message. `bytes` is a datagram, or exactly one message that sip_frame_next cut out.
 * Line ends before the start line are skipped; lines may end in LF alone (not forwarded that way).
 * Octets behind Content-Length are ignored (RFC 3261 §18.3); fewer octets are fault BODY_SHORT.
 * At most `cap` headers. On SIP_BAD *out_msg is consistent, holds what stood before the fault, and
 * may serve to record or to answer the message (sip_msg_is_answerable), never to forward it. */
NODISCARD enum sip_parse sip_msg_parse(struct span bytes, const struct sip_limits *limits,
    struct sip_header *headers, size_t cap, struct sip_msg *out_msg,
    struct sip_parse_error *out_error);

static inline bool sip_msg_has(const struct sip_msg *msg, enum sip_header_id id)
{
	return (msg->seen[id >> 6] >> (id & 63)) & 1;
}

/* The first header of an id, or NULL. O(1). */
static inline const struct sip_header *sip_msg_header(
    const struct sip_msg *msg, enum sip_header_id id)
{
	return sip_msg_has(msg, id) ? &msg->headers[msg->first[id]] : NULL;
}

/* The next header of the same id, or NULL. */
static inline const struct sip_header *sip_msg_next(
    const struct sip_msg *msg, const struct sip_header *h)
{
	return h->next == SIP_HEADER_NONE ? NULL : &msg->headers[h->next];
}

/* Header lines of an id. */
static inline size_t sip_msg_count(const struct sip_msg *msg, enum sip_header_id id)
{
	return sip_msg_has(msg, id) ? msg->count[id] : 0;
}

/* Value of the first header of an id, or an empty span. */
static inline struct span sip_msg_value(const struct sip_msg *msg, enum sip_header_id id)
{
	return sip_msg_has(msg, id) ? msg->headers[msg->first[id]].value : span_of(NULL, 0);
}

static inline size_t sip_msg_index(const struct sip_msg *msg, const struct sip_header *h)
{
	return (size_t)(h - msg->headers);
}

/* The first header of that name (any case), known or not; NULL when there is none. O(n) for unknown
 * names. */
const struct sip_header *sip_msg_find(const struct sip_msg *msg, struct span name);

/* Via, From, To, Call-ID and CSeq are there, and it is a request other than ACK: a response can be
 * built. */
bool sip_msg_is_answerable(const struct sip_msg *msg);

/* Walks the values of all headers of an id as one comma list, top to bottom. */
struct sip_values {
	const struct sip_msg *msg;
	const struct sip_header *header; /* that of the last value given; NULL at the beginning */
	struct span rest;
	enum sip_header_id id;
};

static inline struct sip_values sip_values_of(const struct sip_msg *msg, enum sip_header_id id)
{
	return (struct sip_values){.msg = msg, .id = id};
}

/* SIP_OK, SIP_END, or SIP_BAD (then the walk is over). */
NODISCARD enum sip_parse sip_values_next(struct sip_values *it, struct span *out_value);
NODISCARD enum sip_parse sip_values_next_nameaddr(
    struct sip_values *it, struct sip_nameaddr *out_addr);
NODISCARD enum sip_parse sip_values_next_via(
    struct sip_values *it, const struct sip_limits *limits, struct sip_via *out_via);

/* One value of all headers of an id is that token (Require: 100rel). */
bool sip_msg_lists(const struct sip_msg *msg, enum sip_header_id id, struct span token);

/* From or To, parsed. SIP_BAD when absent or malformed. Not cached: keep the result. */
NODISCARD enum sip_parse sip_msg_from(const struct sip_msg *msg, struct sip_nameaddr *out_addr);
NODISCARD enum sip_parse sip_msg_to(const struct sip_msg *msg, struct sip_nameaddr *out_addr);

/* Tags; empty when there is none or the header is malformed. Not cached. */
struct span sip_msg_from_tag(const struct sip_msg *msg);
struct span sip_msg_to_tag(const struct sip_msg *msg);

/* Expires in seconds. SIP_END when absent, SIP_BAD when malformed. */
NODISCARD enum sip_parse sip_msg_expires(const struct sip_msg *msg, uint32_t *out_seconds);

/* A decimal header value (RSeq, Min-Expires, Max-Breadth, ...), SIP_END when absent. */
NODISCARD enum sip_parse sip_msg_number(
    const struct sip_msg *msg, enum sip_header_id id, uint32_t max, uint32_t *out_value);

/* Content-Length as every reader of it here reads it: digits alone, at most 2^32 - 1, no sign.
 * Leading zeros are accepted up to 20 digits. */
NODISCARD enum sip_parse sip_content_length(struct span value, uint32_t *out_length);

/* "123 INVITE" (RFC 3261 §20.16). Gives SIP_BAD_CSEQ or SIP_BAD_CSEQ_RANGE in *out_reason. */
NODISCARD enum sip_parse sip_cseq_parse(
    struct span value, uint32_t *out_number, struct span *out_method, enum sip_bad *out_reason);

#endif
