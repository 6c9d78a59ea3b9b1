/* SPDX-License-Identifier: MIT
 *
 * Letters from any thread to one loop: a ring of fixed size without locks, and a wake-up that many
 * letters share. What a letter points to changes owner with it. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "net/loop.h"

/* The meaning is between sender and receiver. */
struct mail {
	uint32_t kind;
	uint32_t n;
	void *ptr;
	uint64_t a, b;
};

typedef void (*mail_fn)(void *arg, const struct mail *m);

struct mailbox;

/* capacity: letters, rounded up to a power of two. received: in the loop's thread, in the order of
 * each sender. dropped: for letters that are still there at mailbox_free, so that what they own can
 * be freed; may be NULL. ERR_NOMEM, ERR_IO. */
NODISCARD enum err mailbox_new(struct net_loop *l, size_t capacity, mail_fn received,
    mail_fn dropped, void *arg, struct mailbox **out_mb);

/* In the loop's thread, when no thread posts any more. NULL is fine. */
void mailbox_free(struct mailbox *mb);

size_t mailbox_memory(size_t capacity);

/* From any thread; never blocks. *m is copied. ERR_FULL is counted, and *m is still the caller's.
 */
NODISCARD enum err mailbox_post(struct mailbox *mb, const struct mail *m);

/* Letters refused for lack of room; from any thread. */
uint64_t mailbox_refused(const struct mailbox *mb);

#endif
