/* SPDX-License-Identifier: MIT
 *
 * Stream listeners and connections of one worker. Connections live in a pool of fixed size and are
 * named by ids that never come back; a pointer to one is good until its `closed` returns. An idle
 * connection holds no buffer. Every wait has a deadline, every queue a cap. All functions are for
 * the loop's thread.
 *
 * Callbacks come from the loop only: no net_conn_* or net_tcp_* call ever calls back before it
 * returns, so that callers need not expect to lose the ground under them. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "net/fail.h"
#include "net/loop.h"
#include "net/sources.h"

struct net_tcp;
struct net_conn;
struct net_listener;

/* Why a connection ended. */
enum net_close {
	NET_CLOSE_LOCAL,         /* our side had enough: net_conn_close */
	NET_CLOSE_PEER,          /* the peer closed in order */
	NET_CLOSE_ERROR,         /* reset, unreachable: errno tells */
	NET_CLOSE_CONNECT,       /* could not be opened: errno tells, ETIMEDOUT by our deadline */
	NET_CLOSE_FIRST_MESSAGE, /* no whole message within the first deadline */
	NET_CLOSE_SLOW_MESSAGE,  /* a message was begun and not finished in time */
	NET_CLOSE_SLOW_READER,   /* the peer does not take what we send */
	NET_CLOSE_IDLE,
	NET_CLOSE_DEADLINE,  /* net_conn_set_deadline */
	NET_CLOSE_TOO_LARGE, /* the read cap is full and nothing was consumed */
	NET_CLOSE_MEMORY,    /* the worker's buffer budget is spent */
	NET_CLOSE_COUNT
};

/* "peer closed": static, never NULL. */
const char *net_close_text(enum net_close why);

/* Why a connection was not accepted. */
enum net_refusal {
	NET_REFUSED_CAP,        /* max_inbound */
	NET_REFUSED_SOURCE,     /* max_per_source */
	NET_REFUSED_TABLE,      /* no room in the table of sources */
	NET_REFUSED_SYSTEM,     /* the system has no descriptor or memory left */
	NET_REFUSED_BY_HANDLER, /* accept_allowed said no */
	NET_REFUSED_COUNT
};

struct net_tcp_counters {
	uint64_t accepted, connected, connect_failed;
	uint64_t refused[NET_REFUSED_COUNT];
	uint64_t closed[NET_CLOSE_COUNT];
	uint64_t received_bytes, sent_bytes;
	uint64_t write_full; /* writes refused for a full queue */
	uint32_t inbound, outbound;
};

struct net_tcp_handler {
	/* Asked before anything is kept for a new peer; NULL = all. */
	bool (*accept_allowed)(void *arg, const struct addr *from, uint16_t listener);
	/* A connection is up, accepted or connected. May be NULL. */
	void (*opened)(void *arg, struct net_conn *c);
	/* All bytes that wait, in order; returns how many were consumed, from the front. The rest
	 * comes again, with what follows it, when more has arrived. Bytes are lent for the time of
	 * the call. May close c and write to any connection. */
	size_t (*data)(void *arg, struct net_conn *c, struct span in);
	/* The last word about c: its id does not resolve any more. sys: errno or 0. Not called for
	 * connections that net_tcp_free ends. May be NULL. */
	void (*closed)(void *arg, struct net_conn *c, enum net_close why, int sys);
	void *arg;
};

struct net_tcp_opts {
	uint32_t worker;             /* 0..255, part of every id */
	uint32_t max_inbound;        /* accepted connections of this worker; at least 1 */
	uint32_t max_outbound;       /* opened by us: strangers cannot use these up; sum < 2^20 */
	uint32_t max_per_source;     /* over all workers that share `sources`; 0 = no cap */
	struct net_sources *sources; /* shared, not owned; NULL = no cap per source */
	uint32_t read_cap;           /* most bytes that wait for a whole message; 0 = 128 KiB */
	uint32_t write_cap;          /* most bytes that wait for a slow reader; 0 = 256 KiB */
	size_t buffer_budget;        /* bytes of all buffers of this worker; 0 = 64 MiB */
	usec_t connect_time;         /* 0 = 5 s */
	usec_t first_message;        /* from accept to net_conn_got_message; 0 = 10 s */
	usec_t message_time;         /* from a message's first byte to its last; 0 = 10 s */
	usec_t write_time;           /* without any progress of waiting output; 0 = 20 s */
	usec_t idle;                 /* without any byte either way; 0 = 10 min */
	usec_t half_close;           /* how long we can still answer a peer that closed its sending
				      * direction; 0 = 2 s */
};

/* ERR_NOMEM, ERR_IO, ERR_RANGE (options). */
NODISCARD enum err net_tcp_new(struct net_loop *l, const struct net_tcp_opts *opts,
    const struct net_tcp_handler *h, struct net_tcp **out_t);

/* Closes listeners and connections without a callback. NULL is fine. Memory goes with the loop's
 * next iterations. Not from within a callback of t. */
void net_tcp_free(struct net_tcp *t);

/* Most bytes that all this can take. */
size_t net_tcp_memory(const struct net_tcp_opts *opts);

const struct net_tcp_counters *net_tcp_counters(const struct net_tcp *t);

/* Bytes of all buffers now. */
size_t net_tcp_buffered(const struct net_tcp *t);

struct net_listener_opts {
	struct addr addr; /* port 0: the system chooses, see net_listener_local */
	enum transport transport;
	uint16_t listener; /* the caller's number: flow.listener of what is accepted */
	bool reuse_port;
	int backlog; /* 0 = 1024 */
};

/* ERR_IO with *out_fail filled (may be NULL), ERR_NOMEM. An IPv6 wildcard is IPv6 only. */
NODISCARD enum err net_tcp_listen(struct net_tcp *t, const struct net_listener_opts *opts,
    struct net_listener **out_l, struct net_fail *out_fail);

/* Stops accepting; connections stay. Optional: net_tcp_free does it for all. */
void net_listener_free(struct net_listener *l);
const struct addr *net_listener_local(const struct net_listener *l);

/* Begins to open a connection; bytes can be written at once and wait. local: source address (its
 * port is not used), or NULL. listener: the caller's number for flow.listener. The end, good or
 * bad, comes through `opened` or `closed`. ERR_FULL (max_outbound), ERR_IO with errno in *out_sys
 * (may be NULL). */
NODISCARD enum err net_tcp_connect(struct net_tcp *t, const struct addr *remote,
    const struct addr *local, uint16_t listener, struct net_conn **out_c, int *out_sys);

/* The connection of that id, or NULL when it is closed or of another worker. */
struct net_conn *net_tcp_get(struct net_tcp *t, uint64_t id);

/* Worker of an id. */
uint32_t net_conn_id_worker(uint64_t id);

/* A connection, open or being opened, whose far end is exactly this address and port, the newest
 * first; NULL when there is none. local: only one that runs over this address of ours, or NULL.
 * This is the reuse of a flow (RFC 5626), not of an alias (RFC 5923): a peer's connection serves
 * no other address that it claims. */
struct net_conn *net_tcp_find(
    struct net_tcp *t, const struct addr *remote, const struct addr *local);

uint64_t net_conn_id(const struct net_conn *c);
/* Remote, local, connection id, transport and listener. local has port and address once open. */
const struct flow *net_conn_flow(const struct net_conn *c);
bool net_conn_is_inbound(const struct net_conn *c);
/* Fit for new requests: not being opened, not closed by either side. A connection that the peer has
 * half closed still takes answers. */
bool net_conn_is_open(const struct net_conn *c);

/* The caller's word on a connection; 0 at first. */
void net_conn_set_user(struct net_conn *c, void *user);
void *net_conn_user(const struct net_conn *c);

/* Sends all of it, now or as the peer takes it. ERR_FULL: the cap would be passed, nothing of it
 * was taken; ERR_NOMEM: the budget is spent, it closes; ERR_CLOSED: the connection is gone or going
 * (`closed` follows). All three are transport errors to the caller. */
NODISCARD enum err net_conn_write(struct net_conn *c, struct span data);

/* Bytes that wait to be sent. */
size_t net_conn_write_waiting(const struct net_conn *c);

/* A whole message came: the first-message deadline is over. */
void net_conn_got_message(struct net_conn *c);

/* Closes at that time with NET_CLOSE_DEADLINE unless set anew; USEC_MAX takes it back. */
void net_conn_set_deadline(struct net_conn *c, usec_t due);

/* Ends the connection; what waits to be sent is thrown away. `closed` follows from the loop. A
 * second call is harmless. */
void net_conn_close(struct net_conn *c);

/* The same after what waits was sent and the peer has closed too, or half_close is over; what comes
 * until then is thrown away. A connection that is still being opened is closed at once. */
void net_conn_close_after_write(struct net_conn *c);

#endif
