/* SPDX-License-Identifier: MIT
 *
 * From the file to the snapshot, and the life of the snapshot. */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/assemble.h"
#include "conf/build.h"
#include "conf/snapshot.h"

#define CHUNK       (16 * 1024)
#define ARENA_LIMIT ((size_t)64 * 1024 * 1024) /* far over what the limits of the tree allow */

static struct snapshot *snapshot_new(const char *path)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	const char *slash = strrchr(path, '/');
	struct conf *c;

	if (!s)
		return NULL;
	arena_init(&s->arena, CHUNK, ARENA_LIMIT);
	atomic_init(&s->refs, 1);
	c = &s->conf;
	c->file = arena_dup(&s->arena, span_str(path));
	c->dir =
	    slash ? arena_dup(&s->arena, span_of(path, slash == path ? 1 : (size_t)(slash - path)))
		  : SPAN(".");
	if (!c->file.p || !c->dir.p) {
		conf_put(c);
		return NULL;
	}
	return s;
}

/* What the draft holds already is taken over, without the two that the snapshot has set. */
static void take_values(struct conf *c, const struct conf *draft)
{
	struct span file = c->file, dir = c->dir;

	*c = *draft;
	c->file = file;
	c->dir = dir;
}

static enum err make(
    struct span text, struct arena *scratch, struct conf_errors *errs, struct snapshot *s)
{
	struct draft draft = {.root = NULL};
	struct assembly a = {&draft, &s->conf, &s->arena, errs, false};
	size_t errors = errs->errors;
	bool nomem = false;
	struct node *root = tree_read(text, scratch, errs, &nomem);

	if (!root)
		return nomem ? ERR_NOMEM : ERR_SYNTAX;
	if (!build_draft(root, scratch, errs, &draft))
		return ERR_NOMEM;
	take_values(&s->conf, &draft.conf);
	if (!assemble(&a))
		return ERR_NOMEM;
	return errs->errors > errors ? ERR_SYNTAX : conf_snapshot_index(s);
}

enum err conf_load_text(
    struct span text, const char *path, struct conf **out_c, struct conf_errors *errs)
{
	struct snapshot *s = snapshot_new(path);
	struct arena scratch;
	enum err e = ERR_NOMEM;

	arena_init(&scratch, CHUNK, ARENA_LIMIT);
	if (s)
		e = make(text, &scratch, errs, s);
	arena_done(&scratch);
	conf_errors_sort(errs);
	if (e == ERR_NOMEM)
		conf_errors_report(errs, 0, 0, "no memory to read the configuration");
	else if (e == ERR_IO)
		conf_errors_report(errs, 0, 0, "the system gives no random numbers");
	if (e == OK)
		*out_c = &s->conf;
	else if (s)
		conf_put(&s->conf);
	return e;
}

/* Reads to the end or one byte over the cap, so that the cap is reported by the tree. */
static ssize_t read_all(int fd, char *p, size_t cap)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t got = read(fd, p + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* The whole file, or what of it is within the cap and one byte more. The caller frees *out_text.
 * ERR_IO with errno. */
static enum err read_file(const char *path, char **out_text, size_t *out_n)
{
	const size_t cap = TREE_TEXT_MAX + 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t n;
	enum err e;
	int why;

	if (fd < 0)
		return ERR_IO;
	text = malloc(cap);
	n = text ? read_all(fd, text, cap) : -1;
	why = errno;
	close(fd);
	errno = why;
	if (n >= 0) {
		*out_text = text;
		*out_n = (size_t)n;
		return OK;
	}
	e = text ? ERR_IO : ERR_NOMEM;
	free(text);
	return e;
}

enum err conf_load(const char *path, struct conf **out_c, struct conf_errors *errs)
{
	char *text;
	size_t n;
	enum err e = read_file(path, &text, &n);

	if (e == ERR_IO)
		conf_errors_report(errs, 0, 0, "cannot be read: %s", strerror(errno));
	else if (e != OK)
		conf_errors_report(errs, 0, 0, "no memory to read the configuration");
	if (e != OK)
		return e;
	e = conf_load_text(span_of(text, n), path, out_c, errs);
	free(text);
	return e;
}

/* Of a file that cannot be used otherwise, as much as is needed to speak to the daemon. */
static enum err find_socket(struct span text, const char *path, struct buf *b)
{
	struct snapshot *s = snapshot_new(path);
	struct conf_errors unheard;
	struct arena scratch;

	if (!s)
		return ERR_NOMEM;
	conf_errors_init(&unheard);
	arena_init(&scratch, CHUNK, ARENA_LIMIT);
	(void)!make(text, &scratch, &unheard, s);
	if (s->conf.admin_socket.n) {
		buf_add_span(b, s->conf.admin_socket);
	} else {
		buf_add_span(b, s->conf.dir);
		buf_add_lit(b, "/" CONF_SOCKET_NAME);
	}
	arena_done(&scratch);
	conf_errors_done(&unheard);
	conf_put(&s->conf);
	return b->overflow ? ERR_RANGE : OK;
}

enum err conf_find_socket(const char *path, struct buf *b)
{
	char *text;
	size_t n;
	enum err e = read_file(path, &text, &n);

	if (e != OK)
		return e;
	e = find_socket(span_of(text, n), path, b);
	free(text);
	return e;
}

static struct snapshot *snapshot_of(const struct conf *c)
{
	return (struct snapshot *)(void *)((char *)(uintptr_t)c - offsetof(struct snapshot, conf));
}

const struct conf *conf_get(const struct conf *c)
{
	atomic_fetch_add_explicit(&snapshot_of(c)->refs, 1, memory_order_relaxed);
	return c;
}

void conf_put(const struct conf *c)
{
	struct snapshot *s;

	if (!c)
		return;
	s = snapshot_of(c);
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_done(&s->arena);
	free(s);
}

const char *conf_mode_name(enum conf_mode m)
{
	static const char *const names[] = {"off", "observe", "enforce"};

	return names[m];
}

const char *conf_algorithm_name(enum conf_algorithm a)
{
	static const char *const names[] = {"SHA-512-256", "SHA-256", "MD5"};

	return names[a];
}
