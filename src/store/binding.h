/* SPDX-License-Identifier: MIT
 *
 * A binding of an address-of-record to a contact (RFC 3261 §10), and the set of them in which the
 * table hands them out. */
#ifndef STORE_BINDING_H
#define STORE_BINDING_H

#include "base/flow.h"
#include "base/usec.h"

/* Hard caps in bytes; policy may be stricter. A longer user agent is cut, all else is refused. */
#define BINDING_AOR_MAX        320
#define BINDING_CONTACT_MAX    512
#define BINDING_CALL_ID_MAX    256
#define BINDING_PATH_MAX       1024
#define BINDING_INSTANCE_MAX   128
#define BINDING_USER_AGENT_MAX 128
#define BINDING_CONTACTS_MAX   64 /* bindings of one AoR */
#define BINDING_Q_MAX          1000

struct binding {
	struct span contact; /* the URI as it came, without brackets and header parameters */
	struct span call_id;
	struct span path;       /* the Path values, comma-separated (RFC 3327); or empty */
	struct span instance;   /* +sip.instance without quotes (RFC 5626 §4.1); or empty */
	struct span user_agent; /* or empty */
	struct flow flow;       /* conn is 0 after a restart and after the connection closed */
	usec_t expires_at;
	usec_t registered_at; /* when this contact was first bound */
	usec_t updated_at;
	uint32_t cseq;
	uint32_t reg_id; /* 0 = none */
	uint16_t q;      /* 0..1000; 1000 when the contact had none */
};

/* Where the bindings of one AoR are laid out for a caller: one a thread, allocated once, used again
 * and again. Its contents, with all spans, live until the next call that is given the set. */
struct binding_set {
	struct binding *items;
	size_t n, cap;  /* cap is BINDING_CONTACTS_MAX */
	char *in, *out; /* the packed record before and after; the table's own */
};

/* ERR_NOMEM. */
NODISCARD enum err binding_set_init(struct binding_set *s);
void binding_set_done(struct binding_set *s);
size_t binding_set_memory(void);

/* Highest q first, then the most recently updated (RFC 3261 §16.6 and common sense). */
void binding_set_sort(struct binding_set *s);

#endif
