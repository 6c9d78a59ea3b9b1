/* SPDX-License-Identifier: MIT */
#include "cli/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (256 * 1024)

/* `n` bytes of the file from `at` on lie at the start of p; the last of them end a line. What comes
 * before the first newline is kept at the end of the next block: `keep` bytes. */
struct tail {
	char p[BLOCK + TAIL_LINE_MAX];
	bool too_long; /* the line that is being put together is given up */
};

static enum err read_block(int fd, char *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t got = pread(fd, p, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0) {
			errno = ENODATA; /* the file was cut while we read */
			return ERR_IO;
		}
		p += got;
		n -= (size_t)got;
		at += got;
	}
	return OK;
}

/* Gives the lines of the first n bytes, last one first; *out_rest bytes at the start are no whole
 * line yet. False when the reader has had enough. */
static bool give_lines(
    struct tail *t, size_t n, bool (*fn)(void *arg, struct span line), void *arg, size_t *out_rest)
{
	for (size_t i = n; i > 0; i--) {
		if (t->p[i - 1] != '\n')
			continue;
		if (!t->too_long && i < n && !fn(arg, span_of(t->p + i, n - i)))
			return false;
		t->too_long = false;
		n = i - 1;
	}
	*out_rest = n;
	return true;
}

static enum err walk(
    struct tail *t, int fd, off_t size, bool (*fn)(void *arg, struct span line), void *arg)
{
	size_t keep = 0;

	while (size > 0) {
		size_t n = (size_t)MIN(size, (off_t)BLOCK);
		enum err e;

		if (keep > TAIL_LINE_MAX) {
			t->too_long = true;
			keep = 0;
		}
		memmove(t->p + n, t->p, keep);
		size -= (off_t)n;
		e = read_block(fd, t->p, n, size);
		if (e != OK)
			return e;
		if (!give_lines(t, n + keep, fn, arg, &keep))
			return OK;
	}
	if (keep > 0 && keep <= TAIL_LINE_MAX && !t->too_long)
		fn(arg, span_of(t->p, keep));
	return OK;
}

enum err tail_read(int fd, bool (*fn)(void *arg, struct span line), void *arg)
{
	struct stat st;
	struct tail *t;
	enum err e;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	t = malloc(sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->too_long = false;
	e = walk(t, fd, st.st_size, fn, arg);
	free(t);
	return e;
}
