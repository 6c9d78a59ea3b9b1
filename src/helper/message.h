/* SPDX-License-Identifier: MIT
 *
 * What the daemon and its helper say to each other: a closed set of typed messages, one a datagram
 * of a SOCK_SEQPACKET socket. A message is a header (four bytes of magic and version, type, zero,
 * count, sequence) and `count` items whose size follows from the type; numbers are little-endian.
 * Bytes in, bytes out.
 *
 * The helper believes nothing: a message that is a byte too long, has a word outside of its bounds
 * or a reserved byte that is not zero is refused as a whole. What message_read lets through can be
 * acted on, and may be put into a command of nftables.
 *
 *   daemon -> helper                        helper -> daemon
 *   CONFIGURE  how to block                 HELLO    a worker begins, knowing nothing
 *   SYNC_BEGIN all that follow are all      RESULT   of each backend, one a request
 *   ADD        n bans                       FIGURES  the answer to STATS
 *   REMOVE     n ends of bans               REFUSED  the request was wrong: nothing was done
 *   SYNC_END
 *   STATS
 *   STOP       the end of the daemon */
#ifndef HELPER_MESSAGE_H
#define HELPER_MESSAGE_H

#include "base/buf.h"
#include "helper/setup.h"

#define MESSAGE_ITEMS    1000
#define MESSAGE_TEXT_MAX 120   /* bytes of a reason, without its end */
#define MESSAGE_BYTES    24032 /* no message is longer */

enum message_type {
	MESSAGE_CONFIGURE = 1,
	MESSAGE_SYNC_BEGIN,
	MESSAGE_ADD,
	MESSAGE_REMOVE,
	MESSAGE_SYNC_END,
	MESSAGE_STATS,
	MESSAGE_STOP,
	MESSAGE_HELLO = 65,
	MESSAGE_RESULT,
	MESSAGE_FIGURES,
	MESSAGE_REFUSED
};

/* How a backend is after a request. */
enum message_state {
	MESSAGE_OFF,    /* was not asked for */
	MESSAGE_UP,     /* did it */
	MESSAGE_FAILED, /* could not; text says why */
	MESSAGE_PARTLY, /* did it, but not everywhere; text says where not */
	MESSAGE_STATES
};

struct message_result {
	enum helper_backend backend;
	enum message_state state;
	int error; /* errno, or 0 */
	char text[MESSAGE_TEXT_MAX + 1];
};

struct message_figures {
	enum helper_backend backend;
	enum message_state state;
	uint64_t entries, evicted, packets, bytes;
};

struct message {
	enum message_type type;
	uint32_t sequence; /* of a request; an answer has that of its request */
	size_t n;          /* of bans, results, figures */
	union {
		struct helper_setup setup;             /* CONFIGURE */
		struct helper_ban bans[MESSAGE_ITEMS]; /* ADD, REMOVE: at least one */
		bool keep;                             /* STOP */
		uint32_t generation;                   /* HELLO; grows with each worker */
		struct message_result results[HELPER_BACKENDS];
		struct message_figures figures[HELPER_BACKENDS];
		char text[MESSAGE_TEXT_MAX + 1]; /* REFUSED */
	};
};

/* Whether the kernel may be told to block this: unicast that is not of this host or link, not
 * shorter than the bounds of setup.h, no host bits. */
bool message_may_block(const struct prefix *p);

/* OK, or ERR_SYNTAX with a static sentence; *out_m is then undefined. from_daemon: which half of
 * the types is accepted. */
NODISCARD enum err message_read(
    struct span datagram, bool from_daemon, struct message *out_m, const char **out_why);

/* The sequence of a datagram that may be wrong in all else; 0 when it has none. */
uint32_t message_sequence(struct span datagram);

/* Writes a message whose fields are within their bounds. ERR_RANGE: b has no room (MESSAGE_BYTES
 * always does). */
NODISCARD enum err message_write(const struct message *m, struct buf *b);

/* A text for `results` and `text`: printable ASCII as it is, cut to the room. */
void message_set_text(char text[MESSAGE_TEXT_MAX + 1], struct span s);

const char *helper_backend_name(enum helper_backend b);

#endif
