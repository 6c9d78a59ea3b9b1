/* SPDX-License-Identifier: MIT */
#include "cli/why_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/tail.h"
#include "cli/text.h"

#define PATH_BYTES 4096

struct reading {
	struct why_story *story;
	struct why_files *out;
	uint64_t left; /* bytes that may still be looked at */
	bool enough;
};

/* ---- lines ---- */

static bool has_bytes(struct span line, struct span what)
{
	return memmem(line.p, line.n, what.p, what.n) != NULL;
}

/* user@domain, whatever the case of its letters. */
static bool has_account(struct span line, struct span account)
{
	size_t user = span_find(account, '@');
	const char *end = line.p + line.n;

	for (const char *p = line.p; (p = memchr(p, '@', (size_t)(end - p))) != NULL; p++)
		if ((size_t)(p - line.p) >= user && (size_t)(end - p) >= account.n - user &&
		    ascii_ieq(p - user, account.p, account.n))
			return true;
	return false;
}

/* JSON writes it as it is. */
static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

/* Cheap, before the line is parsed: false when it is surely about something else. */
static bool may_fit(const struct why_story *s, struct span line)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF(text);
	struct addr a = {0};

	if (s->kind == WHY_ACCOUNT)
		return !is_plain(s->about) || has_account(line, s->about);
	if (s->kind == WHY_CALL)
		return !is_plain(s->about) ||
		       has_bytes(line, span_of(s->about.p, MIN(s->about.n, 100)));
	memcpy(a.ip, s->prefix.ip, sizeof(a.ip));
	if (!s->single || !addr_is_v4(&a))
		return true;
	buf_add_lit(&b, "\"");
	addr_add_ip(&b, &a);
	buf_add_lit(&b, "\"");
	return has_bytes(line, buf_span(&b));
}

/* The time stands first in a line. */
static usec_t time_of(struct span line)
{
	static const struct span key = {"{\"ts\":\"", 7};

	return line.n > key.n + 27 && span_starts(line, key) ? why_time(span_of(line.p + key.n, 27))
							     : 0;
}

static void take(struct reading *r, struct span line, enum why_origin origin)
{
	json_t *event;

	if (!may_fit(r->story, line))
		return;
	event = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
	if (json_is_object(event) && why_story_wants(r->story, event))
		(void)why_story_add(r->story, event, origin);
	else
		json_decref(event);
}

/* ---- plain files: from the end ---- */

static bool on_line(void *arg, struct span line)
{
	struct reading *r = arg;
	usec_t wall = time_of(line);

	r->out->cut = r->left < line.n;
	r->left -= MIN(r->left, line.n + 1);
	r->enough = r->left == 0 || (wall && wall < r->story->since) ||
		    r->story->n >= WHY_ITEMS_MAX * 3 / 2;
	if (!r->enough)
		take(r, line, WHY_OF_FILE);
	return !r->enough;
}

static void say(struct reading *r, const char *path, const char *what)
{
	fprintf(stderr, "ringfence: %s: %s\n", path, what);
	r->out->failed++;
}

/* False: there is no such file. */
static bool read_plain(struct reading *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err e;

	if (fd < 0 && errno == ENOENT)
		return false;
	r->out->read++;
	if (fd < 0) {
		say(r, path, strerror(errno));
		return true;
	}
	e = tail_read(fd, on_line, r);
	close(fd);
	if (e != OK)
		say(r, path, e == ERR_IO ? strerror(errno) : err_text(e));
	return true;
}

/* ---- packed files: from the beginning ---- */

static bool read_packed(struct reading *r, const char *path)
{
	char *line;
	gzFile f;
	int error = Z_OK;

	if (access(path, F_OK) != 0)
		return false;
	r->out->read++;
	f = gzopen(path, "rbe");
	line = malloc(TAIL_LINE_MAX);
	if (!f || !line)
		say(r, path, f ? err_text(ERR_NOMEM) : strerror(errno));
	while (f && line && !r->enough && gzgets(f, line, TAIL_LINE_MAX)) {
		struct span s = span_trim(span_str(line));
		usec_t wall = time_of(s);

		r->out->cut = r->enough = r->left < s.n;
		r->left -= MIN(r->left, s.n + 1);
		if (!r->enough && (!wall || wall >= r->story->since))
			take(r, s, WHY_OF_PACKED);
	}
	if (f && line && !r->enough && !gzeof(f))
		say(r, path, gzerror(f, &error));
	if (f)
		(void)gzclose_r(f);
	free(line);
	return true;
}

/* One sink: its file and those put aside, until one of them is missing. logrotate moves them while
 * we read, so the first two may be the same: each event is kept once all the same. */
static void read_sink(struct reading *r, const char *path)
{
	char name[PATH_BYTES];

	(void)read_plain(r, path);
	for (unsigned i = 1; i <= WHY_FILES_MAX && !r->enough; i++) {
		int n = snprintf(name, sizeof(name) - 3, "%s.%u", path, i);

		if (n < 0 || (size_t)n >= sizeof(name) - 3)
			return;
		if (read_plain(r, name))
			continue;
		memcpy(name + n, ".gz", 4);
		if (!read_packed(r, name))
			return;
	}
}

void why_files_read(struct why_story *s, struct why_files *out)
{
	struct reading r = {.story = s, .out = out, .left = WHY_READ_MAX};

	*out = (struct why_files){0};
	for (size_t i = 0; s->conf && i < s->conf->sinks_count; i++) {
		r.enough = false;
		if (s->conf->sinks[i].kind == CONF_SINK_FILE && r.left)
			read_sink(&r, s->conf->sinks[i].path.p);
	}
}
