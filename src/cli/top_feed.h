/* SPDX-License-Identifier: MIT
 *
 * Where the pictures of `top` come from: a conversation with the daemon that never waits, a slice
 * of the ledger a question. Each picture has a connection of its own, so a daemon that was
 * restarted is found again by itself. */
#ifndef CLI_TOP_FEED_H
#define CLI_TOP_FEED_H

#include "admin/client.h"
#include "cli/top_model.h"

struct top_feed {
	const char *path;            /* of the control socket; borrowed */
	struct admin_client *client; /* NULL: nothing is being asked */
	const char *filter;          /* borrowed until the picture is whole */
	usec_t asked;                /* when the question on its way was sent */
};

enum top_feed_news {
	TOP_FEED_NOTHING, /* still waiting */
	TOP_FEED_PICTURE, /* model->now is new */
	TOP_FEED_REFUSED, /* the daemon said no: `why` has its words */
	TOP_FEED_LOST     /* it is not reached, or does not answer: `why` says how */
};

/* Begins a picture; one that was not finished is given up. NOTHING when it has begun. */
enum top_feed_news top_feed_ask(
    struct top_feed *f, struct top_model *m, const char *filter, usec_t now, struct buf *why);

/* Takes what has come, at most for timeout_ms; call it when the descriptor is readable, and now and
 * then to see that nothing comes for too long. */
enum top_feed_news top_feed_read(
    struct top_feed *f, struct top_model *m, int timeout_ms, usec_t now, struct buf *why);

/* To wait for; -1: nothing is being asked. */
int top_feed_fd(const struct top_feed *f);

void top_feed_done(struct top_feed *f);

#endif
