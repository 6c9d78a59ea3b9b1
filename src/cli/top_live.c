/* SPDX-License-Identifier: MIT */
#include "cli/top_live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "cli/top_layout.h"
#include "cli/top_screen.h"
#include "cli/top_story.h"

#define WHY_MAX   1024
#define RETRY     USEC_SEC           /* until a daemon that was not reached is tried again */
#define LOOK      (250 * USEC_MS)    /* whether an answer is overdue */
#define WORDS     "in ringfence top" /* the reason of a ban by hand */
#define CONTROL_L 12

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

struct live {
	struct top_feed *feed;
	struct top_model *model;
	struct top_view *view;
	usec_t due; /* of the next picture */
	bool asking;
	bool quit;
};

usec_t top_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

void top_note_time(struct top_view *v)
{
	time_t t = time(NULL);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(v->clock, sizeof(v->clock), "%H:%M:%S", &tm))
		v->clock[0] = '\0';
}

static size_t rows_shown(const struct live *l)
{
	int rows, cols;

	top_screen_size(&rows, &cols);
	return top_layout_rows(l->view, rows, cols);
}

static void settle(struct live *l)
{
	int rows, cols;

	top_screen_size(&rows, &cols);
	top_lines_wrap(&l->view->lines, cols);
	top_view_settle(l->view, l->model, top_layout_rows(l->view, rows, cols));
}

static void draw(struct live *l)
{
	struct top_page p;
	int rows, cols;

	top_screen_size(&rows, &cols);
	if (top_page_init(&p, rows, cols) != OK)
		return;
	top_layout(&p, l->model, l->view);
	top_screen_show(&p);
	top_page_done(&p);
}

/* ---- pictures ---- */

static void lost(struct live *l, const struct buf *why)
{
	struct top_view *v = l->view;

	(void)snprintf(v->lost, sizeof(v->lost), "the daemon is not reached, trying again: %.*s",
	    SPAN_FMT(buf_span(why)));
	l->due = top_clock() + RETRY;
}

static void take(struct live *l, enum top_feed_news news, const struct buf *why)
{
	struct top_view *v = l->view;

	l->asking = news == TOP_FEED_NOTHING;
	switch (news) {
	case TOP_FEED_NOTHING:
		return;
	case TOP_FEED_PICTURE:
		v->lost[0] = '\0';
		top_note_time(v);
		break;
	case TOP_FEED_REFUSED:
		top_view_say(v, true, "%.*s", SPAN_FMT(buf_span(why)));
		break;
	case TOP_FEED_LOST:
		lost(l, why);
		break;
	}
	settle(l);
	draw(l);
}

static void ask(struct live *l)
{
	char text[WHY_MAX];
	struct buf why = BUF(text);
	usec_t now = top_clock();

	l->due = now + (usec_t)(l->view->every * (double)USEC_SEC);
	take(l, top_feed_ask(l->feed, l->model, l->view->filter, now, &why), &why);
}

static void read_answer(struct live *l)
{
	char text[WHY_MAX];
	struct buf why = BUF(text);

	take(l, top_feed_read(l->feed, l->model, 0, top_clock(), &why), &why);
}

/* ---- what keys ask for ---- */

/* The daemon's answer to one question; NULL: it was said why not. The caller frees it. */
static json_t *call(struct live *l, json_t *request)
{
	char text[WHY_MAX];
	struct buf why = BUF(text);
	json_t *reply = NULL;
	enum err e = admin_call(l->feed->path, request, &why, &reply);

	json_decref(request);
	if (e == OK)
		return reply;
	top_view_say(l->view, true, "%.*s", SPAN_FMT(buf_span(&why)));
	json_decref(reply);
	return NULL;
}

static json_t *request_about(const char *command, const char *source)
{
	json_t *request = cli_request(command);

	cli_request_text(request, "source", source);
	cli_request_text(request, "reason", WORDS);
	return request;
}

static void ban(struct live *l)
{
	json_t *reply = call(l, request_about("ban", l->view->asked));
	char text[TEXT_FIGURE_MAX];
	struct buf b = BUF(text);

	if (!reply)
		return;
	text_add_duration(&b, text_number(reply, "expires_in"));
	top_view_say(
	    l->view, false, "%s is banned for %.*s", l->view->asked, SPAN_FMT(buf_span(&b)));
	json_decref(reply);
	l->due = 0;
}

static void unban(struct live *l)
{
	json_t *reply = call(l, request_about("unban", l->view->asked));
	struct span but = text_member(reply, "but");

	if (!reply)
		return;
	if (text_number(reply, "ended"))
		top_view_say(l->view, false, "%s is no longer banned", l->view->asked);
	else if (but.n)
		top_view_say(
		    l->view, true, "%s is not banned, but %.*s is", l->view->asked, SPAN_FMT(but));
	else
		top_view_say(l->view, true, "%s is not banned", l->view->asked);
	json_decref(reply);
	l->due = 0;
}

/* The story of one source, as `why` tells it. */
static void tell_story(struct live *l)
{
	char text[WHY_MAX];
	struct buf why = BUF(text);

	if (top_story(l->feed->path, l->view->about, &l->view->lines, &why) == OK)
		l->view->mode = TOP_DETAIL;
	else
		top_view_say(l->view, true, "%.*s", SPAN_FMT(buf_span(&why)));
}

static void act(struct live *l, enum top_action what)
{
	switch (what) {
	case TOP_DO_NOTHING:
		break;
	case TOP_DO_QUIT:
		l->quit = true;
		break;
	case TOP_DO_ASK:
		l->due = 0;
		break;
	case TOP_DO_DETAIL:
		tell_story(l);
		break;
	case TOP_DO_BAN:
		ban(l);
		break;
	case TOP_DO_UNBAN:
		unban(l);
		break;
	}
}

static void take_keys(struct live *l)
{
	bool any = false;
	int key;

	while (!l->quit && (key = top_screen_key()) != TOP_KEY_NONE) {
		any = true;
		if (key == CONTROL_L || key == TOP_KEY_RESIZE)
			top_screen_refresh();
		act(l, top_view_key(l->view, l->model, key, rows_shown(l)));
	}
	if (any && !l->quit) {
		settle(l);
		draw(l);
	}
}

/* ---- the loop ---- */

static int milliseconds_until(const struct live *l, usec_t now)
{
	usec_t until = l->asking ? now + LOOK : l->view->paused ? now + USEC_MIN : l->due;

	return until > now ? (int)((until - now + USEC_MS - 1) / USEC_MS) : 0;
}

/* False: the terminal is gone. */
static bool wait_for_something(struct live *l)
{
	struct pollfd p[2] = {
	    {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = top_feed_fd(l->feed), .events = POLLIN}};

	/* A signal, such as that of a new size, ends the wait as well. */
	if (poll(p, ARRAY_LEN(p), milliseconds_until(l, top_clock())) < 0)
		return errno == EINTR;
	return !(p[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction a = {.sa_handler = on_stop};

	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sigaction(numbers[i], &a, NULL);
}

int top_live(struct top_feed *f, struct top_model *m, struct top_view *v)
{
	struct live l = {.feed = f, .model = m, .view = v};

	catch_signals();
	top_note_time(v);
	draw(&l);
	while (!stopped && !l.quit) {
		bool due = l.due == 0 || (!v->paused && top_clock() >= l.due);

		if (due && (!l.asking || l.due == 0))
			ask(&l);
		if (!wait_for_something(&l))
			break;
		take_keys(&l);
		if (l.asking)
			read_answer(&l);
	}
	top_lines_done(&v->lines);
	return CLI_OK;
}
