/* SPDX-License-Identifier: MIT
 *
 * Files and streams. After a partial write the line is finished or, after an error, ended, so that
 * every line of the file but a cut one is whole. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/output.h"

#define STREAM_WRITE 4096 /* PIPE_BUF: after POLLOUT this much never blocks */
#define FILE_MODE    0640

struct file_output {
	struct output base;
	int fd;
	dev_t dev;
	ino_t ino;
	bool is_file; /* regular: has an end that can be taken back */
	bool torn;    /* a cut line could not be taken back and must be ended first */
	char *path;   /* NULL: a descriptor that was given */
};

static int open_path(const char *path)
{
	/* Non-blocking only so that a FIFO without a reader is an error and no trap. */
	return open(
	    path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
}

static void adopt(struct file_output *s, int fd)
{
	struct stat st;

	s->fd = fd;
	s->torn = false;
	if (fstat(fd, &st) != 0)
		return;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->is_file = S_ISREG(st.st_mode);
}

/* Follows the path when the file was moved or removed, or when told to. False with errno when
 * nothing is there to write to; a file that is still in place goes on being used. */
static bool follow_path(struct file_output *s, bool reopen, bool *out_reopened)
{
	struct stat st;
	bool same =
	    s->fd >= 0 && stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
	int fd;

	if (same && !reopen)
		return true;
	fd = open_path(s->path);
	if (fd < 0)
		return same;
	if (s->fd >= 0)
		close(s->fd);
	adopt(s, fd);
	*out_reopened = true;
	return true;
}

/* Waits until the stream takes something; false when it does not and the sink is to end. */
static bool wait_writable(struct file_output *s)
{
	while (!output_wait(&s->base, s->fd, POLLOUT, 1000))
		if (output_is_ending(&s->base)) {
			errno = EAGAIN;
			return false;
		}
	return true;
}

/* All of p, in as many writes as it takes; returns how much went out, errno tells why not all. */
static size_t write_all(struct file_output *s, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t part = s->is_file ? n - done : MIN(n - done, (size_t)STREAM_WRITE);
		ssize_t w;

		if (!s->is_file && !wait_writable(s))
			break;
		w = write(s->fd, p + done, part);
		if (w > 0)
			done += (size_t)w;
		else if (w == 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	return done;
}

static size_t count_lines(const char *p, size_t n)
{
	size_t lines = 0;

	for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		lines++;
	return lines;
}

/* A line was cut after `extra` bytes: takes them back, or remembers that it must be ended. */
static void mend(struct file_output *s, off_t before, size_t whole, size_t extra)
{
	struct stat st;
	off_t good = before + (off_t)whole;

	if (extra == 0)
		return;
	s->torn = true;
	if (s->is_file && fstat(s->fd, &st) == 0 && st.st_size == good + (off_t)extra &&
	    ftruncate(s->fd, good) == 0)
		s->torn = false;
}

/* Writes the chunk; returns errno or 0, and how many lines are whole in the sink. */
static int write_chunk(struct file_output *s, struct span chunk, size_t *out_lines)
{
	struct stat st = {0};
	size_t done, whole;
	int error = 0;

	*out_lines = 0;
	if (s->torn && write_all(s, "\n", 1) != 1)
		return errno ? errno : EIO;
	s->torn = false;
	if (s->is_file)
		(void)fstat(s->fd, &st);
	errno = 0;
	done = write_all(s, chunk.p, chunk.n);
	if (done < chunk.n)
		error = errno ? errno : EIO;
	for (whole = done; whole > 0 && chunk.p[whole - 1] != '\n';)
		whole--;
	mend(s, st.st_size, whole, done - whole);
	*out_lines = count_lines(chunk.p, whole);
	return error;
}

static void deliver(struct output *o, struct span chunk, struct output_result *out)
{
	struct file_output *s = (struct file_output *)o;
	size_t total = count_lines(chunk.p, chunk.n), lines = 0;
	bool reopened = false;

	if (s->path && !follow_path(s, false, &reopened))
		out->error = errno;
	else
		out->error = write_chunk(s, chunk, &lines);
	out->used = chunk.n;
	out->delivered = lines;
	out->lost = total - lines;
	out->reopened = reopened;
}

static void reopen(struct output *o, struct output_result *out)
{
	struct file_output *s = (struct file_output *)o;
	bool reopened = false;

	if (s->path && !follow_path(s, true, &reopened))
		out->error = errno;
	out->reopened = reopened;
}

static void free_file(struct output *o)
{
	struct file_output *s = (struct file_output *)o;

	if (s->path && s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static const struct output_ops file_ops = {.deliver = deliver, .reopen = reopen, .free = free_file};

enum err output_new_file(const char *path, struct output **out_o)
{
	struct file_output *s;
	int fd = open_path(path);

	if (fd < 0)
		return ERR_IO;
	s = calloc(1, sizeof(*s));
	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		free(s);
		close(fd);
		return ERR_NOMEM;
	}
	s->base.ops = &file_ops;
	adopt(s, fd);
	*out_o = &s->base;
	return OK;
}

enum err output_new_fd(int fd, struct output **out_o)
{
	struct file_output *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->base.ops = &file_ops;
	adopt(s, fd);
	*out_o = &s->base;
	return OK;
}
