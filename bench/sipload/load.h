/* SPDX-License-Identifier: MIT
 *
 * The engine of the load generator: it starts operations, closed loop or at a fixed rate, brings
 * each answer to the operation it belongs to, sends again what got no answer, and counts.
 *
 * An operation is one slot; slot number and generation travel in the Via branch and the From tag,
 * so that an answer finds its operation without a table and a late one is known as late. What an
 * operation consists of is a scene's business. One thread, one core; it never sleeps unless told.
 */
#ifndef SIPLOAD_LOAD_H
#define SIPLOAD_LOAD_H

#include "port.h"
#include "proc.h"
#include "stats.h"
#include "users.h"

#define LOAD_PORTS_MAX 64
#define LOAD_OPS_MAX   65536
#define OP_TEXT_MAX    2048
#define OP_ID_LEN      16 /* slot and generation in hexadecimal */
#define NO_USER        UINT32_MAX

#define NS_MS          UINT64_C(1000000)
#define NS_SEC         UINT64_C(1000000000)

struct settings {
	struct sockaddr_in target, local; /* local.sin_port = 0: any ports */
	struct span domain, user_prefix, password_prefix;
	enum digest_hash hash;
	unsigned ports, ears; /* client ports; answering ports (calls only) */
	unsigned sources;     /* client addresses: local and those that follow */
	unsigned users, window;
	double rate; /* operations a second; 0 = closed loop with `window` outstanding */
	uint64_t warmup_ns, duration_ns, timeout_ns;
	uint64_t count;              /* operations in all; 0 = as many as the time allows */
	bool direct;                 /* calls: the Request-URI names the answering side itself */
	bool sleeps;                 /* leaves the core to others when there is nothing to do */
	bool want_route;             /* calls: an answer without Record-Route is a failure */
	struct proc_set watch, spin; /* the server; what fills idle time on the cores */
};

struct op {
	uint32_t slot, generation;
	uint64_t due_ns; /* latency counts from here */
	uint64_t give_up_ns, resend_gap_ns;
	struct port *port;
	uint32_t user, cseq;
	uint8_t step;       /* the scene's */
	uint8_t txn;        /* number of the transaction within the operation */
	uint8_t challenged; /* challenges answered in the current transaction */
	struct span method; /* of the current transaction, a literal */
	char call_id[64];
	uint8_t call_id_n;
	uint16_t sent_n; /* 0 = nothing to send again */
	char sent[OP_TEXT_MAX];
	/* Calls: the dialog as the caller sees it, and the answering side's memory. */
	char to[256], target[256], routes[1024];
	uint16_t to_n, target_n, routes_n;
	uint8_t heard; /* enum heard, bits */
	struct port *ear;
	struct sockaddr_in ear_to;
	uint64_t ear_resend_ns;
	uint16_t ear_sent_n;
	char ear_sent[OP_TEXT_MAX];
};

struct load;

struct scene {
	const char *name;
	/* Sends the first request of a fresh operation. */
	void (*start)(struct load *l, struct op *op);
	/* An answer to the current transaction of the operation. */
	void (*answer)(struct load *l, struct op *op, const struct wire *w);
	/* A request that came to one of our ports; NULL = such are counted as unexpected. */
	void (*request)(
	    struct load *l, struct port *p, const struct wire *w, const struct sockaddr_in *from);
};

struct load {
	struct settings set;
	const struct scene *scene;
	struct port port[LOAD_PORTS_MAX], ear[LOAD_PORTS_MAX];
	unsigned ports, ears;
	bool use_ears; /* operations start from the answering ports (registration of callees) */
	struct op *op;
	uint64_t *wake_ns; /* of each slot: when its timer is due; 0 = idle */
	uint32_t *idle;
	unsigned ops, idle_n, active;
	uint64_t started;
	bool starting; /* new operations may begin */
	bool measuring;
	struct users users;
	struct digest digest;
	uint32_t run;  /* random: makes Call-IDs differ from run to run */
	char host[32]; /* end of all Call-IDs: "-", run, "@sipload" */
	uint64_t now_ns;
	struct stats stats;
};

/* Opens the ports and makes room for set->window operations (LOAD_OPS_MAX at most). ERR_IO with
 * errno set, ERR_NOMEM, ERR_UNSUPPORTED; load_done() is due in any case. */
NODISCARD enum err load_init(struct load *l, const struct settings *set, bool keep_nonces);
void load_done(struct load *l);

/* Runs one scene until its time or its count is reached; l->stats then holds what was measured. */
void load_run(struct load *l, const struct scene *scene);

/* For scenes. All three end the operation; the slot may hold the next one when they return. */
void load_op_done(struct load *l, struct op *op);
void load_op_refused(struct load *l, struct op *op, unsigned status);
void load_op_wrong(struct load *l, struct op *op, enum wrong what);

/* Sends what was written into port_room(op->port) and keeps a copy to send again. */
void load_send(struct load *l, struct op *op, const struct buf *b);

/* The operation named by an id of OP_ID_LEN digits at the start of s; NULL when there is none, or
 * *out_late = true and NULL when its slot has gone on to another. */
struct op *load_find(struct load *l, struct span s, bool *out_late);

uint64_t load_clock_ns(void);

#endif
