/* SPDX-License-Identifier: MIT
 *
 * Caps on everything in a message that its sender can make long or many. All in octets or counts.
 */
#ifndef SIP_LIMITS_H
#define SIP_LIMITS_H

#include <stdint.h>

struct sip_limits {
	uint32_t message;      /* whole message, start line to end of body */
	uint32_t start_line;   /* first line without its line end */
	uint32_t method;       /* method token */
	uint32_t headers;      /* header fields (lines) */
	uint32_t header_name;  /* octets of a field name */
	uint32_t header_value; /* octets of a field value */
	uint32_t uri;          /* any URI */
	uint32_t body;
	uint32_t vias;     /* Via values */
	uint32_t routes;   /* values of each of Route, Record-Route, Path */
	uint32_t contacts; /* Contact values */
	uint32_t params;   /* parameters of one value or URI */
	uint32_t branch;
	uint32_t tag;
	uint32_t call_id;
	uint32_t credential; /* any one parameter of Authorization */
	uint32_t sdp_lines;
	uint32_t sdp_media; /* m= sections */
};

/* Sizes that any phone, PBX or trunk stays far below. */
extern const struct sip_limits sip_limits_default;

/* The most headers that an array must ever hold for sip_limits_default. */
#define SIP_HEADERS_DEFAULT 96

#endif
