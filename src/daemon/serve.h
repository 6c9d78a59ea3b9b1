/* SPDX-License-Identifier: MIT
 *
 * The running daemon on its main thread: signals, the control socket, events on their way to their
 * sinks, reload. It reads no packet; what does is in the workers. */
#ifndef DAEMON_SERVE_H
#define DAEMON_SERVE_H

#include <uv.h>

#include "admin/admin.h"
#include "admin/http.h"
#include "daemon/runner.h"
#include "daemon/sandbox.h"
#include "edge/edge.h"
#include "event/hub.h"

struct daemon {
	uv_loop_t loop;
	uv_async_t events; /* a worker's ring wants to be emptied */
	uv_timer_t second;
	uv_signal_t signals[3];
	struct edge *edge;
	struct runner runner; /* of programs, for sinks */
	struct event_hub hub;
	struct event_history *history; /* NULL: none is kept */
	struct admin_server *admin;
	struct enforce *enforce;
	struct sandbox sandbox;
	bool enforcement_lost;   /* was told */
	struct admin_http *http; /* NULL: there is none */
	struct admin_backend backend;
	const char *config_path;
	usec_t started, configured;
	bool store_ok;
	usec_t store_changed;
	uint64_t events_lost; /* of the rings, when it was last looked at */
};

/* What the control socket is told about the edge. */
void backend_init(struct daemon *d);

/* The part of it that is about the judge, in judge.c. out->totals is filled. */
void judge_backend_init(struct admin_backend *b);
void judge_status(struct daemon *d, bool walk, struct admin_status *out);

/* Likewise about the named limits, in limits.c. */
void limits_status(const struct daemon *d, struct admin_limits *out);

/* Bans on their way into the kernel, in enforcement.c. */
void enforcement_run(struct daemon *d);
void enforcement_drain(struct daemon *d);
void enforcement_reload(struct daemon *d, struct buf *messages);
void enforcement_change(struct daemon *d, const struct prefix *what, usec_t until);
void enforcement_unban_all(struct daemon *d);
/* `enforce` asks for more than the ledger. */
bool enforcement_is_wanted(const struct daemon *d);
void enforcement_where(const struct daemon *d, const struct standing_view *v,
    const struct prefix *prefix, struct plan_place *out);
void enforcement_status(struct daemon *d, bool walk, struct admin_status *out);

/* An event about the daemon itself. */
void daemon_emit(struct daemon *d, enum reason r, struct span words);

/* The tables of fixed size and each worker's own figures, in figures.c. out->totals is filled. */
void figures_status(const struct daemon *d, struct admin_status *out);

/* Loads the configuration again, for SIGHUP and the command. `messages`: a line each. */
enum err daemon_reload(struct daemon *d, struct buf *messages);

/* READY=1, RELOADING=1, STOPPING=1 to systemd; nothing when it did not start us. */
void notify_systemd(const char *state);

#endif
