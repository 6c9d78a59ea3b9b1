/* SPDX-License-Identifier: MIT
 *
 * What can be asked over the control socket: one row a command. A command sees one parsed request
 * and writes the members of its answer; it never sees the socket. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include <jansson.h>

#include "admin/admin.h"
#include "base/json.h"
#include "event/filter.h"

#define ADMIN_RATE_SLOTS  6
#define ADMIN_RATE_PERIOD (2 * USEC_SEC)

/* Messages received and sent, looked at every two seconds, newest at `at`. */
struct admin_rate {
	struct {
		usec_t now;
		uint64_t received, sent;
	} slot[ADMIN_RATE_SLOTS];
	unsigned at, filled;
};

struct admin_call {
	const struct admin_backend *backend;
	struct event_hub *hub;
	const struct admin_rate *rate;
	const json_t *request;
	usec_t wall, now;   /* now: monotonic */
	int64_t uid;        /* of the client; -1: not known */
	struct json *reply; /* inside of the object */
	char *scratch;      /* ADMIN_SCRATCH bytes for messages */
	/* Out: the client wants events from now on. */
	bool follow;
	struct event_filter filter;
};

#define ADMIN_SCRATCH 65536

struct admin_command {
	const char *name;
	const char *about; /* members of the request and of the answer */
	/* NULL when done, or a sentence saying why not: static, or in c->scratch. */
	const char *(*run)(struct admin_call *c);
};

/* Runs what the request asks for and writes the whole answer, an object without newline, to b. An
 * answer that does not fit becomes an error. c->reply is set here. */
void admin_command_run(struct admin_call *c, struct buf *b);

/* {"ok": false, "error": ...}. */
void admin_command_refuse(struct buf *b, const char *error);

void admin_rate_sample(struct admin_rate *r, const struct counter_totals *t, usec_t now);

/* Thousandths of messages a second over the last samples. */
int64_t admin_rate_received(const struct admin_rate *r);
int64_t admin_rate_sent(const struct admin_rate *r);

/* A member of the request; {NULL, 0} when there is no such text. */
struct span admin_text_member(const json_t *request, const char *key);

/* An answer with a list ends after this many bytes; the next request goes on from there. */
#define ADMIN_PAGE_BYTES (128 * 1024)

/* Commands in files of their own: status.c, judge.c (members of `status`), bans.c, top.c, why.c. */
const char *admin_status_run(struct admin_call *c);
void admin_judge_put(struct json *j, const struct admin_status *st);

/* Likewise about where bans are carried out; and of one ban: "enforced", a list, and
 * "ledger_only", why the kernel has it not, or null. */
void admin_enforcement_put(struct json *j, const struct admin_status *st);
void admin_put_place(struct json *j, const struct admin_backend *backend,
    const struct standing_view *v, const struct prefix *prefix);
void admin_privileges_put(struct json *j, const struct admin_status *st);
void admin_tiers_put(struct json *j, const struct standing_tiers *tiers);
const char *admin_bans_run(struct admin_call *c);
const char *admin_ban_run(struct admin_call *c);
const char *admin_unban_run(struct admin_call *c);
const char *admin_standing_run(struct admin_call *c);
const char *admin_why_run(struct admin_call *c);

/* Members of answers that more than one command gives: what is known of a source, and
 * "registrations" of one account, "history" (NULL: null). */
void admin_standing_put(struct admin_call *c, const struct addr *source);
void admin_registration_put(struct admin_call *c, struct span aor);
void admin_history_put(struct json *j, const struct event_history *h);
const char *admin_top_run(struct admin_call *c);

/* Members that tell of a source, as all commands write them. */
void admin_put_source(struct json *j, const struct ledger_key *k); /* source, kind */
void admin_put_prefix(struct json *j, const char *key, const struct prefix *p);
void admin_put_score(struct json *j, const char *key, float score);
void admin_put_rates(struct json *j, const struct standing_view *v);
void admin_put_seconds_ago(struct json *j, const char *key, usec_t then, usec_t now);

/* Rounded up: what is over in half a second is not over. */
uint64_t admin_seconds_until(usec_t then, usec_t now);

/* All members of `status`; without those that take a walk when st is of `figures`. */
void admin_status_put(struct admin_call *c, const struct admin_status *st);

#endif
