/* SPDX-License-Identifier: MIT
 *
 * Bytes that wait on a connection, in one piece, taken from the front and added at the end. It has
 * memory only while it holds bytes, up to a cap, and all buffers of a worker share a budget.
 * Internal to net. */
#ifndef NET_STREAM_BUF_H
#define NET_STREAM_BUF_H

#include "base/buf.h"

struct stream_budget {
	size_t used, max;
};

struct stream_buf {
	char *p;
	uint32_t begin, n, size; /* n bytes from begin on, of size */
};

/* Makes room for `want` more bytes behind those that are there; *out_room is all the room there is
 * then, up to `cap` bytes in all. ERR_FULL when cap would be passed, ERR_NOMEM when the budget
 * would; nothing changed then. */
NODISCARD enum err stream_buf_room(struct stream_buf *b, struct stream_budget *budget, size_t want,
    size_t cap, struct buf *out_room);

/* n bytes were written into the room. */
void stream_buf_added(struct stream_buf *b, size_t n);

/* n bytes from the front are done with; memory goes back with the last. */
void stream_buf_consume(struct stream_buf *b, struct stream_budget *budget, size_t n);

static inline struct span stream_buf_span(const struct stream_buf *b)
{
	return b->n ? span_of(b->p + b->begin, b->n) : span_of(NULL, 0);
}

#endif
