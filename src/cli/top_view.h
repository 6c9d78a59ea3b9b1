/* SPDX-License-Identifier: MIT
 *
 * What a person sees of the model and what keys do to that. Pure: a key gives a change of the view
 * and at most one thing to do, which is the caller's business. */
#ifndef CLI_TOP_VIEW_H
#define CLI_TOP_VIEW_H

#include "cli/top_lines.h"
#include "cli/top_model.h"

#define TOP_FILTER_MAX  48
#define TOP_MESSAGE_MAX 240

enum top_mode {
	TOP_LIST,
	TOP_DETAIL, /* about one source */
	TOP_HELP
};

enum top_prompt { TOP_NO_PROMPT, TOP_ASK_FILTER, TOP_ASK_BAN, TOP_ASK_UNBAN };

struct top_view {
	enum top_mode mode;
	enum top_prompt prompt;
	bool plain;  /* for a file: no selection, no line of keys */
	bool paused; /* no new pictures */
	bool utf8;

	char selected[TOP_NAME_MAX]; /* follows the source, wherever it moves; "": none */
	size_t at;                   /* its row when it was last seen */
	size_t first;                /* of the rows shown */

	char filter[TOP_FILTER_MAX];   /* in force */
	char typed[TOP_FILTER_MAX];    /* being typed */
	char asked[TOP_NAME_MAX];      /* whom the question is about */
	char message[TOP_MESSAGE_MAX]; /* what came of the last thing done; "" */
	bool message_warns;
	char lost[TOP_MESSAGE_MAX]; /* why the daemon is not reached; "": it is */
	char clock[24];             /* time of the day of the picture */
	double every;               /* seconds between two pictures */

	char about[TOP_NAME_MAX]; /* TOP_DETAIL: the source */
	struct top_lines lines;
	size_t line; /* the first one shown */
};

/* Keys that are not characters. */
enum top_key {
	TOP_KEY_NONE = 0,
	TOP_KEY_ESCAPE = 27,
	TOP_KEY_UP = 0x100,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_BACKSPACE,
	TOP_KEY_RESIZE,
	TOP_KEY_OTHER /* none that means anything here */
};

enum top_action {
	TOP_DO_NOTHING,
	TOP_DO_QUIT,
	TOP_DO_ASK,    /* another picture is wanted: key or filter changed, or by hand */
	TOP_DO_DETAIL, /* ask about view->about and fill view->lines */
	TOP_DO_BAN,    /* of view->asked */
	TOP_DO_UNBAN
};

/* key: a character or enum top_key. rows: sources, or lines of the detail, that are shown at once.
 */
enum top_action top_view_key(struct top_view *v, struct top_model *m, int key, size_t rows);

/* After a new picture or another size: the selection is found again, and in sight. */
void top_view_settle(struct top_view *v, const struct top_model *m, size_t rows);

/* What is said in the last line until the next key. */
PRINTF(3, 4) void top_view_say(struct top_view *v, bool warns, const char *fmt, ...);

#endif
