/* SPDX-License-Identifier: MIT
 *
 * RFC 3261 §10.3 as a function of facts: what a REGISTER asks for, what policy allows and what is
 * bound now give the answer and the new set of bindings. Authentication and the right of the sender
 * to the AoR (steps 1 to 5) were judged before. Stateless; any thread. */
#ifndef EDGE_REGISTRAR_H
#define EDGE_REGISTRAR_H

#include "event/reason.h"
#include "sip/uri.h"
#include "store/bindings.h"

struct registrar_contact {
	struct span uri;      /* without brackets */
	struct span instance; /* +sip.instance without quotes, or empty */
	uint32_t reg_id;      /* 0 = none */
	uint32_t expires;     /* seconds, when has_expires */
	bool has_expires;
	uint16_t q; /* 0..1000; 1000 when there is none */
};

struct registrar_request {
	struct span aor; /* canonical user@domain */
	struct span call_id;
	uint32_t cseq;
	const struct registrar_contact *contacts; /* without the star */
	size_t n_contacts;
	bool star;              /* one of the Contacts was "*" */
	bool has_expires;       /* there was an Expires header with a number */
	uint32_t expires;       /* seconds */
	bool retransmission;    /* known to be the same request again (equal bytes) */
	bool supports_path;     /* Supported: path */
	bool supports_outbound; /* Supported: outbound */
	struct span path;       /* Path values joined by commas, or empty */
	struct span user_agent;
	struct flow flow;
	usec_t wall;
};

enum registrar_path {
	REGISTRAR_PATH_SUPPORTED, /* kept when the UA understands Path, else ignored: a UA that
				   * was not asked must not be reachable only through others */
	REGISTRAR_PATH_ALWAYS,    /* kept */
	REGISTRAR_PATH_REQUIRE,   /* kept, but 420 when the UA does not understand it: what
				   * RFC 3327 §5.3 recommends, and what breaks most phones */
	REGISTRAR_PATH_IGNORE
};

struct registrar_policy {
	uint32_t min_expires, default_expires, max_expires; /* seconds */
	size_t max_contacts;                                /* of an AoR */
	size_t max_contact_bytes, max_call_id_bytes, max_path_bytes, max_instance_bytes;
	size_t max_user_agent_bytes; /* cut there */
	enum registrar_path path;
	/* The contact names this edge itself: a call would loop. NULL: never. */
	bool (*is_self)(void *arg, const struct sip_uri *uri);
	void *is_self_arg;
};

struct registrar_result {
	uint16_t status;       /* 200, 400, 403, 420, 423, 500 or 503 */
	enum reason reason;    /* with 200 too: registered, refreshed, removed, fetched */
	uint64_t value, limit; /* the figure and the threshold behind the reason, where there are */
	uint32_t min_expires;  /* for Min-Expires, with 423 */
	bool changed;          /* bindings were added, altered or removed */
	size_t added, refreshed, removed;
	bool path_kept;     /* Path goes into the 200 (RFC 3327 §5.3) */
	bool outbound_used; /* Require: outbound goes into the 200 (RFC 5626 §6) */
};

/* 60 s, 3600 s, 7200 s; 10 contacts; the table's caps; Path kept for those who understand it. */
void registrar_policy_init(struct registrar_policy *p);

/* s: the live bindings of the AoR; with 200 and `changed` it becomes the new state, whose spans
 * point into req too; with 200 otherwise it is untouched; with any other status it must not be
 * used. */
void registrar_decide(const struct registrar_request *req, const struct registrar_policy *p,
    struct binding_set *s, struct registrar_result *out_r);

/* The same as one step against the table. 503 `registrar.full` when it has no room. After 200, s
 * holds all current bindings, sorted, until its next use; req may go. */
void registrar_register(struct bindings *t, const struct registrar_request *req,
    const struct registrar_policy *p, struct binding_set *s, struct registrar_result *out_r);

/* One Contact header field line a binding: "Contact: <sip:...>;expires=60;q=0.5\r\n", with
 * instance and reg-id where known (RFC 3261 §10.3 step 8). q is left out when it is 1. */
void registrar_write_contacts(struct buf *b, const struct binding_set *s, usec_t wall);

/* Only the values, comma-separated, without name and line end. */
void registrar_write_contact_values(struct buf *b, const struct binding_set *s, usec_t wall);

#endif
