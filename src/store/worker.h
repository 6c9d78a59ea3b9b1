/* SPDX-License-Identifier: MIT
 *
 * The storage thread: the one place where the running daemon waits for a disk. Requests come from
 * any thread through a bounded queue, each with a deadline; every accepted one is answered exactly
 * once, by a call on the storage thread, which must only hand the result over (a mailbox) and
 * return.
 *
 * A store that fails is closed, and all that needs it is answered ERR_IO at once, without waiting,
 * until it could be opened again; that is tried with a growing pause (0.1 s to 5 s). A file that
 * was removed or replaced is noticed within a second. Accounts and state are opened apart, also
 * when they are one file: a disk too full for writing must not stop the reading of accounts. */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include "base/usec.h"
#include "store/store.h"

struct store_worker;

enum store_role { STORE_ROLE_ACCOUNTS, STORE_ROLE_STATE, STORE_ROLE_COUNT };

/* Opens the store of one role; why is a buffer for a sentence. */
typedef enum err store_open_fn(
    void *arg, enum store_role role, struct buf *why, struct store **out_s);

/* e: OK, ERR_IO, ERR_TIMEOUT, ERR_CLOSED; s is open when e is OK, else NULL. Returns what the store
 * said: ERR_IO, ERR_BUSY mark it as lost. */
typedef enum err store_job_fn(void *arg, enum err e, struct store *s);

/* e: OK, ERR_NOT_FOUND, ERR_IO, ERR_TIMEOUT, ERR_CLOSED; ha1s is NULL unless OK. */
typedef void store_account_done_fn(void *arg, enum err e, const struct digest_ha1s *ha1s);

struct store_worker_config {
	size_t queue;          /* requests at a time */
	usec_t (*clock)(void); /* monotonic */
	store_open_fn *open;
	void *open_arg;
	/* Already open ones, taken over on success; NULL = open at first use. */
	struct store *opened[STORE_ROLE_COUNT];
};

/* Has no thread yet: what is asked of it waits in the queue until store_worker_start. ERR_NOMEM. */
NODISCARD enum err store_worker_new(
    const struct store_worker_config *config, struct store_worker **out_w);

/* Starts the thread, which may do what the calling thread may. Once. ERR_IO: no thread. */
NODISCARD enum err store_worker_start(struct store_worker *w);

/* Finishes what is queued (without new work being accepted), closes the stores, joins the thread.
 * Without a thread what is queued is never answered. NULL is accepted. */
void store_worker_free(struct store_worker *w);

size_t store_worker_memory(size_t queue);

/* Fetches one account. ERR_FULL: the queue is full, ERR_CLOSED: stopping, ERR_RANGE: the name is
 * too long to exist; done is then not called. */
NODISCARD enum err store_worker_account(struct store_worker *w, struct span user,
    struct span domain, usec_t deadline, store_account_done_fn *done, void *arg);

/* Runs fn with the store of that role. Errors as above. deadline: USEC_MAX = none. */
NODISCARD enum err store_worker_run(
    struct store_worker *w, enum store_role role, usec_t deadline, store_job_fn *fn, void *arg);

/* Runs fn with the state store about every `period`, and once more, last of all, when the thread
 * ends; while the store is lost fn is called with ERR_IO and NULL. One at most, set before the
 * first request. */
void store_worker_every(struct store_worker *w, usec_t period, store_job_fn *fn, void *arg);

struct store_worker_stats {
	bool up[STORE_ROLE_COUNT];
	size_t queued, queue;
	uint64_t served, refused, timed_out, failed, lost; /* lost: times a store was given up */
	char why[STORE_WHY_MAX];                           /* of the last failure; may be empty */
};

void store_worker_stats(struct store_worker *w, struct store_worker_stats *out_stats);

#endif
