/* SPDX-License-Identifier: MIT
 *
 * ringfence-helper: the only process of ringfence with a privilege. Two processes. The keeper holds
 * the socket and forks the worker; it forks another one when that dies. The daemon's end of the
 * socket stays whole meanwhile, and the new worker begins with HELLO, so the daemon tells it
 * everything again. The keeper does nothing else, so there is nothing that could kill it.
 *
 * Both are nobody's, keep CAP_NET_ADMIN and CAP_BPF and nothing else, cannot get more, open no file
 * and end with their parent. The worker has a filter of system calls besides. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "helper/confine.h"
#include "helper/serve.h"
#include "helper/work.h"

enum { EXIT_WRONG_USE = 2, PAUSE_MS = 50, PAUSE_MAX_MS = 10000, LONG_LIFE_S = 60 };

/* Named apart, so that a signal by name meets the worker only. */
#define KEEPER "ringfence-keep"
#define WORKER "ringfence-help"

static void usage(FILE *out)
{
	fputs("usage: ringfence-helper --socket-fd N\n"
	      "       ringfence-helper --listen PATH [--user NAME]\n"
	      "Puts the bans of ringfence into the kernel. Started by the daemon, or by systemd.\n",
	    out);
}

static void complain(const struct buf *why)
{
	fprintf(stderr, "ringfence-helper: %.*s\n", (int)why->n, why->p);
}

/* The worker, to its end. */
static void be_worker(int fd, uint32_t generation, pid_t keeper)
{
	char text[256];
	struct buf why = BUF(text);

	prctl(PR_SET_NAME, WORKER);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(WORK_GONE);
	if (confine_calls(&why) != OK) /* an old kernel: it works all the same */
		complain(&why);
	_exit((int)work_run(fd, generation));
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* How a worker ended, from waitpid. */
static void tell_death(int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "ringfence-helper: the worker died of signal %d: another one\n",
		    WTERMSIG(status));
	else
		fprintf(stderr, "ringfence-helper: the worker ended with %d: another one\n",
		    WEXITSTATUS(status));
}

static void keep(int fd, uint32_t *generation)
{
	unsigned pause = PAUSE_MS;
	pid_t keeper = getpid(), pid;
	int status = 0;

	for (;;) {
		time_t born = now_s();

		pid = fork();
		if (pid == 0)
			be_worker(fd, *generation, keeper);
		++*generation;
		if (pid > 0) {
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			if (WIFEXITED(status) && WEXITSTATUS(status) <= WORK_STOPPED)
				return;
			tell_death(status);
		}
		if (now_s() - born >= LONG_LIFE_S)
			pause = PAUSE_MS;
		pause_ms(pause);
		pause = MIN(2 * pause, (unsigned)PAUSE_MAX_MS);
	}
}

/* One client after the other; whoever comes meanwhile waits. */
static int keep_service(int listener, uid_t user)
{
	uint32_t generation = 1;

	for (;;) {
		int fd = serve_accept(listener, user);

		if (fd < 0)
			return EXIT_FAILURE;
		keep(fd, &generation);
		close(fd);
	}
}

/* The signals that end the daemon reach its children, too; the helper ends after it, by STOP or by
 * the end of the socket. */
static int keep_child(int fd)
{
	uint32_t generation = 1;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	keep(fd, &generation);
	return EXIT_SUCCESS;
}

struct options {
	const char *listen, *user;
	long fd; /* -1: none */
};

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"socket-fd", required_argument, NULL, 'f'},
	    {"listen", required_argument, NULL, 'l'}, {"user", required_argument, NULL, 'u'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			exit(EXIT_SUCCESS);
		}
		if (c == 'f') {
			o->fd = strtol(optarg, &end, 10);
			if (*end || end == optarg || o->fd < 3 || o->fd > 1 << 20)
				return false;
		} else if (c == 'l') {
			o->listen = optarg;
		} else if (c == 'u') {
			o->user = optarg;
		} else {
			return false;
		}
	}
	return optind == argc && (o->fd >= 0) != (o->listen != NULL);
}

/* What is not to be had here is told, and it works all the same. */
static enum err give_up(struct buf *why)
{
	enum err err = confine_privileges(why);

	if (err != OK)
		return err;
	if (why->n)
		complain(why);
	why->n = 0;
	err = confine_files(why);
	if (err == ERR_UNSUPPORTED) {
		complain(why);
		return OK;
	}
	return err;
}

int main(int argc, char **argv)
{
	struct options o = {.fd = -1};
	char text[256];
	struct buf why = BUF(text);
	uid_t user = 0;
	enum err err = OK;
	int fd;

	if (!read_options(argc, argv, &o)) {
		usage(stderr);
		return EXIT_WRONG_USE;
	}
	fd = (int)o.fd;
	prctl(PR_SET_NAME, KEEPER);
	signal(SIGPIPE, SIG_IGN);
	if (o.listen)
		err = serve_listen(o.listen, o.user, &why, &fd, &user);
	if (err == OK)
		err = confine_descriptors(fd, &why);
	if (err == OK)
		err = give_up(&why);
	if (err != OK) {
		complain(&why);
		return EXIT_FAILURE;
	}
	/* A leak sanitizer could not look at a process that opens no file. */
	_exit(o.listen ? keep_service(3, user) : keep_child(3));
}
