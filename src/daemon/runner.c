/* SPDX-License-Identifier: MIT */
#include "daemon/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/orphans.h"
#include "daemon/privileges.h"
#include "daemon/program.h"

#define NAME          "ringfence-run"
#define CHANNELS_MAX  32  /* processes at once: sinks, those of before a reload, some that hang */
#define STOP_TRIES    200 /* of STOP_PAUSE_MS each, until it is not waited for any more */
#define STOP_PAUSE_MS 10
#define END_TRIES     400 /* likewise: a channel has twice as long as it takes for a program */

enum { CONTROL = 3 };

/* Its own side of it. */
struct state {
	const struct program_rules *rules;
	const struct conf *conf; /* the newest that was valid */
	pid_t channels[CHANNELS_MAX];
	size_t channels_n;
};

/* --- what it gives up --- */

/* Only the socket and standard error stay. */
static bool drop_descriptors(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	       (fd == CONTROL || dup2(fd, CONTROL) >= 0) && close_range(CONTROL + 1, ~0u, 0) == 0 &&
	       fcntl(CONTROL, F_SETFD, FD_CLOEXEC) == 0;
}

/* Programs have the user of the daemon, and no capability, of root neither. */
static bool become_user(const struct conf *c)
{
	char text[256];
	struct buf why = BUF(text);

	return !c->privileges.user.n || privileges_become_user(c->privileges.user.p, &why) == OK;
}

/* --- requests --- */

static void on_child(int number UNUSED)
{
}

/* Signals to the whole group end the daemon, and with it the socket. That a child died ends the
 * wait for a request. */
static void take_signals(void)
{
	struct sigaction child = {.sa_handler = on_child};
	sigset_t blocked;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGCHLD, &child, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* The next request; *out_fd is -1 when none came with it. False when the daemon is gone. */
static bool receive(char *text, size_t cap, struct span *out_message, int *out_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec iov = {text, cap};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(CONTROL, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*out_fd = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(out_fd, CMSG_DATA(c), sizeof(int));
	*out_message = span_of(text, m.msg_flags & MSG_TRUNC ? 0 : (size_t)MAX(n, 0));
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void read_configuration(struct state *s)
{
	struct conf_errors errs;
	struct conf *c;

	if (s->rules->fixed)
		return;
	conf_errors_init(&errs);
	if (conf_load(s->rules->start->file.p, &c, &errs) == OK) {
		conf_put(s->conf);
		s->conf = c;
	}
	conf_errors_done(&errs);
}

static void refuse(int fd, enum exec_end end, int error)
{
	program_answer(fd, &(struct exec_result){end, (uint32_t)error});
}

static void open_channel(struct state *s, const struct exec_program *p, int fd)
{
	struct buf unsaid = buf_of(NULL, 0); /* the daemon said why */
	pid_t pid;

	read_configuration(s);
	if (program_rules_check(s->rules, s->conf, p, &unsaid) != OK) {
		refuse(fd, EXEC_REFUSED, 0);
		return;
	}
	if (s->channels_n == CHANNELS_MAX) {
		refuse(fd, EXEC_NOT_STARTED, EAGAIN);
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(CONTROL);
		program_serve(fd, p);
	}
	if (pid < 0)
		refuse(fd, EXEC_NOT_STARTED, errno);
	else
		s->channels[s->channels_n++] = pid;
}

static void forget_channel(struct state *s, pid_t pid)
{
	for (size_t i = 0; i < s->channels_n; i++)
		if (s->channels[i] == pid) {
			s->channels[i] = s->channels[--s->channels_n];
			return;
		}
}

/* A channel ends what it ran; if it was killed, that is left to the runner. Each that dies of it
 * ends the wait for a request, and what it had started is met then. False: there is no child. */
static bool reap(struct state *s)
{
	pid_t pid;

	(void)orphans_kill(s->channels, s->channels_n);
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		forget_channel(s, pid);
	return pid == 0;
}

/* The daemon is gone, and with it the sockets of the channels. */
static _Noreturn void end(struct state *s)
{
	for (unsigned i = 0; i < END_TRIES && reap(s); i++)
		poll(NULL, 0, STOP_PAUSE_MS);
	_exit(0);
}

static _Noreturn void serve(const struct program_rules *r)
{
	static char text[EXEC_PROGRAM_MAX];
	struct state s = {.rules = r, .conf = conf_get(r->start)};
	struct pollfd p = {.fd = CONTROL, .events = POLLIN};
	struct exec_program program;
	struct span message;
	sigset_t none;
	int fd;

	orphans_adopt();
	sigemptyset(&none);
	for (;;) {
		(void)reap(&s);
		if (ppoll(&p, 1, NULL, &none) < 0 && errno == EINTR)
			continue;
		if (!receive(text, sizeof(text), &message, &fd))
			end(&s);
		if (fd >= 0 && exec_read_program(message, &program) == OK)
			open_channel(&s, &program, fd);
		if (fd >= 0)
			close(fd);
	}
}

static _Noreturn void be_runner(int fd, const struct program_rules *r)
{
	const struct conf *c = r->start;
	char text[256];
	struct buf why = BUF(text);
	enum err e = ERR_IO;

	prctl(PR_SET_NAME, NAME);
	take_signals();
	/* When that fails the daemon does not start, and says why. */
	if (!become_user(c))
		_exit(1);
	if (!drop_descriptors(fd))
		buf_addf(&why, "%m");
	else
		e = privileges_give_up(&why);
	if (e != OK) {
		fprintf(stderr, "ringfence: no programs can be run: %.*s\n", (int)why.n, why.p);
		_exit(1);
	}
	serve(r);
}

/* --- the daemon's side --- */

enum err runner_start(struct runner *r, const struct conf *c)
{
	int pair[2];
	enum err e = program_rules_init(&r->rules, c);

	if (e != OK)
		return e;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		program_rules_done(&r->rules);
		return ERR_IO;
	}
	r->fd = pair[0];
	r->pid = fork();
	if (r->pid == 0)
		be_runner(pair[1], &r->rules);
	close(pair[1]);
	if (r->pid > 0)
		return OK;
	r->pid = 0;
	runner_stop(r);
	return ERR_IO;
}

static bool send_request(int to, struct span message, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec iov = {(char *)message.p, message.n};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)message.n;
}

enum err runner_open(void *arg, const struct exec_program *p, int *out_fd)
{
	const struct runner *r = arg;
	char text[EXEC_PROGRAM_MAX];
	struct buf b = BUF(text);
	int pair[2], error;
	bool sent;

	exec_write_program(p, &b);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_IO;
	sent = send_request(r->fd, buf_span(&b), pair[1]);
	error = errno;
	close(pair[1]);
	if (sent) {
		*out_fd = pair[0];
		return OK;
	}
	close(pair[0]);
	errno = error;
	return ERR_IO;
}

static bool needs_programs(const struct conf *c)
{
	for (size_t i = 0; i < c->sinks_count; i++)
		if (c->sinks[i].kind == CONF_SINK_EXEC)
			return true;
	return false;
}

void runner_watch(struct runner *r, const struct conf *c)
{
	if (!r->pid || waitpid(r->pid, NULL, WNOHANG) != r->pid)
		return;
	r->pid = 0;
	if (needs_programs(c))
		fputs("ringfence: the process that runs programs died: restart ringfence to run "
		      "others than now\n",
		    stderr);
}

void runner_stop(struct runner *r)
{
	if (r->fd > 0)
		close(r->fd);
	for (unsigned i = 0; r->pid && i < STOP_TRIES && waitpid(r->pid, NULL, WNOHANG) == 0; i++)
		poll(NULL, 0, STOP_PAUSE_MS);
	program_rules_done(&r->rules);
	*r = (struct runner){.fd = -1};
}
