/* SPDX-License-Identifier: MIT
 *
 * A walker over a session description (RFC 4566, RFC 8866): bounded, no allocation, spans into the
 * body. Lines may end in CRLF or LF, the last one in neither. */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "sip/bad.h"
#include "sip/limits.h"

enum sip_sdp_direction {
	SIP_SDP_DIRECTION_NONE = 0, /* not said: sendrecv, or the session's */
	SIP_SDP_SENDRECV,
	SIP_SDP_SENDONLY,
	SIP_SDP_RECVONLY,
	SIP_SDP_INACTIVE,
};

struct sip_sdp_line {
	struct span text;  /* "c=IN IP4 192.0.2.1" without line end */
	struct span value; /* behind "c=" */
	char type;         /* 'v', 'o', ... */
};

struct sip_sdp_connection {
	struct span text;    /* value of the c= line; empty: none */
	struct span nettype; /* "IN" */
	struct span addrtype;
	struct span address; /* without /ttl/count */
};

struct sip_sdp_attribute {
	struct span name;
	struct span value; /* empty when there is no colon */
	bool has_value;
};

struct sip_sdp_media {
	struct span text;  /* the m= line's value */
	struct span media; /* "audio" */
	struct span port_text;
	struct span proto; /* "RTP/AVP" */
	struct span fmts;  /* "0 8 101" */
	struct span lines; /* what follows the m= line up to the next one or the end */
	struct sip_sdp_connection connection;
	enum sip_sdp_direction direction;
	uint16_t port;       /* 0: refused or held (RFC 3264 §6) */
	uint16_t port_count; /* "49170/2"; 1 when absent */
	uint16_t n_fmts;
};

struct sip_sdp {
	struct span text;
	struct span origin;       /* value of o= */
	struct span origin_host;  /* its unicast-address */
	struct span session_name; /* value of s= */
	struct span session;      /* all lines before the first m= */
	struct span media;        /* from the first m= to the end; empty: none */
	struct sip_sdp_connection connection;
	enum sip_sdp_direction direction;
	uint16_t n_media;
};

/* Reads the whole body once: v=0 first, o= and s= present, each line "x=value" with a known letter
 * in a place where it may stand, c=, m=, b=, t= and a= of sound form, at most limits.sdp_lines
 * lines and limits.sdp_media media. A stream without c= at either level is accepted only with port
 * 0. SIP_BAD with one of SIP_BAD_SDP_*. */
NODISCARD enum sip_parse sip_sdp_parse(struct span body, const struct sip_limits *limits,
    struct sip_sdp *out_sdp, struct sip_parse_error *out_error);

/* Walks the media sections of a parsed description: *rest starts as sdp.media. */
NODISCARD enum sip_parse sip_sdp_next_media(struct span *rest, struct sip_sdp_media *out_media);

/* Walks lines; SIP_END at the end, SIP_BAD when a line has no "x=". */
NODISCARD enum sip_parse sip_sdp_next_line(struct span *rest, struct sip_sdp_line *out_line);

/* Splits the value of an a= line. SIP_BAD when the name is empty or no token, or a colon stands
 * without a value. */
NODISCARD enum sip_parse sip_sdp_attribute(struct span value, struct sip_sdp_attribute *out_attr);

/* Next format of sip_sdp_media.fmts. */
NODISCARD enum sip_parse sip_sdp_next_fmt(struct span *rest, struct span *out_fmt);

#endif
