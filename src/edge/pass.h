/* SPDX-License-Identifier: MIT
 *
 * The one thing that travels the path: a message with all that the stages learned about it. One
 * pass a worker, used again for each message; a pass that must WAIT is kept as a copy of its bytes
 * (wait.h) and walks again from the first stage when the answer is there. */
#ifndef EDGE_PASS_H
#define EDGE_PASS_H

#include "base/arena.h"
#include "base/flow.h"
#include "base/usec.h"
#include "conf/conf.h"
#include "edge/snapshot.h"
#include "edge/target.h"
#include "edge/token.h"
#include "event/event.h"
#include "guard/auth.h"
#include "guard/gate.h"
#include "sip/check.h"
#include "sip/msg.h"
#include "store/accounts.h"
#include "txn/fork.h"
#include "txn/key.h"

struct worker;

/* What a stage answers. */
enum step {
	STEP_NEXT,  /* nothing to object: on to the next stage */
	STEP_REPLY, /* answer pass->reply; the finding says why */
	STEP_DROP,  /* say nothing; the finding says why */
	STEP_WAIT,  /* something was asked for; come back with the answer */
	STEP_DONE,  /* the message has been served */
};

/* Why: the reason with the figure and the threshold behind it. */
struct finding {
	enum reason reason;
	bool has_value;
	double value, threshold;
	usec_t window;
	struct span text; /* evidence that is text: the name of a header */
};

/* An answer of our own to the request. `headers` are whole lines, CRLF included, in the arena. */
struct reply {
	unsigned status;
	struct span headers;
	bool silent; /* answered, but no event is worth it */
};

/* What a pass may wait for, each at most once. */
enum answer {
	ANSWER_ACCOUNT,
	ANSWER_RECHECK,
	ANSWER_TARGET,
	ANSWER_COUNT, /* of accounts; the rest are of aliases */
	ANSWER_ALIAS = ANSWER_COUNT,
	ANSWER_ALIAS_TARGET,
	ANSWER_ALL
};

/* Whose alias a name is: an account. */
struct alias {
	uint8_t user_n, domain_n;
	char user[STORE_USER_MAX], domain[STORE_DOMAIN_MAX];
};

/* What a pass that waited brings back. */
struct answers {
	unsigned have;            /* bit 1 << enum answer: only those are filled */
	enum err err[ANSWER_ALL]; /* OK, ERR_NOT_FOUND, or why it cannot be known */
	struct digest_ha1s ha1s[ANSWER_COUNT];
	struct alias alias[ANSWER_ALL - ANSWER_COUNT];
};

/* Who the request claims to be and for whom it is; canonical, in the message or the arena. */
struct party {
	struct span user;                 /* unescaped */
	struct span host;                 /* lower case */
	const struct conf_domain *domain; /* of ours; NULL when it is not */
};

struct pass {
	struct worker *w;
	const struct conf *conf; /* snapshot in use; lives as long as the pass */
	struct arena *arena;
	usec_t now, wall;

	struct span data;          /* the message as it came */
	struct flow flow;          /* where it came from */
	struct gate_answer gate;   /* what the gate said of it */
	enum standing_trust trust; /* of its source */
	const struct conf_zone *zone;
	const struct conf_listener *listener;
	struct flow back; /* of parse: where answers and, in a dialog, requests to its sender go */
	struct sip_msg msg;
	struct sip_parts parts;
	struct sip_finding fault; /* what stage_valid left to stage_check */

	/* identify */
	const struct conf_peer *peer;  /* the configured trunk that sent it, or NULL */
	struct party from, to, target; /* target: the Request-URI */
	bool target_is_us;             /* the Request-URI names this edge itself */
	bool has_token;                /* a Route of ours came back, genuine, in its dialog */
	bool from_caller;              /* then: it comes from who began the dialog */
	bool foreign_route;            /* a Route to somewhere else stands behind ours */
	struct route_token token;

	/* authenticate */
	struct span account_user, account_domain; /* who tried to log in; or empty */
	bool authenticated;                       /* ... and it is them */
	bool proven;                              /* the source is at its address */
	bool retransmission;                      /* the same authenticated request again */
	struct span aor;    /* REGISTER with credentials: who of To, or empty */
	uint64_t aor_place; /* ... and of bindings_prefetch */

	struct answers answers;

	/* route */
	struct txn_key key; /* of its server transaction */
	struct target targets[FORK_MAX];
	size_t n_targets;
	struct forwarding forwarding;

	struct finding finding;
	struct reply reply;

	struct event event;
};

/* Longest user@domain of an account. */
#define ACCOUNT_TEXT_MAX 320

/* Forgets the message before; keeps the large buffers as they are. */
void pass_init(struct pass *p);

/* What was found has been recorded, and the request goes on as if it had not been. */
void pass_forget_finding(struct pass *p);

/* Runs a message through the path of its kind; the caller filled all above `msg`. */
void path_walk(struct pass *p);

/* "parse", by the index of its time in struct worker; requests first. NULL behind the last. */
const char *path_stage_name(size_t index);

/* Sets the finding; the last one counts. For use in `return`: the step is handed through. */
enum step pass_reply(struct pass *p, enum reason r, unsigned status);
enum step pass_drop(struct pass *p, enum reason r);
void pass_evidence(struct pass *p, double value, double threshold, usec_t window);
void pass_evidence_text(struct pass *p, struct span text);

#endif
