/* SPDX-License-Identifier: MIT
 *
 * The stages of the path, one file each; path.c puts them in order. A stage looks at the pass, may
 * write what it learned into its own part of it, and answers what to do. */
#ifndef EDGE_STAGES_H
#define EDGE_STAGES_H

#include "edge/worker.h"

/* Is it SIP at all? */
enum step stage_parse(struct pass *p);

/* Is there time for a stranger? */
enum step stage_overload(struct pass *p);

/* Does it hold together (RFC 3261 §16.3 step 1)? Fills p->parts. */
enum step stage_valid(struct pass *p);

/* What else is wrong with it, and extensions that we would have to know (§16.3 step 5)? */
enum step stage_check(struct pass *p);

/* Has it hops left, and does it not go round (§16.3 steps 3 and 4, RFC 5393)? */
enum step stage_hops(struct pass *p);

/* Does it belong to a transaction that is known: a retransmission, an ACK, a CANCEL? */
enum step stage_match(struct pass *p);

/* Who sent it, for whom is it, and by which of our routes? */
enum step stage_identify(struct pass *p);

/* user@domain of who is an account of ours, in the arena; empty when there is no room. */
struct span pass_account_text(struct pass *p, const struct party *who);

/* The URI names this edge: one of its addresses or domains. */
bool pass_uri_is_ours(struct pass *p, const struct sip_uri *uri);

/* Is it more than a limit allows? */
enum step stage_limit(struct pass *p);

/* Does it come from a scanner? */
enum step stage_inspect(struct pass *p);

/* Is it who it says? (RFC 3261 §22) */
enum step stage_authenticate(struct pass *p);

/* Is it more than a limit for each account allows? */
enum step stage_account_limit(struct pass *p);

/* Where does it go? */
enum step stage_route(struct pass *p);

/* On its way. */
enum step stage_send(struct pass *p);

/* Responses: whose is it? */
enum step stage_check_response(struct pass *p);
enum step stage_match_response(struct pass *p);

/* REGISTER, RFC 3261 §10.3: the end of its route. */
enum step stage_register(struct pass *p);

#endif
