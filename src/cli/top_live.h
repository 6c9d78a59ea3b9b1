/* SPDX-License-Identifier: MIT
 *
 * The loop of the live screen: pictures when they are due, keys when they come, and what keys ask
 * the daemon for. */
#ifndef CLI_TOP_LIVE_H
#define CLI_TOP_LIVE_H

#include "cli/top_feed.h"
#include "cli/top_view.h"

/* Until a person quits, or the terminal or a signal says so. The screen is opened before and closed
 * after by the caller. Gives an exit code. */
int top_live(struct top_feed *f, struct top_model *m, struct top_view *v);

usec_t top_clock(void);                 /* monotonic */
void top_note_time(struct top_view *v); /* the time of the day, into v->clock */

#endif
