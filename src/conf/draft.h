/* SPDX-License-Identifier: MIT
 *
 * What build.c fills by the schema and assemble.c judges: plain values are in place already, the
 * others are nodes of the tree with their line and column. Lives as long as one load. */
#ifndef CONF_DRAFT_H
#define CONF_DRAFT_H

#include "conf/conf.h"
#include "conf/tree.h"

/* Words of lists, in the order of enum conf_algorithm and of the bits of event_select.only. */
#define DRAFT_ALGORITHMS "SHA-512-256|SHA-256|MD5"
#define DRAFT_VERDICTS   "pass|challenge|reply|drop|change"

/* Of sinks; tiers from EVENT_TIER_DENIED on; facilities as in RFC 5424 table 1. */
#define DRAFT_SINK_FORMATS "json|cef"
#define DRAFT_SINK_TIERS   "denied|suspect|unknown|challenged|known|trusted"
#define DRAFT_FACILITIES                                                                     \
	"kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|ntp|audit|alert|" \
	"clock|local0|local1|local2|local3|local4|local5|local6|local7"

/* Of limits, in the order of their enums; tiers from EVENT_TIER_SUSPECT on. */
#define DRAFT_PER              "source|prefix|account|peer|destination|global"
#define DRAFT_LIMIT_ALGORITHMS "token-bucket|sliding-window|fixed-window|red|feedback|network"
#define DRAFT_TIERS            "suspect|unknown|challenged|known|trusted"
#define DRAFT_ACCOUNT          "any|true|false"
#define DRAFT_ENFORCE          "ledger|nftables|xdp" /* in the order of the CONF_ENFORCE_ bits */

/* Begins every struct of an entry, so that build.c can fill it without knowing it. */
struct draft_entry {
	const struct node *node; /* the entry itself; its key is the name */
};

struct draft_zone {
	struct draft_entry entry;
	enum conf_trust trust;
	bool require_tls;
	const struct node *require_tls_node, *listen, *advertise;
};

struct draft_domain {
	struct draft_entry entry;
	const struct node *registrar;
};

struct draft_peer {
	struct draft_entry entry;
	const struct node *zone, *sources, *target;
	uint32_t requests;
};

struct draft_upstream {
	struct draft_entry entry;
	const struct node *zone, *targets;
};

struct draft_route {
	struct draft_entry entry;
	const struct node *from, *match, *domain, *to;
};

struct draft_sink {
	struct draft_entry entry;
	const struct node *file, *syslog, *fail2ban, *webhook, *exec, *hep;
	const struct node *only, *reasons, *tiers, *token_file, *ca;
	bool to_stdout, allow_private;
	uint32_t cef;      /* index into DRAFT_SINK_FORMATS */
	uint32_t facility; /* index into DRAFT_FACILITIES */
	uint32_t capture_id;
	uint64_t queue;
	usec_t timeout;
};

struct draft_limit {
	struct draft_entry entry;
	const struct node *name, *method, *zone, *tier, *peer, *domain, *rate, *target, *answer;
	enum conf_mode mode;
	uint32_t account; /* index into DRAFT_ACCOUNT */
	enum conf_limit_per per;
	enum conf_limit_algorithm algorithm;
	uint64_t burst;
	usec_t retry_after;
};

/* The entries of a NAMED or LIST container, in the order of the file. */
struct draft_list {
	void *entries;
	size_t count;
	bool written; /* the key is in the file, if only as an empty list */
};

struct draft {
	struct conf conf; /* plain values; the rest is made by assemble.c */
	struct draft_list zones, domains, peers, upstreams, routes, sinks, limits;
	const struct node *root, *node_name, *accounts_store, *state_store, *algorithms,
	    *admin_listen, *admin_token_file, *allow, *weights, *enforce, *nft_table, *interfaces,
	    *helper, *decoys, *signatures, *user;
	uint64_t workers;       /* 0 = one a core */
	uint32_t retry_after_s; /* of controls.overload */
};

#endif
