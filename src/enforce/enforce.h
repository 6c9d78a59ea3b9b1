/* SPDX-License-Identifier: MIT
 *
 * Bans on their way into the kernel: the daemon's client of ringfence-helper. Main thread, but for
 * what is said to be for every thread.
 *
 * Start in two steps. enforce_new comes first of all, while the daemon has its privileges and one
 * thread: it starts the helper, or connects to the one that runs as a service. enforce_run comes
 * when the ledger is loaded and the loop exists; from then on the kernel follows the ledger.
 *
 * Nothing here can fail the daemon: whatever is not to be had, the ledger enforces by itself, and
 * it is told why the kernel does not. */
#ifndef ENFORCE_ENFORCE_H
#define ENFORCE_ENFORCE_H

#include <uv.h>

#include "conf/conf.h"
#include "enforce/plan.h"

#define ENFORCE_SERVICE "/run/ringfence-helper.sock" /* of helper: auto */
#define ENFORCE_WHY_MAX 256

struct enforce_hooks {
	void *arg;
	struct plan_source source;
	/* Whether all that is wanted is in force in the kernel changed. why: "" when it is. */
	void (*tell)(void *arg, bool up, const char *why);
	/* A new ban is in force in the kernel, `lag` after it was decided. backends: 1u << enum
	 * helper_backend. Not of those that are told all together, as after a start. */
	void (*in_force)(void *arg, const struct enforce_ban *ban, unsigned backends, usec_t lag);
};

struct enforce;

/* ERR_NOMEM. */
NODISCARD enum err enforce_new(const struct conf *c, struct enforce **out_e);

/* hooks are copied. ERR_IO: the loop has no room; then only the ledger enforces. */
NODISCARD enum err enforce_run(
    struct enforce *e, uv_loop_t *loop, const struct enforce_hooks *hooks);

/* The helper is told anew, how and whom to block. why: what needs a restart, a line each. */
void enforce_reload(struct enforce *e, const struct conf *c, struct buf *why);

/* A ban or the end of one, by hand. */
void enforce_change(struct enforce *e, const struct enforce_ban *ban);

/* Much changed at once: all is told again. */
void enforce_again(struct enforce *e);

/* What the workers found. */
void enforce_drain(struct enforce *e, struct enforce_ring *ring);

struct enforce_status {
	bool wanted, up;
	const char *why;    /* of the plan; "" when it is up */
	const char *helper; /* "started", "service", "none" */
	uint32_t generation;
	usec_t lag;
	uint64_t waiting, added, removed, syncs, refused, overflows;
	unsigned backends; /* that are wanted: 1u << enum helper_backend */
	struct plan_backend backend[HELPER_BACKENDS];
};

/* As plan_where, whatever is not there. Valid until the loop runs again. */
void enforce_where(const struct enforce *e, const struct standing_view *v,
    const struct prefix *prefix, struct plan_place *out);

/* Valid until the loop runs again. */
void enforce_status(const struct enforce *e, struct enforce_status *out_s);

/* At the end of the daemon: tells the helper to stop, waits for it for at most two seconds. keep:
 * what is blocked stays so. */
void enforce_stop(struct enforce *e, bool keep);

/* Frees it when the loop closed its handles, or was never run. NULL is fine. */
void enforce_free(struct enforce *e);

#endif
