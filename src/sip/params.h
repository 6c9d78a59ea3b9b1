/* SPDX-License-Identifier: MIT
 *
 * generic-param lists (RFC 3261 §25.1): *( SEMI token [ EQUAL ( token / host / quoted-string ) ] ).
 */
#ifndef SIP_PARAMS_H
#define SIP_PARAMS_H

#include "base/buf.h"
#include "sip/bad.h"

struct sip_param {
	struct span name;
	struct span value; /* without quotes, still with its quoted-pairs; empty without value */
	bool has_value;
	bool quoted;
};

/* The next parameter of *rest, which stands before a ';' or at the end. Moves *rest behind it.
 * SIP_END at the end (white space only), SIP_BAD on anything that is not the grammar: *rest then
 * begins at the place. Bounded by the length of *rest. */
NODISCARD enum sip_parse sip_params_next(struct span *rest, struct sip_param *out_param);

/* The first parameter of that name (any case). False when there is none, or when the list is
 * malformed before it. */
bool sip_params_find(struct span params, struct span name, struct sip_param *out_param);

/* Whole list: grammar, at most `max` parameters, no name twice. SIP_BAD_NONE when it is sound, else
 * PARAM, PARAM_COUNT or PARAM_DUPLICATE. */
enum sip_bad sip_params_check(struct span params, size_t max);

/* Content of a quoted-string with its quoted-pairs resolved (RFC 3261 §25.1), appended to out. */

void sip_unquote(struct span content, struct buf *out);

/* The next value of a comma list: commas in quoted strings and in <> do not count. Trimmed. SIP_END
 * at the end, SIP_BAD on an empty value or an unclosed quote or bracket. */
NODISCARD enum sip_parse sip_list_next(struct span *rest, struct span *out_value);

/* True when one value of the comma list is that token (any case), e.g. an option tag. */
bool sip_list_has(struct span list, struct span token);

#endif
