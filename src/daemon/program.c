/* SPDX-License-Identifier: MIT */
#include "daemon/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/orphans.h"
#include "event/format.h"
#include "event/output.h"

#define FILES_MAX     1024 /* descriptors: the daemon's own limit is for its connections */
#define END_TRIES     200  /* of END_PAUSE_MS each, until what the program left is dead */
#define END_PAUSE_MS  10
#define CODE_NO_START 127

/* The program that runs. */
struct child {
	pid_t pid;
	int pidfd; /* readable when it ended */
	int said;  /* errno, when it could not be started */
};

void program_answer(int fd, const struct exec_result *r)
{
	char text[EXEC_RESULT_BYTES];
	struct buf b = BUF(text);

	exec_write_result(r, &b);
	(void)!send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- in the child --- */

static void set_limits(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	(void)setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES_MAX) {
		files.rlim_cur = FILES_MAX;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* As a program that was just started expects them. */
static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Linux before 5.11 has no CLOSE_RANGE_CLOEXEC. The runner begins with none of these, so that their
 * numbers are small. */
static void close_at_exec(void)
{
	if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < FILES_MAX; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static _Noreturn void be_program(
    const struct exec_program *p, const struct exec_record *r, pid_t parent, int input, int said)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C";
	char *argv[EXEC_ARGS_MAX + 1] = {NULL}, *env[EXEC_VARIABLES_MAX + 3] = {path, language};
	int error;

	for (size_t i = 0; i < p->argc; i++)
		argv[i] = (char *)p->argv[i].p;
	for (size_t i = 0; i < r->count; i++)
		env[i + 2] = (char *)r->variables[i].p;
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CODE_NO_START);
	umask(027);
	set_limits();
	reset_signals();
	close_at_exec();
	if (chdir("/") == 0 && dup2(input, STDIN_FILENO) >= 0)
		execve(p->argv[0].p, argv, env);
	error = errno;
	(void)!write(said, &error, sizeof(error));
	_exit(CODE_NO_START);
}

/* --- its end --- */

/* What the program left behind, in its group or out of it: orphans become children of this process.
 * What the kernel cannot end now is met again after the next program. */
static void end_rest(void)
{
	for (unsigned i = 0; i < END_TRIES; i++) {
		pid_t pid;

		(void)orphans_kill(NULL, 0);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		poll(NULL, 0, END_PAUSE_MS);
	}
}

/* The program, its group, and all that came from it. The number of the group stays taken until the
 * program is reaped. */
static int end_all(const struct child *c)
{
	struct pollfd ended = {.fd = c->pidfd, .events = POLLIN};
	int status = 0;

	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	/* It hangs in the kernel. The other side sees that this process is gone. */
	if (poll(&ended, 1, END_TRIES * END_PAUSE_MS) <= 0)
		_exit(EXIT_FAILURE);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	end_rest();
	return status;
}

/* --- a run --- */

/* A file in memory, so that a program that does not read holds up nobody. */
static int make_input(struct span json)
{
	int fd = memfd_create("event", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, json.p, json.n) == (ssize_t)json.n && write(fd, "\n", 1) == 1 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* False, with errno: nothing runs. */
static bool start(const struct exec_program *p, const struct exec_record *r, struct child *out_c)
{
	const pid_t parent = getpid();
	int said[2], input = make_input(r->json);
	struct child c = {.pidfd = -1};

	if (input < 0)
		return false;
	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) != 0) {
		close(input);
		return false;
	}
	c.pid = fork();
	if (c.pid == 0)
		be_program(p, r, parent, input, said[1]);
	close(input);
	close(said[1]);
	c.said = said[0];
	if (c.pid > 0)
		c.pidfd = pidfd_open(c.pid, 0);
	if (c.pidfd >= 0) {
		*out_c = c;
		return true;
	}
	if (c.pid > 0)
		_exit(EXIT_FAILURE); /* no kernel of ours; PDEATHSIG ends the program */
	close(c.said);
	return false;
}

/* False when the time is over. When the other side is gone, or out of step, this is the end. */
static bool wait_for(const struct child *c, int fd, usec_t timeout)
{
	const usec_t until = output_now() + timeout;
	struct pollfd p[] = {{.fd = c->pidfd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	for (;;) {
		const usec_t now = output_now();
		const int ms = now < until ? (int)((until - now + USEC_MS - 1) / USEC_MS) : 0;
		const int n = poll(p, ARRAY_LEN(p), ms);

		if (n > 0 && p[0].revents)
			return true;
		if (n > 0) {
			end_all(c);
			_exit(EXIT_SUCCESS);
		}
		if (n == 0 && ms == 0)
			return false;
	}
}

static struct exec_result result_of(int status, bool in_time, int said)
{
	int error;

	if (read(said, &error, sizeof(error)) == sizeof(error))
		return (struct exec_result){EXEC_NOT_STARTED, (uint32_t)error};
	if (!in_time)
		return (struct exec_result){EXEC_TIMED_OUT, 0};
	if (WIFSIGNALED(status))
		return (struct exec_result){EXEC_KILLED, (uint32_t)WTERMSIG(status)};
	return (struct exec_result){EXEC_EXITED, (uint32_t)WEXITSTATUS(status)};
}

static struct exec_result run(int fd, const struct exec_program *p, const struct exec_record *r)
{
	struct exec_result result;
	struct child c;
	bool in_time;
	int status;

	if (!start(p, r, &c))
		return (struct exec_result){EXEC_NOT_STARTED, (uint32_t)errno};
	in_time = wait_for(&c, fd, p->timeout);
	status = end_all(&c);
	result = result_of(status, in_time, c.said);
	close(c.pidfd);
	close(c.said);
	return result;
}

void program_serve(int fd, const struct exec_program *p)
{
	static char text[EVENT_RECORD_MAX];
	struct exec_record record;

	orphans_adopt();
	signal(SIGCHLD, SIG_DFL);
	program_answer(fd, &(struct exec_result){EXEC_READY, 0});
	for (;;) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_TRUNC);
		struct exec_result result;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (size_t)n > sizeof(text) ||
		    exec_read_record(span_of(text, (size_t)n), &record) != OK)
			_exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		result = run(fd, p, &record);
		program_answer(fd, &result);
	}
}
