/* SPDX-License-Identifier: MIT */
#include "event/output_exec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_MS 10000 /* until a new socket answers */
#define GRACE_MS 10000 /* besides the time that the program has */

/* What became of a record when no result came. */
enum fate { FATE_RESULT, FATE_DIED, FATE_GONE, FATE_SILENT, FATE_STOPPED };

struct exec {
	struct output base;
	exec_open_fn *open;
	void *arg;
	struct exec_program program; /* its texts are in `text` */
	int fd;                      /* -1: to be opened again */
	int error;                   /* errno of FATE_GONE */
	bool ready;                  /* the socket answered */
	char text[EXEC_PROGRAM_MAX];
};

static void hang_up(struct exec *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	x->ready = false;
}

/* The next result, within ms. */
static enum fate await(struct exec *x, unsigned ms, struct exec_result *out_r)
{
	char text[EXEC_RESULT_BYTES + 1];
	ssize_t n;

	if (!output_wait(&x->base, x->fd, POLLIN, ms))
		return output_must_end(&x->base) ? FATE_STOPPED : FATE_SILENT;
	n = recv(x->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n <= 0 || exec_read_result(span_of(text, (size_t)n), out_r) != OK)
		return FATE_DIED;
	return FATE_RESULT;
}

/* A socket that takes records; else *out_r or the fate says why there is none. */
static bool connect_ready(struct exec *x, enum fate *out_fate, struct exec_result *out_r)
{
	if (x->fd < 0 && x->open(x->arg, &x->program, &x->fd) != OK) {
		x->error = errno;
		*out_fate = FATE_GONE;
		return false;
	}
	if (x->ready)
		return true;
	*out_fate = await(x, READY_MS, out_r);
	x->ready = *out_fate == FATE_RESULT && out_r->end == EXEC_READY;
	if (!x->ready)
		hang_up(x);
	return x->ready;
}

/* A socket that broke since the last record is opened again, once. */
static bool send_record(
    struct exec *x, struct span record, enum fate *out_fate, struct exec_result *out_r)
{
	for (unsigned tries = 0; tries < 2; tries++) {
		if (!connect_ready(x, out_fate, out_r))
			return false;
		if (send(x->fd, record.p, record.n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    (ssize_t)record.n)
			return true;
		x->error = errno;
		hang_up(x);
	}
	*out_fate = FATE_GONE;
	return false;
}

static enum fate run(struct exec *x, struct span record, struct exec_result *out_r)
{
	const unsigned ms = (unsigned)(x->program.timeout / USEC_MS) + GRACE_MS;
	enum fate fate;

	if (!send_record(x, record, &fate, out_r))
		return fate;
	fate = await(x, ms, out_r);
	if (fate != FATE_RESULT)
		hang_up(x); /* which kills the program */
	return fate;
}

static void explain_result(
    const struct exec *x, const struct exec_result *r, struct output_result *out)
{
	const unsigned ms = (unsigned)(x->program.timeout / USEC_MS);

	switch (r->end) {
	case EXEC_EXITED:
		output_fail(out, EIO, "exit code %u", r->value);
		break;
	case EXEC_KILLED:
		output_fail(out, EIO, "killed by signal %u (%s)", r->value,
		    sigdescr_np((int)r->value) ? sigdescr_np((int)r->value) : "unknown");
		break;
	case EXEC_TIMED_OUT:
		output_fail(out, ETIMEDOUT, "timed out after %u%s, killed",
		    ms % 1000 ? ms : ms / 1000, ms % 1000 ? "ms" : "s");
		break;
	case EXEC_NOT_STARTED:
		output_fail(out, (int)r->value, "cannot be started: %s", strerror((int)r->value));
		break;
	case EXEC_REFUSED:
		output_fail(out, EACCES, "the configuration file does not name it: reload");
		break;
	case EXEC_READY:
	case EXEC_END_COUNT:
		output_fail(out, EPROTO, "the process that runs programs is out of step");
		break;
	}
}

/* The other end of its socket is closed, or what else kept us from it. */
static void explain_gone(int error, struct output_result *out)
{
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
		output_fail(
		    out, error, "the process that runs programs is gone: restart ringfence");
	else
		output_fail(
		    out, error, "cannot reach the process that runs programs: %s", strerror(error));
}

static void explain(
    const struct exec *x, enum fate fate, const struct exec_result *r, struct output_result *out)
{
	switch (fate) {
	case FATE_RESULT:
		explain_result(x, r, out);
		break;
	case FATE_DIED:
		output_fail(out, EPIPE, "the process that runs it died");
		break;
	case FATE_GONE:
		explain_gone(x->error, out);
		break;
	case FATE_SILENT:
		output_fail(out, ETIMEDOUT, "the process that runs programs does not answer");
		break;
	case FATE_STOPPED:
		output_fail(out, EINTR, "stopped before the program ended");
		break;
	}
}

static void deliver(struct output *o, struct span chunk, struct output_result *out)
{
	struct exec *x = (struct exec *)o;
	struct exec_result r = {.end = EXEC_READY};
	struct span rest = chunk, record;
	enum fate fate = FATE_STOPPED;

	if (!output_next(&rest, &record))
		return;
	out->used = chunk.n - rest.n;
	if (!output_must_end(o))
		fate = run(x, record, &r);
	if (fate == FATE_RESULT && r.end == EXEC_EXITED && r.value == 0) {
		out->delivered = 1;
		return;
	}
	out->lost = 1;
	explain(x, fate, &r, out);
}

static void free_exec(struct output *o)
{
	hang_up((struct exec *)o);
	free(o);
}

static const struct output_ops ops = {.framed = true, .deliver = deliver, .free = free_exec};

enum err output_new_exec(
    const struct exec_program *p, exec_open_fn *open, void *arg, struct output **out_o)
{
	struct exec *x = calloc(1, sizeof(*x));
	struct buf b;
	enum err e;
	int error;

	if (!x)
		return ERR_NOMEM;
	*x = (struct exec){.base = {.ops = &ops}, .open = open, .arg = arg, .fd = -1};
	b = buf_of(x->text, sizeof(x->text));
	exec_write_program(p, &b);
	e = b.overflow ? ERR_SYNTAX : exec_read_program(buf_span(&b), &x->program);
	if (e == OK)
		e = open(arg, &x->program, &x->fd);
	if (e != OK) {
		error = errno;
		free(x);
		errno = error;
		return e;
	}
	*out_o = &x->base;
	return OK;
}
