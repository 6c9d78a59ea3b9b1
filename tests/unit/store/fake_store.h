/* SPDX-License-Identifier: MIT
 *
 * A store for tests: accounts by rule, failures and pauses on command, a clock that is set by hand,
 * and a way to wait for answers without sleeping. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "store/worker.h"

/* One at a time. Users whose name begins with 'n' do not exist; the others' MD5 A1 is `version`. */
struct fake {
	_Atomic int fail;    /* enum err that every use gives */
	_Atomic int no_open; /* opening gives ERR_IO */
	_Atomic int version;
	_Atomic bool hold; /* uses wait for `gate` */
	_Atomic bool gone; /* probing gives ERR_IO */
	sem_t gate, entered;
	_Atomic unsigned opened, closed, gets, records;
	_Atomic usec_t now;
};

extern struct fake fake;

void fake_reset(void);
usec_t fake_clock(void);
enum err fake_open(void *arg, enum store_role role, struct buf *why, struct store **out_s);

/* An answer that can be waited for. */
struct answer {
	sem_t ready;
	enum err e;
	struct digest_ha1s ha1s;
	unsigned times;
};

void answer_init(struct answer *a);
void answer_take(void *arg, enum err e, const struct digest_ha1s *ha1s);
enum err answer_wait(struct answer *a);

#endif
