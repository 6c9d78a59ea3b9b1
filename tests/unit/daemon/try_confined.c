/* SPDX-License-Identifier: MIT
 *
 * Gives up what the daemon gives up, with a configuration of the test's, and then tries what a
 * burglar would, and what the daemon has to do. Prints a line each: the name of the try, and `ok`
 * or the name of the error; EXFULL, which no call tried here gives, is the filter's.
 * tests/e2e/test_privileges.py knows what must come.
 *
 *     try-confined CONFIG OUTSIDE
 *
 * OUTSIDE: a folder that the configuration does not name. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/privileges.h"
#include "daemon/sandbox.h"

static const struct conf *conf;
static const char *outside;

/* 0 or errno. */
static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int closed(int fd)
{
	int error = result(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

static const char *in(const char *folder, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *in_state(const char *name)
{
	return in(conf->dir.p, name);
}

/* ---- files ---- */

static int read_shadow(void)
{
	return closed(open("/etc/shadow", O_RDONLY));
}

static int read_outside(void)
{
	return closed(open(in(outside, "secret"), O_RDONLY));
}

static int list_outside(void)
{
	return closed(open(outside, O_RDONLY | O_DIRECTORY));
}

static int write_outside(void)
{
	return closed(open(in(outside, "new"), O_WRONLY | O_CREAT, 0600));
}

static int truncate_outside(void)
{
	return result(truncate(in(outside, "secret"), 0));
}

static int remove_outside(void)
{
	return result(unlink(in(outside, "secret")));
}

static int write_etc(void)
{
	return closed(open("/etc/ringfence-try", O_WRONLY | O_CREAT, 0600));
}

static int change_mode_of_other(void)
{
	return result(chmod(in(outside, "secret"), 0666));
}

static int change_owner_of_other(void)
{
	return result(chown(in(outside, "secret"), 1, 1));
}

static int make_setuid_file(void)
{
	int fd = open(in_state("setuid"), O_RDWR | O_CREAT, 0600);
	int error = result(fd < 0 ? -1 : fchmod(fd, 04755));

	if (fd >= 0)
		close(fd);
	return error;
}

static int link_out(void)
{
	char target[4096];

	snprintf(target, sizeof(target), "%s", in(outside, "secret"));
	return result(link(target, in_state("link")));
}

static int make_device(void)
{
	return result(mknod(in_state("device"), S_IFCHR | 0600, 0x0103));
}

static int write_sysctl(void)
{
	return closed(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

/* ---- programs and processes ---- */

static int run_program(void)
{
	char *const argv[] = {NULL};

	/* Reached, it is ENOENT. */
	return result(execve("/nowhere/program", argv, argv));
}

static int make_process(void)
{
	long pid = syscall(SYS_clone, (long)SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return result(pid);
}

static int debug_parent(void)
{
	int error = result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));

	if (!error)
		ptrace(PTRACE_DETACH, getppid(), NULL, NULL);
	return error;
}

static int read_parent_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)4096, 1};

	return result(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int read_parent_environment(void)
{
	char path[64], byte;
	int fd, error;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)getppid());
	fd = open(path, O_RDONLY);
	error = result(fd < 0 ? -1 : read(fd, &byte, 1));
	if (fd >= 0)
		close(fd);
	return error;
}

static int signal_parent(void)
{
	return result(kill(getppid(), 0));
}

static int become_root(void)
{
	return result(setresuid(0, 0, 0));
}

static int become_other(void)
{
	return result(setresgid(1, 1, 1));
}

/* ---- the kernel ---- */

static int make_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int enter_namespace(void)
{
	return result(setns(-1, 0)); /* reached, it is EBADF */
}

static int mount_something(void)
{
	return result(mount("none", outside, "tmpfs", 0, NULL));
}

static int load_bpf(void)
{
	char attr[64] = {0};

	return result(syscall(SYS_bpf, 5L, attr, sizeof(attr))); /* reached, EINVAL or so */
}

static int watch_by_perf(void)
{
	return result(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); /* reached, EFAULT */
}

static int use_io_uring(void)
{
	return result(syscall(SYS_io_uring_setup, 1L, NULL)); /* reached, EFAULT */
}

static int use_keys(void)
{
	return result(syscall(SYS_keyctl, 0L, -3L, 0L)); /* KEYCTL_GET_KEYRING_ID */
}

static int load_kernel(void)
{
	return result(syscall(SYS_kexec_load, 0L, 0L, NULL, ~0UL));
}

static int load_module(void)
{
	return result(syscall(SYS_finit_module, -1L, "", 0L));
}

static int handle_faults(void)
{
	return closed((int)syscall(SYS_userfaultfd, 0L));
}

static int make_code(void)
{
	void *p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int turn_data_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int be_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* ---- the network ---- */

static int packet_socket(void)
{
	return closed(socket(AF_PACKET, SOCK_RAW, 0));
}

static int raw_socket(void)
{
	return closed(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int netfilter_socket(void)
{
	return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
}

static int vsock_socket(void)
{
	return closed(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int force_buffer(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 1 << 20;
	int error = result(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));

	close(fd);
	return error;
}

/* ---- what the daemon has to do ---- */

static int read_configuration(void)
{
	return closed(open(conf->file.p, O_RDONLY));
}

static int append_events(void)
{
	return closed(open(conf->sinks[0].path.p, O_WRONLY | O_APPEND | O_CREAT, 0640));
}

static int keep_database(void)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open(conf->state_store.path.p, &db);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db,
		    "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1);"
		    "PRAGMA wal_checkpoint; DROP TABLE t; VACUUM",
		    NULL, NULL, NULL);
	sqlite3_close(db);
	return rc == SQLITE_OK ? 0 : EIO;
}

static int send_datagram(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = result(bind(fd, (struct sockaddr *)&to, n));

	if (!error)
		error = result(getsockname(fd, (struct sockaddr *)&to, &n));
	if (!error)
		error = result(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, n));
	close(fd);
	return error;
}

static int listen_on_tcp(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* A machine may have no IPv6. */
	if (fd < 0 && errno == EAFNOSUPPORT)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || listen(fd, 1) != 0)
		return errno;
	return closed(fd);
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t t;
	int error = pthread_create(&t, NULL, nothing, NULL);

	return error ? error : pthread_join(t, NULL);
}

static int resolve_name(void)
{
	struct addrinfo *list = NULL;
	int rc = getaddrinfo("localhost", "80", NULL, &list);

	if (list)
		freeaddrinfo(list);
	return rc ? ENOENT : 0;
}

static int list_addresses(void)
{
	struct ifaddrs *list = NULL;
	int error = result(getifaddrs(&list));

	if (list)
		freeifaddrs(list);
	return error;
}

static int look_at_itself(void)
{
	return closed(open("/proc/self/statm", O_RDONLY));
}

static int read_certificates(void)
{
	return closed(open("/etc/ssl/certs", O_RDONLY | O_DIRECTORY));
}

#define TRY(f)        \
	{             \
#f, f \
	}

static const struct {
	const char *name;
	int (*fn)(void);
} tries[] = {
    TRY(read_shadow),
    TRY(read_outside),
    TRY(list_outside),
    TRY(write_outside),
    TRY(truncate_outside),
    TRY(remove_outside),
    TRY(write_etc),
    TRY(change_mode_of_other),
    TRY(change_owner_of_other),
    TRY(make_setuid_file),
    TRY(link_out),
    TRY(make_device),
    TRY(write_sysctl),
    TRY(run_program),
    TRY(make_process),
    TRY(debug_parent),
    TRY(read_parent_memory),
    TRY(read_parent_environment),
    TRY(signal_parent),
    TRY(become_root),
    TRY(become_other),
    TRY(make_namespace),
    TRY(enter_namespace),
    TRY(mount_something),
    TRY(load_bpf),
    TRY(watch_by_perf),
    TRY(use_io_uring),
    TRY(use_keys),
    TRY(load_kernel),
    TRY(load_module),
    TRY(handle_faults),
    TRY(make_code),
    TRY(turn_data_into_code),
    TRY(be_dumpable),
    TRY(packet_socket),
    TRY(raw_socket),
    TRY(netfilter_socket),
    TRY(vsock_socket),
    TRY(force_buffer),
    TRY(read_configuration),
    TRY(append_events),
    TRY(keep_database),
    TRY(send_datagram),
    TRY(listen_on_tcp),
    TRY(make_thread),
    TRY(resolve_name),
    TRY(list_addresses),
    TRY(look_at_itself),
    TRY(read_certificates),
};

static bool confine(const char *path)
{
	static struct sandbox s = {.refusal = EXFULL};
	static char text[4096];
	struct buf why = BUF(text);
	struct conf_errors errs;
	struct conf *c = NULL;
	enum err e;

	conf_errors_init(&errs);
	e = conf_load(path, &c, &errs);
	conf_errors_done(&errs);
	if (e == OK && c->privileges.user.n)
		e = privileges_become_user(c->privileges.user.p, &why);
	if (e == OK)
		e = sandbox_enter(&s, c, &why);
	if (e != OK) {
		fprintf(stderr, "%s: %.*s\n", err_text(e), (int)why.n, why.p);
		return false;
	}
	printf("calls_filtered %s\nlandlock %u\n", s.calls_filtered ? "ok" : "no",
	    s.files_guarded ? s.files.abi : 0);
	conf = c;
	return true;
}

int main(int argc, char **argv)
{
	if (argc != 3 || !confine(argv[1]))
		return 1;
	outside = argv[2];
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		int error = tries[i].fn();

		printf("%s %s\n", tries[i].name, error ? strerrorname_np(error) : "ok");
		fflush(stdout);
	}
	conf_put(conf);
	return 0;
}
