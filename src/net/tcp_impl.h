/* SPDX-License-Identifier: MIT
 *
 * What the parts of net/tcp share: tcp.c is the pool, ids, look-up and deadlines, tcp_listen.c
 * accepts, tcp_conn.c is one connection. */
#ifndef NET_TCP_IMPL_H
#define NET_TCP_IMPL_H

#include "base/siphash.h"
#include "net/due_heap.h"
#include "net/stream_buf.h"
#include "net/tcp.h"

enum conn_state {
	CONN_FREE,
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_HALF,     /* the peer sends no more; we may still answer */
	CONN_DRAINING, /* we want no more; what waits is sent, what comes is thrown away */
	CONN_CLOSING   /* `closed` is on its way */
};

/* What a connection can be late with. */
enum due_kind {
	DUE_CONNECT,
	DUE_FIRST,
	DUE_MESSAGE,
	DUE_WRITE,
	DUE_IDLE,
	DUE_USER,
	DUE_LINGER,
	DUE_COUNT
};

struct net_conn {
	uv_poll_t poll;
	struct net_tcp *t;
	struct flow flow;
	int fd;
	enum conn_state state;
	int events; /* what poll waits for */
	bool inbound, counted, got_message, findable;
	bool eof; /* the peer sends no more */
	enum net_close why;
	int sys;
	struct stream_buf in, out;
	usec_t due[DUE_COUNT];
	struct due_item wake; /* never later than the earliest of `due` */
	uint32_t slot;
	uint32_t next; /* slot + 1 of the next free one, or of the next with the same hash */
	void *user;
};

struct net_listener {
	uv_poll_t poll;
	struct net_tcp *t;
	struct list link;
	struct addr local;
	enum transport transport;
	uint16_t listener;
	bool wildcard;
	int fd;
};

struct net_tcp {
	struct net_loop *loop;
	struct net_tcp_opts o; /* with defaults filled in */
	struct net_tcp_handler h;
	struct net_tcp_counters c;
	struct stream_budget budget;
	struct list listeners;
	struct net_timer timer;
	struct due_heap due;
	struct siphash_key key;
	uint64_t generation;
	struct net_conn *conns;
	uint32_t conn_count;
	uint32_t free; /* slot + 1 of the first free one */
	uint32_t *heads;
	uint32_t heads_mask;
	uint32_t handles; /* of libuv, that are not closed yet */
	bool freed;
	int spare_fd; /* given up for a moment to refuse a peer when no descriptor is left */
	char *scratch;
};

#define TCP_SCRATCH 65536

/* tcp.c */

/* A connection over fd, which it owns then: in the pool, with an id and a handle, no deadline yet.
 * NULL when the pool or the system has no room; fd is then closed. */
struct net_conn *tcp_take_conn(struct net_tcp *t, int fd, const struct flow *flow, bool inbound);

/* Lets net_tcp_find see it, or no more. */
void tcp_show_conn(struct net_conn *c);
void tcp_hide_conn(struct net_conn *c);

/* USEC_MAX takes it back. */
void tcp_set_due(struct net_conn *c, enum due_kind kind, usec_t at);

/* Ends it; `closed` follows when the loop has let go of the handle. Harmless a second time. */
void tcp_close_conn(struct net_conn *c, enum net_close why, int sys);

/* One handle less; frees all when it was the last and t is given up. */
void tcp_handle_gone(struct net_tcp *t);

/* tcp_listen.c */
void tcp_free_listener(struct net_listener *l);

/* tcp_conn.c */

/* Begins to read. */
void tcp_conn_start(struct net_conn *c);

/* Waits for what its state asks for. */
void tcp_conn_poll(struct net_conn *c);

#endif
