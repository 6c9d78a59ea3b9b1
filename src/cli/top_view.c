/* SPDX-License-Identifier: MIT */
#include "cli/top_view.h"

#include <stdio.h>
#include <string.h>

void top_view_say(struct top_view *v, bool warns, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->message, sizeof(v->message), fmt, ap);
	va_end(ap);
	v->message_warns = warns;
}

/* ---- the selection ---- */

static void select_row(struct top_view *v, const struct top_model *m, size_t at)
{
	v->selected[0] = '\0';
	if (m->now->n == 0)
		return;
	v->at = MIN(at, m->now->n - 1);
	memcpy(v->selected, m->now->sources[v->at].name, sizeof(v->selected));
}

static void keep_in_sight(struct top_view *v, const struct top_model *m, size_t rows)
{
	size_t last = m->now->n > rows ? m->now->n - rows : 0;

	if (v->selected[0]) {
		if (v->at < v->first)
			v->first = v->at;
		if (rows && v->at >= v->first + rows)
			v->first = v->at - rows + 1;
	}
	v->first = MIN(v->first, last);
}

void top_view_settle(struct top_view *v, const struct top_model *m, size_t rows)
{
	if (v->mode == TOP_DETAIL) {
		v->line = MIN(v->line, v->lines.n > rows ? v->lines.n - rows : 0);
		return;
	}
	if (v->selected[0]) {
		const struct top_source *s = top_find(m, v->selected);

		if (s)
			v->at = (size_t)(s - m->now->sources);
		else
			select_row(v, m, v->at);
	}
	keep_in_sight(v, m, rows);
}

static void move(struct top_view *v, const struct top_model *m, long by, size_t rows)
{
	long at = v->selected[0] ? (long)v->at + by : 0;

	select_row(v, m, (size_t)MAX(at, 0L));
	keep_in_sight(v, m, rows);
}

/* ---- prompts ---- */

static enum top_action key_of_filter(struct top_view *v, int key)
{
	size_t n = strlen(v->typed);

	if (key == TOP_KEY_ESCAPE) {
		v->prompt = TOP_NO_PROMPT;
	} else if (key == TOP_KEY_ENTER) {
		struct standing_filter f;

		v->prompt = TOP_NO_PROMPT;
		if (standing_filter_parse(span_str(v->typed), &f) != OK) {
			top_view_say(v, true, "%s: no address, and no tier or reason is called so",
			    v->typed);
			return TOP_DO_NOTHING;
		}
		memcpy(v->filter, v->typed, sizeof(v->filter));
		v->first = 0;
		v->selected[0] = '\0';
		return TOP_DO_ASK;
	} else if (key == TOP_KEY_BACKSPACE && n > 0) {
		v->typed[n - 1] = '\0';
	} else if (key == 'U' - '@') { /* as in a shell: all of it */
		v->typed[0] = '\0';
	} else if (key > ' ' && key < 0x7f && n + 1 < sizeof(v->typed)) {
		v->typed[n] = (char)key;
		v->typed[n + 1] = '\0';
	}
	return TOP_DO_NOTHING;
}

static enum top_action key_of_question(struct top_view *v, int key)
{
	enum top_action yes = v->prompt == TOP_ASK_BAN ? TOP_DO_BAN : TOP_DO_UNBAN;

	v->prompt = TOP_NO_PROMPT;
	if (key == 'y' || key == 'Y')
		return yes;
	top_view_say(v, false, "nothing was done");
	return TOP_DO_NOTHING;
}

/* Bans and stories are of addresses and prefixes: a device, "192.0.2.7:5060" or
 * "[2001:db8::/64]:5060", is meant by its address. */
static void copy_address(char to[static TOP_NAME_MAX], const char *name)
{
	struct span s = span_str(name), bracketed;

	if (s.n && s.p[0] == '[') {
		s = span_of(s.p + 1, s.n - 1);
		if (span_cut(&s, ']', &bracketed))
			s = bracketed;
	} else if (span_find(s, ':') < s.n &&
		   !memchr(s.p + span_find(s, ':') + 1, ':', s.n - span_find(s, ':') - 1)) {
		s.n = span_find(s, ':');
	}
	memmove(to, s.p, s.n);
	to[s.n] = '\0';
}

static void ask(struct top_view *v, enum top_prompt what)
{
	const char *whom = v->mode == TOP_DETAIL ? v->about : v->selected;

	if (!whom[0]) {
		top_view_say(v, true, "choose a source first, with the arrow keys");
		return;
	}
	copy_address(v->asked, whom);
	v->prompt = what;
}

/* ---- modes ---- */

static enum top_action next_sort(struct top_view *v, struct top_model *m, int by)
{
	unsigned key = (unsigned)((int)m->sort + by + STANDING_TOP_KEYS) % STANDING_TOP_KEYS;

	top_model_sort(m, (enum standing_top_key)key, m->reverse);
	v->first = 0;
	v->selected[0] = '\0';
	return TOP_DO_ASK;
}

static enum top_action open_detail(struct top_view *v, const struct top_model *m)
{
	if (!v->selected[0])
		select_row(v, m, v->first);
	if (!v->selected[0])
		return TOP_DO_NOTHING;
	copy_address(v->about, v->selected);
	v->line = 0;
	return TOP_DO_DETAIL;
}

static enum top_action pause(struct top_view *v)
{
	v->paused = !v->paused;
	return v->paused ? TOP_DO_NOTHING : TOP_DO_ASK;
}

static void begin_filter(struct top_view *v)
{
	v->prompt = TOP_ASK_FILTER;
	memcpy(v->typed, v->filter, sizeof(v->typed));
}

static enum top_action turn_around(struct top_view *v, struct top_model *m)
{
	top_model_sort(m, m->sort, !m->reverse);
	v->first = 0;
	return TOP_DO_NOTHING;
}

/* Escape leaves what is special: first the selection, then the filter. */
static enum top_action step_back(struct top_view *v)
{
	if (v->selected[0]) {
		v->selected[0] = '\0';
		return TOP_DO_NOTHING;
	}
	if (!v->filter[0])
		return TOP_DO_NOTHING;
	v->filter[0] = '\0';
	return TOP_DO_ASK;
}

static enum top_action key_of_list(struct top_view *v, struct top_model *m, int key, size_t rows)
{
	switch (key) {
	case 'q':
		return TOP_DO_QUIT;
	case 's':
	case TOP_KEY_RIGHT:
		return next_sort(v, m, 1);
	case 'S':
	case TOP_KEY_LEFT:
		return next_sort(v, m, -1);
	case 'r':
		return turn_around(v, m);
	case TOP_KEY_UP:
	case 'k':
		move(v, m, -1, rows);
		break;
	case TOP_KEY_DOWN:
	case 'j':
		move(v, m, 1, rows);
		break;
	case TOP_KEY_PAGE_UP:
		move(v, m, -(long)rows, rows);
		break;
	case TOP_KEY_PAGE_DOWN:
		move(v, m, (long)rows, rows);
		break;
	case TOP_KEY_HOME:
		move(v, m, -TOP_SOURCES, rows);
		break;
	case TOP_KEY_END:
		move(v, m, TOP_SOURCES, rows);
		break;
	case TOP_KEY_ENTER:
		return open_detail(v, m);
	case TOP_KEY_ESCAPE:
		return step_back(v);
	case ' ':
		return TOP_DO_ASK;
	default:
		break;
	}
	return TOP_DO_NOTHING;
}

static enum top_action key_of_detail(struct top_view *v, int key, size_t rows)
{
	size_t last = v->lines.n > rows ? v->lines.n - rows : 0;

	switch (key) {
	case 'q':
	case TOP_KEY_ESCAPE:
	case TOP_KEY_LEFT:
	case TOP_KEY_BACKSPACE:
		v->mode = TOP_LIST;
		break;
	case TOP_KEY_UP:
	case 'k':
		v->line -= v->line > 0;
		break;
	case TOP_KEY_DOWN:
	case 'j':
		v->line++;
		break;
	case TOP_KEY_PAGE_UP:
		v->line -= MIN(v->line, rows);
		break;
	case TOP_KEY_PAGE_DOWN:
	case ' ':
		v->line += rows;
		break;
	case TOP_KEY_HOME:
		v->line = 0;
		break;
	case TOP_KEY_END:
		v->line = last;
		break;
	case TOP_KEY_ENTER:
		return TOP_DO_DETAIL;
	default:
		break;
	}
	v->line = MIN(v->line, last);
	return TOP_DO_NOTHING;
}

enum top_action top_view_key(struct top_view *v, struct top_model *m, int key, size_t rows)
{
	if (key == TOP_KEY_RESIZE || key == TOP_KEY_NONE)
		return TOP_DO_NOTHING;
	if (v->prompt == TOP_ASK_FILTER)
		return key_of_filter(v, key);
	if (v->prompt != TOP_NO_PROMPT)
		return key_of_question(v, key);
	v->message[0] = '\0';
	if (v->mode == TOP_HELP) {
		v->mode = TOP_LIST;
		return TOP_DO_NOTHING;
	}
	switch (key) {
	case 'b':
		ask(v, TOP_ASK_BAN);
		return TOP_DO_NOTHING;
	case 'u':
		ask(v, TOP_ASK_UNBAN);
		return TOP_DO_NOTHING;
	case 'p':
		return pause(v);
	case 'h':
	case '?':
		v->mode = TOP_HELP;
		return TOP_DO_NOTHING;
	case '/':
		if (v->mode == TOP_LIST)
			begin_filter(v);
		return TOP_DO_NOTHING;
	default:
		return v->mode == TOP_DETAIL ? key_of_detail(v, key, rows)
					     : key_of_list(v, m, key, rows);
	}
}
