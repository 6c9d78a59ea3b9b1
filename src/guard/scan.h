/* SPDX-License-Identifier: MIT
 *
 * Scanners: known by what they send (signatures), or by what they do: use the name of a decoy
 * account, try many users, sweep with OPTIONS, try unknown methods. Facts in, findings out.
 *
 * What they do is counted for each source (IPv4 address, IPv6 /64) that nobody logged in from;
 * behind an address with known users for each flow, and there only the users that it claims to be.
 * Many phones behind one new address all try their user within a moment; the first that logs in
 * makes the address known. So many users are a finding only when SCAN_PATIENCE passed since the
 * first and still nobody logged in. What comes with credentials was challenged before and is the
 * business of guessing.h.
 *
 * One table of fixed size. Thread-safe. No clock, no messages. */
#ifndef GUARD_SCAN_H
#define GUARD_SCAN_H

#include "event/reason.h"
#include "guard/signatures.h"
#include "guard/tally.h"

#define SCAN_PATIENCE (5 * USEC_SEC)

struct scan;

/* ERR_NOMEM. */
NODISCARD enum err scan_new(size_t entries, const struct siphash_key *key, struct scan **out_s);
void scan_free(struct scan *s); /* NULL is fine */
size_t scan_memory(size_t entries);

/* Who sent it. */
enum scan_who {
	SCAN_STRANGER, /* nobody logged in from its address */
	SCAN_NEIGHBOUR /* somebody did, but not with this port */
};

struct scan_facts {
	struct signature_facts look;
	const struct addr *source; /* with its port */
	enum scan_who who;
	/* Who it says it is, canonical: From, of a REGISTER To. */
	struct span user, domain;
	bool user_is_ours; /* of a domain of ours: only these can be decoys */
	/* Whom it wants, when that is at a domain of ours; else empty. Of a REGISTER nobody. */
	struct span target_user, target_domain;
	bool is_options, method_known;
	bool has_credentials;
};

struct scan_answer {
	enum reason reason; /* NONE: nothing found */
	struct span text;   /* the signature's name, the decoy; of the configuration */
	bool has_value;
	double value, threshold;
	usec_t window;
};

/* Judges and counts. One call for each message: not again for one that waited. */
void scan_judge(struct scan *s, const struct conf_scan *c, const struct signatures *signatures,
    const struct scan_facts *f, usec_t now, struct scan_answer *out);

void scan_stats(const struct scan *s, struct tally_stats *out);

#endif
