/* SPDX-License-Identifier: MIT
 *
 * What a story leads to: other names in it, and what would have to change. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/text.h"
#include "cli/why_pieces.h"

/* ---- names ---- */

static struct span name_in(const struct why_story *s, const json_t *event)
{
	struct span name;

	if (s->kind != WHY_SOURCE)
		return text_member(json_object_get(event, "source"), "ip");
	name = text_member(event, "account");
	if (name.n)
		return name;
	return event_uri_account(text_member(json_object_get(event, "sip"), "to"));
}

static int by_count(const void *a, const void *b)
{
	const struct why_name *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->last < y->last) - (x->last > y->last);
}

static void count_name(struct why_names *out, struct span name, const struct why_item *item)
{
	struct why_name *found = NULL;

	name.n = MIN(name.n, sizeof(out->list[0].text) - 1);
	for (size_t i = 0; i < out->n && !found; i++)
		if (span_eq(name, span_str(out->list[i].text)))
			found = &out->list[i];
	if (!found && out->n == WHY_NAMES_MAX) {
		out->more = true;
		return;
	}
	if (!found) {
		found = &out->list[out->n++];
		*found = (struct why_name){0};
		memcpy(found->text, name.p, name.n);
	}
	found->count += item->count;
	found->last = MAX(found->last, item->until);
}

void why_names(const struct why_story *s, struct why_names *out)
{
	out->n = 0;
	out->more = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct why_item *item = &s->items[i];
		struct span name = name_in(s, item->event);

		if (name.n && !memchr(name.p, '\0', name.n) &&
		    !span_eq(text_member(item->event, "event"), SPAN("standing")))
			count_name(out, name, item);
		if (text_member(item->event, "several").n)
			out->more = true;
	}
	qsort(out->list, out->n, sizeof(out->list[0]), by_count);
}

/* ---- what would have to change ---- */

PRINTF(2, 3)
static void say(struct why_changes *out, const char *form, ...)
{
	va_list va;

	if (out->n == WHY_CHANGES_MAX)
		return;
	va_start(va, form);
	(void)vsnprintf(out->text[out->n++], sizeof(out->text[0]), form, va);
	va_end(va);
}

static const char *duration(char text[static TEXT_FIGURE_MAX], uint64_t seconds)
{
	struct buf b = buf_of(text, TEXT_FIGURE_MAX);

	text_add_time(&b, seconds);
	return buf_terminate(&b) ? text : "";
}

static const char *clock_at(char text[static 32], usec_t wall)
{
	time_t t = (time_t)(wall / USEC_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm))
		return "?";
	return text;
}

/* How long until a score that halves is below a threshold. */
static uint64_t seconds_until(double score, double threshold, double half_life)
{
	return threshold > 0 && score > threshold
		   ? (uint64_t)ceil(half_life * log2(score / threshold))
		   : 0;
}

/* Escaped, as it goes to a terminal. */
static const char *shown_about(const struct why_story *s, char text[static 160])
{
	struct buf b = buf_of(text, 160);

	buf_add_escaped(&b, s->about, 36);
	return buf_terminate(&b) ? text : "";
}

static void change_ban(
    const struct why_story *s, uint64_t seconds, usec_t now, struct why_changes *out)
{
	char name[160], time[32], left[TEXT_FIGURE_MAX];
	const char *about = shown_about(s, name);

	say(out, "The ban ends by itself at %s, in %s. `ringfence unban %s` ends it now.",
	    clock_at(time, now + seconds * USEC_SEC), duration(left, seconds), about);
	say(out,
	    "`standing.allow: [%s]` in the configuration and `ringfence reload` would exempt "
	    "it for good.",
	    about);
}

/* Suspect is left at half of its threshold only (docs/standing.md). */
static void change_score(double score, double suspect, double half_life, struct why_changes *out)
{
	char left[TEXT_FIGURE_MAX], until_half[TEXT_FIGURE_MAX];
	uint64_t seconds = seconds_until(score, suspect, half_life);

	if (seconds)
		say(out,
		    "The score (%.1f) falls below suspect (%.0f) in %s if nothing more happens; "
		    "suspect it stays until half of that, for %s.",
		    score, suspect, duration(left, seconds),
		    duration(until_half, seconds_until(score, suspect / 2, half_life)));
}

/* Its score is below the threshold again, but not yet by half. */
static void change_suspect(const json_t *st, struct why_changes *out)
{
	char left[TEXT_FIGURE_MAX];

	if (text_number(st, "suspect_for") && why_number(st, "score") <= why_number(st, "suspect"))
		say(out, "It stays suspect for %s, until its score (%.1f) is down to %.1f.",
		    duration(left, text_number(st, "suspect_for")), why_number(st, "score"),
		    why_number(st, "suspect") / 2);
	if (why_number(st, "unproven_score") >= 0.05)
		say(out,
		    "Messages that may be forged add a score of %.1f: it makes suspect, and bans "
		    "nobody.",
		    why_number(st, "unproven_score"));
}

/* Banned by hand, with a network that holds it. */
static void change_prefix(const json_t *ban, struct why_changes *out)
{
	struct span prefix = text_member(ban, "source");
	char left[TEXT_FIGURE_MAX];

	if (prefix.n)
		say(out,
		    "%.*s, which holds it, is banned by hand for %s more; `ringfence unban %.*s` "
		    "ends it, `ringfence why %.*s` tells who did it.",
		    SPAN_FMT(prefix), duration(left, text_number(ban, "expires_in")),
		    SPAN_FMT(prefix), SPAN_FMT(prefix));
}

static bool has_observed(const struct why_story *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (span_eq(text_member(s->items[i].event, "mode"), SPAN("observe")))
			return true;
	return false;
}

static void change_source(
    const struct why_story *s, const json_t *st, usec_t now, struct why_changes *out)
{
	const json_t *policy = json_object_get(s->present, "policy");
	struct span exempt = text_member(st, "exempt"), tier = text_member(st, "tier");
	char left[TEXT_FIGURE_MAX];
	uint64_t held = text_number(st, "held_for"), banned = text_number(st, "banned_for");

	if (exempt.n)
		say(out, "It is never banned: %.*s.", SPAN_FMT(exempt));
	if (banned)
		change_ban(s, banned, now, out);
	change_prefix(json_object_get(s->present, "prefix_ban"), out);
	if (held)
		say(out, "It is held for %s, and longer while it goes on sending too much.",
		    duration(left, held));
	if (!exempt.n)
		change_score(why_number(st, "score"), why_number(st, "suspect"),
		    why_number(policy, "half_life"), out);
	if (!exempt.n)
		change_suspect(st, out);
	if (!span_eq(text_member(policy, "mode"), SPAN("enforce")) && policy)
		say(out,
		    "standing.mode is %.*s: nobody is banned. `enforce` would carry out what is "
		    "marked as observed.",
		    SPAN_FMT(text_member(policy, "mode")));
	else if (has_observed(s))
		say(out,
		    "What \"would have been\" was only recorded: its control is in mode observe. "
		    "With enforce it is carried out.");
	if (!out->n && s->single)
		say(out, "Nothing: it is served now, as %.*s.", SPAN_FMT(tier));
}

static void change_account(const struct why_story *s, struct why_changes *out)
{
	const json_t *a = json_object_get(s->present, "account");
	char left[TEXT_FIGURE_MAX], window[TEXT_FIGURE_MAX];

	if (!json_is_true(json_object_get(a, "under_attack"))) {
		say(out, "Nothing: the account is open. A source that is refused has a story of "
			 "its own: `ringfence why ADDRESS`.");
		return;
	}
	say(out,
	    "The account opens again in %s, unless further new places try it: more than %llu "
	    "failures in %s close it.",
	    duration(left, text_number(a, "closed_for")),
	    (unsigned long long)text_number(a, "threshold"),
	    duration(window, text_number(a, "window")));
	say(out, "Its owner may log in from where it logged in before; from a new place only with "
		 "the address of that place in `standing.allow`.");
}

/* What decided last about a call. */
static void change_call(const struct why_story *s, struct why_changes *out)
{
	for (size_t i = s->n; i-- > 0;) {
		struct span name = text_member(s->items[i].event, "reason");
		enum reason r;

		if (reason_parse(name, &r) != OK || r == REASON_AUTH_CHALLENGE)
			continue;
		if (strcmp(reason_info(r)->advice, "Nothing to do.") == 0)
			say(out, "Nothing: it was not refused.");
		else
			say(out, "%.*s: %s", SPAN_FMT(name), reason_info(r)->advice);
		break;
	}
}

/* Without the daemon: the last that the files tell. */
static void change_by_files(const struct why_story *s, usec_t now, struct why_changes *out)
{
	const struct conf *c = s->conf;
	bool scored = false;

	for (size_t i = s->n; i-- > 0;) {
		const json_t *e = s->items[i].event;
		struct span reason = text_member(e, "reason");
		uint64_t window = why_whole(json_object_get(e, "evidence"), "window");
		usec_t until = s->items[i].wall + window * USEC_SEC;

		if (span_eq(reason, SPAN("standing.unbanned")))
			break;
		if (!scored && c && json_is_number(json_object_get(e, "score")))
			change_score(why_number(e, "score") *
					 exp2(-(double)(now - MIN(now, s->items[i].until)) /
					      (double)c->standing.half_life),
			    c->standing.suspect, (double)c->standing.half_life / USEC_SEC, out);
		scored = true;
		if ((span_eq(reason, SPAN("standing.banned")) ||
			span_eq(reason, SPAN("standing.manual"))) &&
		    span_eq(text_member(e, "mode"), SPAN("enforce"))) {
			if (until > now)
				change_ban(s, (until - now + USEC_SEC - 1) / USEC_SEC, now, out);
			break;
		}
	}
	say(out, "This is what the files tell: no daemon was asked how it stands now.");
}

void why_changes(const struct why_story *s, usec_t now, struct why_changes *out)
{
	const json_t *st = json_object_get(s->present, "standing");

	out->n = 0;
	if (s->kind == WHY_CALL)
		change_call(s, out);
	else if (!s->present)
		change_by_files(s, now, out);
	else if (s->kind == WHY_ACCOUNT)
		change_account(s, out);
	else
		change_source(s, st, now, out);
}
